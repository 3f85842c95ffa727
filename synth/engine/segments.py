"""Completions in JSON-lines files, found by their key through an index that lies on the disk, not in memory.

A line begins with `{"key":"` and 32 hexadecimal digits, so that a file is indexed without parsing its JSON. A line
counts once its newline is written: what a killed writer left behind it is no line.
"""

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson

from sources.errors import BabelmixError
from synth.request import Completion

_HEAD: Final = b'{"key":"'
_KEY_DIGITS: Final = 32
_SHORTEST: Final = len(_HEAD) + _KEY_DIGITS + 2
_BLOCK: Final = 1 << 20
_OPEN_FILES: Final = 64
_NEWLINE: Final = 10
_CLOSING: Final = ord("}")

# What is made again with each process needs no journal. The cache is in KiB.
_INDEX: Final = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA cache_size = -16384",
    "CREATE TABLE place (key BLOB, file INTEGER, offset INTEGER, length INTEGER, PRIMARY KEY (key, file, offset))"
    " WITHOUT ROWID",
    "BEGIN",
)
_ADD: Final = "INSERT OR IGNORE INTO place VALUES (?, ?, ?, ?)"
_PLACES: Final = "SELECT file, offset, length FROM place WHERE key = ? ORDER BY file, offset"
_ALL: Final = "SELECT key, file, offset, length FROM place ORDER BY key, file, offset"

_Array: TypeAlias = npt.NDArray[Any]
_NOT_HEX: Final = 255
_DIGITS: Final = np.full(256, _NOT_HEX, np.uint8)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _DIGITS[_digit] = _value


@dataclass(frozen=True, slots=True)
class Recorded:
    """A completion with what it is the completion of; `key` is `Request.key(model, revision)`."""

    key: str
    prompt: str
    model: str
    revision: str
    completion: Completion

    def line(self) -> bytes:
        """Its line, newline included."""
        row = {
            "key": self.key,
            "prompt": self.prompt,
            "model": self.model,
            "revision": self.revision,
            "finish_reason": self.completion.finish_reason,
            "prompt_tokens": self.completion.prompt_tokens,
            "completion_tokens": self.completion.completion_tokens,
            "text": self.completion.text,
        }
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def parse(cls, line: bytes) -> "Recorded":
        """The record of a line.

        Raises:
            ValueError: the line is not JSON, or lacks a field.
        """
        row = orjson.loads(line)
        try:
            completion = Completion(
                row["text"], row["finish_reason"], row["prompt_tokens"], row["completion_tokens"]
            )
            return cls(row["key"], row["prompt"], row["model"], row["revision"], completion)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no field {error}") from error


class Segments:
    """The files and the index over them. The first of several completions with one key is the one that counts."""

    def __init__(self) -> None:
        self._paths: list[Path] = []
        self._scanned: list[int] = []
        self._open: OrderedDict[int, int] = OrderedDict()
        self._length = 0
        # A database without a name is a temporary file of this process's, which goes with it. Threads take turns.
        self._index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for line in _INDEX:
            self._index.execute(line)

    def __len__(self) -> int:
        """Lines in the index; a key that was stored twice counts twice."""
        return self._length

    def file(self, path: Path) -> int:
        """Takes up a file, without reading it; its number."""
        self._paths.append(path)
        self._scanned.append(0)
        return len(self._paths) - 1

    def note(self, file: int, key: str, offset: int, length: int) -> None:
        """A line was appended to `file`: `length` bytes at `offset`, newline not counted."""
        self._scanned[file] = offset + length + 1
        self._add([(bytes.fromhex(key), file, offset, length)])

    def scan(self, file: int, strict: bool = False) -> int:
        """Indexes the whole lines that `file` has got since it was scanned last; how many.

        Raises:
            BabelmixError: `strict`, and a line does not begin with a key, or the last one has no newline.
        """
        path, at, found = self._paths[file], self._scanned[file], 0
        rest = b""
        with path.open("rb") as stream:
            stream.seek(at)
            while block := stream.read(_BLOCK):
                content = np.frombuffer(rest + block, np.uint8)
                ends = np.flatnonzero(content == _NEWLINE)
                if not len(ends):
                    rest = content.tobytes()
                    continue
                starts = np.concatenate(([0], ends[:-1] + 1))
                keys, sound = _keys(content, starts, ends)
                if strict and not sound.all():
                    raise BabelmixError(
                        f'{path}, line {found + int(np.argmin(sound)) + 1}: does not begin with {{"key":" and 32'
                        " hexadecimal digits; write such files by synth.engine.replay.record"
                    )
                found += len(ends)
                offsets, lengths = at + starts[sound], (ends - starts)[sound]
                self._add(zip(keys, repeat(file), offsets.tolist(), lengths.tolist(), strict=False))
                whole = int(ends[-1]) + 1
                at, rest = at + whole, content[whole:].tobytes()
        if strict and rest:
            raise BabelmixError(f"{path}: the last line is cut off; write the file again")
        self._scanned[file] = at
        return found

    def refresh(self, file: int) -> None:
        """Scans `file` if it has grown."""
        if self._paths[file].stat().st_size > self._scanned[file]:
            self.scan(file)

    def find(self, key: str) -> Recorded | None:
        """The completion under `key`; None also where its line is damaged, as it must be made again then."""
        for place in self._index.execute(_PLACES, (bytes.fromhex(key),)):
            if (found := self._read(*place)) is not None and found.key == key:
                return found
        return None

    def __contains__(self, key: str) -> bool:
        return self._index.execute(_PLACES, (bytes.fromhex(key),)).fetchone() is not None

    def ordered(self, strict: bool = False) -> Iterator[Recorded]:
        """All completions by rising key, each key once.

        Raises:
            BabelmixError: `strict`, and a line is damaged; it is passed over otherwise.
        """
        last = b""
        for key, file, offset, length in self._index.execute(_ALL):
            if key == last:
                continue
            if (found := self._read(file, offset, length)) is not None:
                last = key
                yield found
            elif strict:
                raise BabelmixError(
                    f"{self._paths[file]}, byte {offset}: the line under key {key.hex()} is damaged;"
                    " write it again"
                )

    def close(self) -> None:
        """Closes the files; they are opened again when they are needed."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _read(self, file: int, offset: int, length: int) -> Recorded | None:
        try:
            return Recorded.parse(os.pread(self._descriptor(file), length, offset))
        except ValueError:
            return None

    def _descriptor(self, file: int) -> int:
        descriptor = self._open.get(file)
        if descriptor is None:
            if len(self._open) >= _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
            self._open[file] = descriptor = os.open(self._paths[file], os.O_RDONLY)
        return descriptor

    def _add(self, places: Iterable[tuple[bytes, int, int, int]]) -> None:
        try:
            self._length += self._index.executemany(_ADD, places).rowcount
        except sqlite3.Error as error:
            raise BabelmixError(
                f"the index of stored completions cannot be kept ({error}); make room where temporary files are,"
                " or name another folder in TMPDIR"
            ) from error


def _keys(content: _Array, starts: _Array, ends: _Array) -> tuple[Iterator[bytes], npt.NDArray[np.bool_]]:
    """The keys of the sound lines among those from `starts` to `ends`, and which are sound, `[lines]`."""
    sound = (ends - starts >= _SHORTEST) & (content[ends - 1] == _CLOSING)
    # Short lines are looked at from the start of the block, so that no index leaves it.
    columns = np.where(sound, starts, 0)[:, None] + np.arange(min(_SHORTEST, len(content)))
    lines = content[columns]
    if lines.shape[1] < _SHORTEST:
        return iter(()), np.zeros(len(starts), np.bool_)
    digits = _DIGITS[lines[:, len(_HEAD) : len(_HEAD) + _KEY_DIGITS]]
    sound &= (lines[:, : len(_HEAD)] == np.frombuffer(_HEAD, np.uint8)).all(axis=1)
    sound &= (digits != _NOT_HEX).all(axis=1)
    octets = ((digits[:, 0::2] << 4) | (digits[:, 1::2] & 15))[sound]
    return map(bytes, octets), sound
