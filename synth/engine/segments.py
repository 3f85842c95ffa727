"""Completions in JSON-lines files, found by their key: 32 bytes of memory for each, whatever the texts' lengths.

A line begins with `{"key":"` and 32 hexadecimal digits, so that a file is indexed without parsing its JSON. A line
counts once its newline is written: what a killed writer left behind it is no line.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
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
# Keys that were added since the sorted arrays were made; they stand in a dictionary until there are this many.
_RECENT: Final = 1 << 15
_OPEN_FILES: Final = 64
_NEWLINE: Final = 10
_CLOSING: Final = ord("}")

_Array: TypeAlias = npt.NDArray[Any]
_PLACE: Final = np.dtype([("file", np.uint32), ("length", np.uint32), ("offset", np.uint64)])
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
        self._high: _Array = np.empty(0, np.uint64)
        self._low: _Array = np.empty(0, np.uint64)
        self._place: _Array = np.empty(0, _PLACE)
        self._recent: dict[bytes, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        """Lines in the index; a key that was stored twice counts twice."""
        return len(self._high) + len(self._recent)

    def file(self, path: Path) -> int:
        """Takes up a file, without reading it; its number."""
        self._paths.append(path)
        self._scanned.append(0)
        return len(self._paths) - 1

    def note(self, file: int, key: str, offset: int, length: int) -> None:
        """A line was appended to `file`: `length` bytes at `offset`, newline not counted."""
        self._scanned[file] = offset + length + 1
        self._recent.setdefault(bytes.fromhex(key), (file, offset, length))
        if len(self._recent) >= _RECENT:
            self._settle()

    def scan(self, file: int, strict: bool = False) -> int:
        """Indexes the whole lines that `file` has got since it was scanned last; how many.

        Raises:
            BabelmixError: `strict`, and a line does not begin with a key, or the last one has no newline.
        """
        path, at, found = self._paths[file], self._scanned[file], 0
        keys: list[_Array] = []
        places: list[_Array] = []
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
                key, sound = _keys(content, starts, ends)
                if strict and not sound.all():
                    raise BabelmixError(
                        f'{path}, line {found + int(np.argmin(sound)) + 1}: does not begin with {{"key":" and 32'
                        " hexadecimal digits; write such files by synth.engine.replay.record"
                    )
                found += len(ends)
                place = np.empty(int(sound.sum()), _PLACE)
                place["file"], place["offset"] = file, at + starts[sound]
                place["length"] = (ends - starts)[sound]
                keys.append(key[sound])
                places.append(place)
                whole = int(ends[-1]) + 1
                at, rest = at + whole, content[whole:].tobytes()
        if strict and rest:
            raise BabelmixError(f"{path}: the last line is cut off; write the file again")
        self._scanned[file] = at
        if keys:
            # The parts are let go of before the sorting, which is when the most memory is in use.
            all_keys, all_places = np.concatenate(keys), np.concatenate(places)
            keys.clear()
            places.clear()
            self._add(all_keys, all_places)
        return found

    def refresh(self, file: int) -> None:
        """Scans `file` if it has grown."""
        if self._paths[file].stat().st_size > self._scanned[file]:
            self.scan(file)

    def find(self, key: str) -> Recorded | None:
        """The completion under `key`; None also where its line is damaged, as it must be made again then."""
        for place in self._places(bytes.fromhex(key)):
            if (found := self._read(*place)) is not None and found.key == key:
                return found
        return None

    def __contains__(self, key: str) -> bool:
        return next(self._places(bytes.fromhex(key)), None) is not None

    def ordered(self, strict: bool = False) -> Iterator[Recorded]:
        """All completions by rising key, each key once.

        Raises:
            BabelmixError: `strict`, and a line is damaged; it is passed over otherwise.
        """
        self._settle()
        last = ""
        for at in np.lexsort((self._low, self._high)):
            key = f"{int(self._high[at]):016x}{int(self._low[at]):016x}"
            file, length, offset = self._place[at].item()
            if key == last:
                continue
            if (found := self._read(file, offset, length)) is not None:
                last = key
                yield found
            elif strict:
                raise BabelmixError(
                    f"{self._paths[file]}, byte {offset}: the line under key {key} is damaged; write it again"
                )

    def close(self) -> None:
        """Closes the files; they are opened again when they are needed."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _places(self, key: bytes) -> Iterator[tuple[int, int, int]]:
        """File, offset and length of the lines under `key`."""
        high, low = int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big")
        at = int(self._high.searchsorted(np.uint64(high)))
        # Keys that share their first half stand beside one another.
        while at < len(self._high) and self._high[at] == high:
            if self._low[at] == low:
                file, length, offset = self._place[at].item()
                yield file, offset, length
            at += 1
        if (place := self._recent.get(key)) is not None:
            yield place

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

    def _settle(self) -> None:
        """Moves the recent keys into the sorted arrays."""
        if not self._recent:
            return
        digits = np.frombuffer(b"".join(self._recent), ">u8").astype(np.uint64).reshape(-1, 2)
        place = np.empty(len(digits), _PLACE)
        spots = np.array(list(self._recent.values()), np.uint64)
        place["file"], place["offset"], place["length"] = spots.T
        self._recent.clear()
        self._add(digits, place)

    def _add(self, keys: _Array, place: _Array) -> None:
        high = np.concatenate((self._high, keys[:, 0]))
        # Stable, so that the older of two lines with one key stays first.
        order = np.argsort(high, kind="stable")
        self._high = high[order]
        self._low = np.concatenate((self._low, keys[:, 1]))[order]
        self._place = np.concatenate((self._place, place))[order]


def _keys(content: _Array, starts: _Array, ends: _Array) -> tuple[_Array, _Array]:
    """The keys, `[lines, 2]`, of the lines from `starts` to `ends`, and which are sound, `[lines]`."""
    sound = (ends - starts >= _SHORTEST) & (content[ends - 1] == _CLOSING)
    # Short lines are looked at from the start of the block, so that no index leaves it.
    columns = np.where(sound, starts, 0)[:, None] + np.arange(min(_SHORTEST, len(content)))
    lines = content[columns]
    if lines.shape[1] < _SHORTEST:
        return np.zeros((len(starts), 2), np.uint64), np.zeros(len(starts), np.bool_)
    digits = _DIGITS[lines[:, len(_HEAD) : len(_HEAD) + _KEY_DIGITS]]
    sound &= (lines[:, : len(_HEAD)] == np.frombuffer(_HEAD, np.uint8)).all(axis=1)
    sound &= (digits != _NOT_HEX).all(axis=1)
    octets = np.ascontiguousarray((digits[:, 0::2] << 4) | (digits[:, 1::2] & 15))
    return octets.view(">u8").astype(np.uint64), sound
