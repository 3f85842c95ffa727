"""Turns the curated documents of one category into tokens.

Where a recipe rehydrates, a document of weight w is w sequences that lie in the same place: the index is longer,
the ids are written once, and an epoch of the bucket reads each of them. Tokens and documents are counted as they
are read, so shares, epochs and the order need know nothing of it.

A file of documents that was tokenised before, byte for byte, is not tokenised again: after a removal only the
files that held what was removed are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xxhash
from datatrove.io import get_datafolder

from filters.rehydration import weights
from mixtures.indexed import IndexedDataset, IndexedWriter
from mixtures.tokenizer import Tokenizer, load_tokenizer
from pipelines.document_files import document_files
from pipelines.document_io import row_batches_of
from pipelines.pool import WorkerPool
from pipelines.take_over import take_over
from sources.errors import BabelmixError

_PART: Final = 1 << 22
# Shards are written here and counted; a shard is one file of documents.
_COLUMNS: Final = ["id", "text", "category"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Tokens that an earlier run made by the same settings: their folder, and the totals of its manifest."""

    folder: str
    totals: Mapping[str, Any]


def tokenise(
    input: str,  # noqa: A002
    category: str,
    tokenizer_name: str,
    output: str,
    rehydrate: str | None = None,
    standing: Standing | None = None,
    may_be_none: bool = False,
    workers: int = 1,
) -> dict[str, Any]:
    """Writes `output/00000.bin` and `.idx` … from the document files of the folder `input`, one shard a file.

    Rows of other categories are passed over; rows keep their order; every document ends with the tokenizer's
    end of document. Returns `documents`, `tokens` (ends included), `bytes` of UTF-8, and the `longest` document
    in tokens, counted in the shards that were written; and of each of the `shards` what it was `made_from`, a hash
    of its file of documents, and the `bytes` of texts.

    With `rehydrate`, the documents' language, each is repeated by the weight that `filters.rehydration` gives it.
    Shards of `standing` that were made from the same files are taken over, not made again.

    Raises:
        BabelmixError: one cannot be tokenised, or there is none of the category, unless there `may_be_none`.
    """
    shards = _Shards(input, category, tokenizer_name, output, rehydrate, standing)
    totals: dict[str, Any] = {"documents": 0, "tokens": 0, "bytes": 0, "longest": 0}
    totals["shards"] = _side_by_side(shards.make, list(enumerate(document_files(input))), workers)
    for number, shard in enumerate(totals["shards"]):
        totals["bytes"] += shard["bytes"]
        lengths = IndexedDataset(shards.prefix(number)).lengths
        totals["documents"] += len(lengths)
        totals["tokens"] += int(lengths.sum(dtype=np.int64))
        totals["longest"] = max(totals["longest"], int(lengths.max(initial=0)))
    if not totals["documents"] and not may_be_none:
        raise BabelmixError(f"{input}: no document of category {category}; see what was dropped, and why")
    return totals


def _side_by_side(
    make: Callable[[int, str], dict[str, Any]], files: Sequence[tuple[int, str]], workers: int
) -> list[dict[str, Any]]:
    if min(workers, len(files)) < 2:
        return [make(*each) for each in files]
    with WorkerPool(min(workers, len(files))) as pool:
        waiting = [pool.submit(make, *each) for each in files]
        return [each.result() for each in waiting]


@dataclass(frozen=True, slots=True)
class _Shards:
    """What all shards of a category share."""

    documents: str
    category: str
    tokenizer: str
    output: str
    rehydrate: str | None
    standing: Standing | None

    def prefix(self, number: int) -> str:
        """The path of a shard, without its ending."""
        return f"{self.output.rstrip('/')}/{number:05d}"

    def make(self, number: int, name: str) -> dict[str, Any]:
        """Makes one of the file `name`, or takes it over; what it was made from, and the bytes of its texts."""
        made_from = _digest(self.documents, name)
        prefix = self.prefix(number)
        size = _taken(self.standing, made_from, prefix) if self.standing else None
        if size is None:
            tokenizer = load_tokenizer(self.tokenizer)
            size = _shard(self.documents, name, self.category, tokenizer, prefix, self.rehydrate)
        return {"made_from": made_from, "bytes": size}


def _taken(standing: Standing, made_from: str, prefix: str) -> int | None:
    """Takes over a shard of the same documents; the bytes of its texts, None where there is none."""
    for number, shard in enumerate(standing.totals.get("shards", ())):
        if shard["made_from"] == made_from and all(
            take_over(standing.folder, f"{number:05d}{ending}", Path(f"{prefix}{ending}"))
            for ending in (".bin", ".idx")
        ):
            size: int = shard["bytes"]
            return size
    return None


def _digest(folder: str, name: str) -> str:
    """128 bits of a file's bytes, as hexadecimal digits."""
    found = xxhash.xxh3_128()
    with get_datafolder(folder).open(name, "rb") as file:
        while part := file.read(_PART):
            found.update(part)
    return found.hexdigest()


def _shard(folder: str, name: str, category: str, tokenizer: Tokenizer, prefix: str, rehydrate: str | None) -> int:
    """Writes one shard and returns the bytes of its texts."""
    end = np.array([tokenizer.eod], dtype=np.uint32)
    size = 0
    with IndexedWriter(prefix) as writer:
        for batch in row_batches_of(folder, name, [*_COLUMNS, "metadata", "scores"] if rehydrate else _COLUMNS):
            rows = [row for row in batch.to_pylist() if row["category"] == category]
            try:
                encoded = tokenizer.encode_batch([row["text"] for row in rows])
            except BabelmixError as error:
                raise BabelmixError(f"{folder}/{name}: {error}") from error
            repeats = _weights(rows, rehydrate) if rehydrate else [1] * len(rows)
            for row, tokens, times in zip(rows, encoded, repeats, strict=True):
                writer.add(np.concatenate((tokens, end)), times)
                size += times * len(row["text"].encode())
    return size


def _weights(rows: list[dict[str, Any]], language: str) -> list[int]:
    """How often each document is repeated."""
    sizes = [dict(row["scores"] or ()).get("duplicates.cluster_size") for row in rows]
    return [int(each) for each in weights(language, sizes, [row["metadata"] for row in rows])]
