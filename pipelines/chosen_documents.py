"""Which documents of curated folders a model gets to see."""

import heapq
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import xxhash

from pipelines.document_io import row_batches

_HASHES: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Chosen:
    """The documents of `folders` that are of one of `categories`: at most `most`, the first ones."""

    folders: tuple[str, ...]
    categories: Collection[str]
    most: int | None = None

    def rows(self, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Their rows, in order, with all columns or those that are named and `category`."""
        return islice(self._rows(columns), self.most)

    def _rows(self, columns: list[str] | None) -> Iterator[dict[str, Any]]:
        named = None if columns is None else [*dict.fromkeys((*columns, "category"))]
        for folder in self.folders:
            for batch in row_batches(folder, named):
                for row in batch.to_pylist():
                    if row["category"] in self.categories:
                        yield row

    def sample(self, most: int) -> "Sample":
        """A sample of `most` of them, by their ids: the same however many times it is drawn."""
        hashes = (hashed(row) for row in self.rows(["id", "source"]))
        lowest = heapq.nsmallest(most + 1, hashes)
        return Sample(self, lowest[most] if len(lowest) > most else _HASHES, min(len(lowest), most))


@dataclass(frozen=True, slots=True)
class Sample:
    """The documents of `chosen` whose hash is below a bound: `count` of them."""

    chosen: Chosen
    bound: int
    count: int

    def __contains__(self, row: Mapping[str, Any]) -> bool:
        return hashed(row) < self.bound

    def rows(self) -> Iterator[dict[str, Any]]:
        """Their rows, in order, with all columns."""
        return (row for row in self.chosen.rows() if row in self)


def every(folder: str) -> Iterator[dict[str, Any]]:
    """All rows of a folder of documents, in order."""
    return (row for batch in row_batches(folder) for row in batch.to_pylist())


def hashed(row: Mapping[str, Any]) -> int:
    """64 bits of a document's source and id."""
    return xxhash.xxh3_64_intdigest(f"{row['source']}\x1f{row['id']}")
