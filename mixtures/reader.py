"""Reads a mixture as sequences of tokens, from any sequence on, for any number of ranks.

All documents of the order, one after the other, are one long row of tokens; sequence n is its tokens from
n times L on. Documents are cut where sequences end. A trainer needs nothing of the project but this module.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.indexed import IndexedDataset
from mixtures.local_copy import copied, local_folder
from mixtures.order import Order
from mixtures.order_layout import EVERY
from sources.errors import BabelmixError

# Documents that are looked up at once.
_BLOCK: Final = 1024


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence of a mixture.

    `tokens` are its ids, of shape (L,). `boundaries` are where its documents begin: the first is 0, be it the
    beginning of a document or the rest of one.
    """

    number: int
    tokens: npt.NDArray[np.uint32]
    boundaries: npt.NDArray[np.int32]


class MixtureReader:
    """The sequences of `length` tokens of the mixture in the folder `mixture` that belong to `rank` of `ranks`.

    Rank r reads the sequences r, r + ranks, r + 2 ranks and so on, so that all ranks together read every sequence
    once, whatever their number. What is left at the end and fills no sequence is not read.

    `workspace` is the folder in which `tokens/` lies, by default the one that the mixture was built in. Both may
    be URLs of an object store: `folder` and `workspace` are then where files are copied to as they are opened.

    Raises:
        BabelmixError: the mixture or its tokens are missing or damaged, or `length`, `rank` or `ranks` are
            out of range.
    """

    def __init__(
        self,
        mixture: str | Path,
        length: int,
        rank: int = 0,
        ranks: int = 1,
        workspace: str | Path | None = None,
    ) -> None:
        if length < 1 or not 0 <= rank < ranks:
            raise BabelmixError(f"reader: length {length}, rank {rank} of {ranks}; rank counts from 0")
        self.folder = local_folder(mixture)
        self.length, self.rank, self.ranks = length, rank, ranks
        # mixtures/<model>/stage<N>/<fingerprint> of the workspace.
        self.workspace = local_folder(workspace) if workspace else self.folder.absolute().parents[3]
        self.totals: dict[str, Any] = _totals(self.folder)
        self.order = Order(self.folder)
        rows = self.totals["buckets"]
        if len(rows) != len(self.order.names):
            raise BabelmixError(f"{self.folder}: manifest and order are of different mixtures; build it again")
        for row in rows:
            _tokens_stand(self.workspace, row, self.folder)
        self._buckets = [_Bucket([str(self.workspace / shard) for shard in row["shards"]]) for row in rows]

    @property
    def sequences(self) -> int:
        """How many whole sequences the mixture holds, over all ranks."""
        return self.order.tokens // self.length

    def __len__(self) -> int:
        """How many of them this rank reads."""
        return len(range(self.rank, self.sequences, self.ranks))

    def __iter__(self) -> Iterator[Sequence]:
        return self.read(0)

    def read(self, start: int) -> Iterator[Sequence]:
        """This rank's sequences from its `start`-th on; what lies before is not read."""
        first = self.rank + start * self.ranks
        if first >= self.sequences:
            return
        documents = _Documents(self, first * self.length)
        for number in range(first, self.sequences, self.ranks):
            documents.skip_to(number * self.length)
            yield documents.sequence(number)

    def document(self, entry: int) -> npt.NDArray[np.uint32]:
        """The ids of the order's `entry`-th document, of shape (tokens,)."""
        buckets, numbers = self.order.entries(entry, entry + 1)
        return self._buckets[int(buckets[0])].document(int(numbers[0]))

    def bucket(self, number: int) -> "_Bucket":
        """The documents of a bucket by its number in the order."""
        return self._buckets[number]


def _tokens_stand(workspace: Path, row: dict[str, Any], mixture: Path) -> None:
    """Raises BabelmixError where a bucket's tokens were made again since the mixture was.

    The order numbers documents: among other documents it would read others, and nobody would know. Tokens
    without a manifest, as a person may have copied them, are taken for the right ones.
    """
    for folder in {Path(shard).parent for shard in row["shards"]}:
        try:
            path = Path(copied(str(workspace / folder / "manifest.json")))
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        if "fingerprint" in row and manifest["fingerprint"] != row["fingerprint"]:
            raise BabelmixError(
                f"{workspace / folder}: made again since {mixture} was, which orders the documents that were there"
                " before; build the mixture again"
            )


class _Documents:
    """The documents of the order as one row of tokens, from a token on."""

    def __init__(self, reader: MixtureReader, token: int) -> None:
        self._reader = reader
        # The last of the noted positions that does not lie behind the token.
        mark = int(np.searchsorted(reader.order.positions, token, side="right")) - 1
        self._block_start = mark * EVERY
        self._position = int(reader.order.positions[mark])
        self._load(self._block_start)
        self._at = 0
        self.skip_to(token)

    def skip_to(self, token: int) -> None:
        """Goes on to the document that holds `token`, which must not lie before where it stands."""
        while token >= self._position + self._current_length():
            self._position += self._current_length()
            self._next()
        self._offset = token - self._position

    def sequence(self, number: int) -> Sequence:
        """The sequence that begins where it stands."""
        length = self._reader.length
        tokens = np.empty(length, dtype=np.uint32)
        boundaries = [0]
        filled = 0
        while True:
            document = self._current()
            part = document[self._offset : self._offset + length - filled]
            tokens[filled : filled + len(part)] = part
            filled += len(part)
            if filled == length:
                self._offset += len(part)
                return Sequence(number, tokens, np.array(boundaries, dtype=np.int32))
            self._position += len(document)
            self._next()
            self._offset = 0
            boundaries.append(filled)

    def _current(self) -> npt.NDArray[np.uint32]:
        return self._reader.bucket(int(self._buckets[self._at])).document(int(self._numbers[self._at]))

    def _current_length(self) -> int:
        return self._reader.bucket(int(self._buckets[self._at])).length(int(self._numbers[self._at]))

    def _next(self) -> None:
        self._at += 1
        if self._at == len(self._buckets):
            self._block_start += self._at
            self._load(self._block_start)
            self._at = 0

    def _load(self, start: int) -> None:
        self._buckets, self._numbers = self._reader.order.entries(start, start + _BLOCK)


class _Bucket:
    """A bucket's documents over all its shards; opened when the first is asked for."""

    def __init__(self, prefixes: list[str]) -> None:
        self._prefixes = prefixes

    def document(self, number: int) -> npt.NDArray[np.uint32]:
        """The ids of a document, of shape (tokens,)."""
        shard, place = self._place(number)
        return shard.document(place)

    def length(self, number: int) -> int:
        """The tokens of a document."""
        shard, place = self._place(number)
        return int(shard.lengths[place])

    @cached_property
    def _shards(self) -> list[IndexedDataset]:
        return [IndexedDataset(prefix) for prefix in self._prefixes]

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        return np.cumsum([len(shard) for shard in self._shards])

    def _place(self, number: int) -> tuple[IndexedDataset, int]:
        shard = int(np.searchsorted(self._ends, number, side="right"))
        return self._shards[shard], number - (int(self._ends[shard - 1]) if shard else 0)


def _totals(folder: Path) -> dict[str, Any]:
    path = Path(copied(str(folder / "manifest.json")))
    try:
        totals: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["totals"]
    except (OSError, ValueError, KeyError) as error:
        raise BabelmixError(
            f"{path}: no manifest of a mixture ({type(error).__name__}); name the folder that"
            " `babelmix mix` printed"
        ) from error
    return totals
