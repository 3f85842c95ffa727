"""Turns the curated documents of one category into tokens."""

from typing import Final

import numpy as np

from mixtures.indexed import IndexedDataset, IndexedWriter
from mixtures.tokenizer import Tokenizer, load_tokenizer
from pipelines.document_files import document_files
from pipelines.document_io import row_batches_of
from sources.errors import BabelmixError

# Shards are written here and counted; a shard is one file of documents.
_COLUMNS: Final = ["id", "text", "category"]


def tokenise(input: str, category: str, tokenizer_name: str, output: str) -> dict[str, int]:  # noqa: A002
    """Writes `output/00000.bin` and `.idx` … from the document files of the folder `input`, one shard a file.

    Rows of other categories are passed over; rows keep their order; every document ends with the tokenizer's
    end of document. Returns `documents`, `tokens` (ends included), `bytes` of UTF-8, and the `longest` document
    in tokens, counted in the shards that were written.

    Raises:
        BabelmixError: there is no document of the category, or one that cannot be tokenised.
    """
    tokenizer = load_tokenizer(tokenizer_name)
    totals = {"documents": 0, "tokens": 0, "bytes": 0, "longest": 0}
    for number, name in enumerate(document_files(input)):
        prefix = f"{output.rstrip('/')}/{number:05d}"
        totals["bytes"] += _shard(input, name, category, tokenizer, prefix)
        lengths = IndexedDataset(prefix).lengths
        totals["documents"] += len(lengths)
        totals["tokens"] += int(lengths.sum(dtype=np.int64))
        totals["longest"] = max(totals["longest"], int(lengths.max(initial=0)))
    if not totals["documents"]:
        raise BabelmixError(f"{input}: no document of category {category}; see what was dropped, and why")
    return totals


def _shard(folder: str, name: str, category: str, tokenizer: Tokenizer, prefix: str) -> int:
    """Writes one shard and returns the bytes of its texts."""
    end = np.array([tokenizer.eod], dtype=np.uint32)
    size = 0
    with IndexedWriter(prefix) as writer:
        for batch in row_batches_of(folder, name, _COLUMNS):
            rows = [row for row in batch.to_pylist() if row["category"] == category]
            try:
                encoded = tokenizer.encode_batch([row["text"] for row in rows])
            except BabelmixError as error:
                raise BabelmixError(f"{folder}/{name}: {error}") from error
            for row, tokens in zip(rows, encoded, strict=True):
                writer.add(np.concatenate((tokens, end)))
                size += len(row["text"].encode())
    return size
