"""The documents of a mixture as one long row of tokens, from which any stretch is read.

`reader.py` gives a mixture's sequences one document at a time, in Python. Here the same row is read by compiled
loops, a stretch at a time and many times as fast, as trainers and exports need it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from mixtures.indexed import IndexedDataset
from mixtures.local_copy import copied
from mixtures.order import Order
from mixtures.order_layout import EVERY
from mixtures.reader import MixtureReader
from sources.errors import BabelmixError

# Documents that are looked up at once: some of the positions that the order notes apart.
_BLOCK_MARKS: Final = 2
# What an index of no documents takes on disk, and what each document adds (mixtures/indexed.py).
_EMPTY_BYTES: Final = 42
_DOCUMENT_BYTES: Final = 20


class TokenRow(Protocol):
    """What is read as one row of tokens: a mixture, or a curriculum of several."""

    @property
    def tokens(self) -> int:
        """Tokens of the whole row."""
        ...

    @property
    def fingerprint(self) -> str:
        """Names the row: the same fingerprint is the same tokens in the same order."""
        ...

    def fill(self, start: int, out: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """Writes the tokens from `start` on into `out`, and returns where in `out` documents begin.

        The first of those places is 0, be it the beginning of a document or the rest of one.
        """
        ...


@dataclass(frozen=True, slots=True)
class DocumentBlock:
    """Some documents of the order that follow one another."""

    first: int
    """The first one's number in the order."""
    buckets: npt.NDArray[Any]
    """The bucket of each, of shape (documents,)."""
    documents: npt.NDArray[np.uint64]
    """The number of each within its bucket."""
    places: npt.NDArray[np.int64]
    """The address of each one's first token."""
    lengths: npt.NDArray[np.int32]
    """The tokens of each."""
    start: int
    """The tokens of the row before the first."""
    ends: npt.NDArray[np.int64]
    """The tokens of the row up to the end of each."""


class PackedReader:
    """The mixture in the folder `mixture` as a row of tokens.

    Opening maps the files into memory and reads none of their tokens. Processes that read the same mixture share
    the pages. `workspace` is the folder in which `tokens/` lies, by default the one the mixture was built in.

    Raises:
        BabelmixError: the mixture or its tokens are missing or damaged.
    """

    def __init__(self, mixture: str | Path, workspace: str | Path | None = None) -> None:
        reader = MixtureReader(mixture, 1, workspace=workspace)
        self.folder, self.totals = reader.folder, reader.totals
        self.workspace: Path = reader.workspace
        self.order: Order = reader.order
        self._block: DocumentBlock | None = None
        if not self.order.documents:
            raise BabelmixError(f"{self.folder}: the mixture holds no documents; build it again")

    def __getstate__(self) -> dict[str, Any]:
        # Addresses are those of one process; another one maps the files anew.
        return {"folder": self.folder, "workspace": self.workspace}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"], state["workspace"])  # type: ignore[misc]

    @property
    def tokens(self) -> int:
        """Tokens of the whole mixture, repetitions counted."""
        return self.order.tokens

    @property
    def fingerprint(self) -> str:
        """Names the mixture: its plan, its seed, and how many documents came out."""
        planned = self.totals.get("plan", {}).get("fingerprint", self.folder.name)
        return f"{planned}/{self.order.seed}/{self.order.documents}/{self.order.tokens}"

    def fill(self, start: int, out: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """As `TokenRow.fill`.

        Raises:
            BabelmixError: the row has no such tokens, or an index points outside its file.
        """
        from mixtures.compiled_packing import pack

        if start < 0 or start + len(out) > self.tokens:
            raise BabelmixError(
                f"{self.folder}: tokens {start} to {start + len(out)} are asked for; it has {self.tokens}"
            )
        begins = np.empty(max(1, len(out)), dtype=np.int32)
        begins[0] = 0
        filled, begun = 0, 1
        while filled < len(out):
            block = self.block_at(start + filled)
            filled, begun = pack(block.places, block.lengths, block.ends, start, out, begins, filled, begun)
        return begins[:begun].copy()

    def block_at(self, token: int) -> DocumentBlock:
        """The block of documents that holds `token` of the row; the last one is kept."""
        block = self._block
        if block is not None and block.start <= token < int(block.ends[-1]):
            return block
        mark = int(np.searchsorted(self.order.positions, np.uint64(token), side="right")) - 1
        return self._load(mark // _BLOCK_MARKS)

    def blocks(self) -> Iterator[DocumentBlock]:
        """All documents of the order, block after block."""
        for number in range(-(-self.order.documents // self._block_size)):
            yield self._load(number)

    def document(self, block: DocumentBlock, at: int) -> npt.NDArray[np.uint32]:
        """The ids of the `at`-th document of a block, of shape (tokens,)."""
        out = np.empty(int(block.lengths[at]), dtype=np.uint32)
        self.fill(int(block.ends[at]) - len(out), out)
        return out

    def bucket_rows(self) -> list[dict[str, Any]]:
        """What the manifest says of each bucket, in the order of their numbers."""
        rows: list[dict[str, Any]] = self.totals["buckets"]
        return rows

    def _load(self, number: int) -> DocumentBlock:
        from mixtures.compiled_packing import ends_of, locate

        first = number * self._block_size
        buckets, documents = self.order.entries(first, first + self._block_size)
        places = np.empty(len(buckets), dtype=np.int64)
        lengths = np.empty(len(buckets), dtype=np.int32)
        at = 0
        while at < len(buckets):
            at, shard = map(int, locate(buckets, documents, at, *self._shards.tables, places, lengths))
            if shard >= 0:
                self._shards.map(shard)
            elif at < len(buckets):
                raise BabelmixError(
                    f"{self.workspace}/tokens/{self.order.names[int(buckets[at])]}: document {int(documents[at])}"
                    " is missing or outside its file; tokenise again, and build the mixture again"
                )
        start = int(self.order.positions[number * _BLOCK_MARKS])
        ends = np.empty(len(buckets), dtype=np.int64)
        ends_of(lengths, start, ends)
        mark = (number + 1) * _BLOCK_MARKS
        wanted = int(self.order.positions[mark]) if mark < len(self.order.positions) else self.tokens
        if ends[-1] != wanted:
            raise BabelmixError(
                f"{self.folder}: its tokens are others than those it was ordered by; build the mixture again"
            )
        self._block = DocumentBlock(first, buckets, documents, places, lengths, start, ends)
        return self._block

    @property
    def _block_size(self) -> int:
        return _BLOCK_MARKS * EVERY

    @cached_property
    def _shards(self) -> "_Shards":
        return _Shards([[f"{self.workspace}/{shard}" for shard in row["shards"]] for row in self.bucket_rows()])


class _Shards:
    """The shards of all buckets as tables for compiled loops, each mapped into memory when it is first needed."""

    def __init__(self, buckets: Sequence[Sequence[str]]) -> None:
        self._prefixes = [prefix for shards in buckets for prefix in shards]
        self._held: dict[int, IndexedDataset] = {}
        counts = [[_documents(prefix) for prefix in shards] for shards in buckets]
        shards = len(self._prefixes)
        self._indices, self._offsets, self._tokens, self._sizes = np.zeros((4, shards), dtype=np.int64)
        self.tables = (
            np.cumsum([0, *map(len, counts)], dtype=np.int64),
            np.array([end for each in counts for end in np.cumsum(each, dtype=np.int64)], dtype=np.int64),
            np.array([count for each in counts for count in each], dtype=np.int64),
            self._indices, self._offsets, self._tokens, self._sizes,
        )  # fmt: skip

    def map(self, number: int) -> None:
        """Maps a shard, which is checked as `IndexedDataset` does."""
        shard = self._held[number] = IndexedDataset(self._prefixes[number])
        offset = int(shard.offsets[0])
        self._tokens[number] = shard.document(0).ctypes.data - offset
        self._sizes[number] = int(shard.offsets[-1]) + 4 * int(shard.lengths[-1])
        self._offsets[number] = shard.offsets.ctypes.data
        self._indices[number] = shard.lengths.ctypes.data


def _documents(prefix: str) -> int:
    """How many documents a shard has, by the size of its index: thousands of shards are not opened for it."""
    path = Path(copied(f"{prefix}.idx"))
    try:
        return max(0, (path.stat().st_size - _EMPTY_BYTES) // _DOCUMENT_BYTES)
    except OSError as error:
        raise BabelmixError(f"{path}: cannot be read ({error.strerror}); tokenise again") from error
