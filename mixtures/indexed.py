"""Tokenised documents on disk in Megatron's IndexedDataset format, written and read in bounded memory.

`<prefix>.bin` holds the ids of all documents, `<prefix>.idx` their lengths and places: one sequence a document, or
several in the same place where a document is to be read several times.
Megatron has no unsigned 32-bit integers: the ids are written as its code 4, int32. Below 2^31 the bytes are the
same. Source of the format: Megatron-LM, megatron/core/datasets/indexed_dataset.py, version 1.
"""

import struct
import tempfile
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import fsspec
import numpy as np
import numpy.typing as npt

from mixtures.local_copy import copied, store_url
from sources.errors import BabelmixError
from sources.object_store import open_store, remote

_MAGIC: Final = b"MMIDIDX\x00\x00"
_VERSION: Final = 1
_INT32: Final = 4
# Magic, version, type of the ids, number of sequences, number of document boundaries.
_HEADER: Final = struct.Struct("<9sQBQQ")
_TOKEN_BYTES: Final = 4
_FEW_BYTES: Final = 1 << 26
_CHUNK: Final = 1 << 20


class IndexedWriter:
    """Writes documents to `<prefix>.bin` and `<prefix>.idx`; `prefix` is a path or an fsspec URL.

    Lengths wait in a temporary file, not in memory: a shard may hold any number of documents.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.documents = 0
        self._bin: IO[bytes] = fsspec.open(f"{prefix}.bin", "wb", auto_mkdir=True).open()
        self._lengths: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the writer)

    def __enter__(self) -> "IndexedWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._bin.close()
            self._lengths.close()

    def add(self, tokens: npt.NDArray[np.uint32], times: int = 1) -> None:
        """Adds one document: its ids, of shape (tokens,); as `times` sequences that lie in the same place."""
        self._bin.write(np.ascontiguousarray(tokens, dtype="<u4").tobytes())
        # A sequence that lies where the one before it does is noted by its negative length.
        self._lengths.write(struct.pack(f"<{times}i", len(tokens), *[-len(tokens)] * (times - 1)))
        self.documents += times

    def close(self) -> None:
        """Writes the index and closes both files."""
        self._bin.close()
        with fsspec.open(f"{self.prefix}.idx", "wb") as index, self._lengths as lengths:
            index.write(_HEADER.pack(_MAGIC, _VERSION, _INT32, self.documents, self.documents + 1))
            lengths.seek(0)
            while part := lengths.read(_CHUNK):
                index.write(np.abs(np.frombuffer(part, dtype="<i4")).astype("<i4").tobytes())
            place = 0
            lengths.seek(0)
            while part := lengths.read(_CHUNK):
                sizes = np.frombuffer(part, dtype="<i4").astype("<i8") * _TOKEN_BYTES
                ends = place + np.cumsum(np.maximum(sizes, 0))
                index.write((ends - np.abs(sizes)).astype("<i8").tobytes())
                place = int(ends[-1])
            for start in range(0, self.documents + 1, _CHUNK):
                index.write(np.arange(start, min(start + _CHUNK, self.documents + 1), dtype="<i8").tobytes())


class IndexedDataset:
    """The documents of `<prefix>.bin` and `<prefix>.idx`, mapped into memory.

    Of a URL the index is copied to this machine, and tokens if they are few. Of more than 64 MiB each document is
    a request of its own; where all are read, open the copy that `mixtures.local_copy.local_folder` names.

    Raises BabelmixError where a file is missing, of another format, or of another size than the index says.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        index = Path(copied(f"{prefix}.idx"))
        self._distant = remote(prefix)
        # Of a store, tokens are not copied before they are read: their lengths are often all that is asked for.
        held = None if self._distant or store_url(index) else _size(Path(f"{prefix}.bin"))
        try:
            with index.open("rb") as file:
                head = file.read(_HEADER.size)
            size = index.stat().st_size
        except OSError as error:
            raise BabelmixError(f"{error.filename}: cannot be read ({error.strerror}); tokenise again") from error
        if len(head) < _HEADER.size or not head.startswith(_MAGIC):
            raise BabelmixError(f"{index}: not the index of an IndexedDataset; tokenise again")
        _, version, kind, sequences, boundaries = _HEADER.unpack(head)
        if (version, kind) != (_VERSION, _INT32):
            raise BabelmixError(f"{index}: version {version}, type {kind}; only version 1 of int32 is read")
        if size != _HEADER.size + 12 * sequences + 8 * boundaries:
            raise BabelmixError(f"{index}: {size} bytes, not what {sequences} documents take; tokenise again")
        self.lengths: npt.NDArray[np.int32] = _mapped(index, "<i4", _HEADER.size, sequences)
        """Tokens of each document, of shape (documents,)."""
        self.offsets: npt.NDArray[np.int64] = _mapped(index, "<i8", _HEADER.size + 4 * sequences, sequences)
        """Where each document begins in the `.bin` file, in bytes, of shape (documents,)."""
        self._bytes = int(self.offsets[-1]) + _TOKEN_BYTES * int(self.lengths[-1]) if sequences else 0
        if held is not None:
            self._check(held)

    def _check(self, held: int) -> None:
        if held != self._bytes:
            raise BabelmixError(f"{self.prefix}.bin: {held} bytes, the index says {self._bytes}; tokenise again")

    @cached_property
    def _tokens(self) -> npt.NDArray[np.uint32]:
        tokens = Path(copied(f"{self.prefix}.bin"))
        self._check(_size(tokens))
        return _mapped(tokens, "<u4", 0, self._bytes // _TOKEN_BYTES)

    def __len__(self) -> int:
        return len(self.lengths)

    def document(self, number: int) -> npt.NDArray[np.uint32]:
        """The ids of a document, of shape (tokens,): a view, nothing is copied."""
        start, size = int(self.offsets[number]), int(self.lengths[number])
        if self._distant and self._bytes > _FEW_BYTES:
            fs, path = open_store(f"{self.prefix}.bin")
            return np.frombuffer(fs.cat_file(path, start=start, end=start + size * _TOKEN_BYTES), dtype="<u4")
        return self._tokens[start // _TOKEN_BYTES : start // _TOKEN_BYTES + size]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise BabelmixError(f"{path}: cannot be read ({error.strerror}); tokenise again") from error


def _mapped(path: Path, kind: str, offset: int, count: int) -> npt.NDArray[Any]:
    if count == 0:  # nothing can be mapped of an empty file
        return np.empty(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r", offset=offset, shape=(count,))
