"""A mixture as Parquet that `datasets.load_dataset(folder)` opens: its documents in their order, or its sequences.

Documents come with their text and with where they are from; sequences with their tokens and where documents
begin. A card (README.md) says what the dataset holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mixtures.card import CARD, dataset_card
from mixtures.exports.new_folder import new_folder
from mixtures.exports.sequences import packed_sequences, sequence_count
from mixtures.packed import DocumentBlock, PackedReader
from mixtures.report_facts import MixtureFacts
from mixtures.tokenizer import load_tokenizer

# Tokens of a file: 256 MiB of ids before they are compressed.
FILE_TOKENS: Final = 1 << 26
DATA_FILES: Final = "data/train-*.parquet"
_GROUP_TOKENS: Final = 1 << 22

DOCUMENT_COLUMNS: Final = {
    "position": "the tokens of the mixture before the document",
    "category": "the recipe's kind of data",
    "source": "the upstream dataset",
    "language": "FineWeb-2's code: ISO 639-3 and ISO 15924",
    "document": "the document's number in its bucket (category, source and language), from 0",
    "epoch": "how often the bucket's documents had been read before, from 0",
    "text": "the text, decoded from its ids",
    "input_ids": "the ids, the end of the document included",
}
SEQUENCE_COLUMNS: Final = {
    "sequence": "the sequence's number in the mixture, from 0",
    "input_ids": "the ids",
    "begins": "where in the sequence documents begin; the first is 0, be it the rest of one",
}
_DOCUMENTS: Final = pa.schema(
    [
        ("position", pa.int64()),
        ("category", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("document", pa.int64()),
        ("epoch", pa.int32()),
        ("text", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True, slots=True)
class ParquetExport:
    """What was written: rows are documents, or sequences."""

    folder: Path
    files: int
    rows: int
    tokens: int


def export_parquet(
    reader: PackedReader,
    output: str | Path,
    length: int | None = None,
    facts: MixtureFacts | None = None,
    file_tokens: int = FILE_TOKENS,
) -> ParquetExport:
    """Writes the mixture into the new folder `output`: its documents, or its sequences of `length` tokens.

    A file holds about `file_tokens` tokens. With `facts` a card is written beside the data.

    Raises:
        BabelmixError: the folder is there, or the mixture has no sequence of that length.
    """
    with new_folder(output) as folder:
        (folder / "data").mkdir()
        if length is None:
            tokens, batches, schema, columns = reader.tokens, _documents(reader), _DOCUMENTS, DOCUMENT_COLUMNS
        else:
            count = sequence_count(reader, length)
            tokens, columns = count * length, SEQUENCE_COLUMNS
            schema = _sequence_schema()
            batches = _sequences(reader, length, count, file_tokens)
        rows, files = _write(folder / "data", batches, schema, file_tokens)
        if facts is not None:
            card = dataset_card(facts, rows, DATA_FILES, columns)
            (folder / CARD).write_text(card, encoding="utf-8")
    return ParquetExport(Path(output), files, rows, tokens)


def _write(
    folder: Path, batches: Iterator[tuple[int, pa.RecordBatch]], schema: pa.Schema, file_tokens: int
) -> tuple[int, int]:
    """Writes batches, which come with the tokens up to their end; returns the rows, and the number of files."""
    rows = begun = 0
    paths: list[Path] = []
    writer: pq.ParquetWriter | None = None
    for end, batch in batches:
        if writer is None:
            paths.append(folder / f"{len(paths)}.parquet")
            writer = pq.ParquetWriter(paths[-1], schema, compression="zstd")
        writer.write_batch(batch)
        rows += batch.num_rows
        if end - begun >= file_tokens:
            writer.close()
            writer, begun = None, end
    if writer is not None:
        writer.close()
    for number, path in enumerate(paths):
        path.rename(folder / f"train-{number:05d}-of-{len(paths):05d}.parquet")
    return rows, len(paths)


def _documents(reader: PackedReader) -> Iterator[tuple[int, pa.RecordBatch]]:
    decode = load_tokenizer(reader.totals["tokenizer"]).decode
    rows = reader.bucket_rows()
    sizes, seen = [row["documents"] for row in rows], [0] * len(rows)
    for block in reader.blocks():
        columns: dict[str, list[object]] = {name: [] for name in _DOCUMENTS.names}
        for at, ids in enumerate(_parts(reader, block)):
            bucket = int(block.buckets[at])
            row = rows[bucket]
            columns["position"].append(int(block.ends[at]) - len(ids))
            for name in ("category", "source", "language"):
                columns[name].append(row[name])
            columns["document"].append(int(block.documents[at]))
            columns["epoch"].append(seen[bucket] // sizes[bucket])
            columns["text"].append(decode(ids[:-1]))
            columns["input_ids"].append(ids.astype(np.int32))
            seen[bucket] += 1
        yield int(block.ends[-1]), pa.record_batch(columns, schema=_DOCUMENTS)


def _parts(reader: PackedReader, block: DocumentBlock) -> list[np.ndarray[tuple[int], np.dtype[np.uint32]]]:
    ids = np.empty(int(block.ends[-1]) - block.start, dtype=np.uint32)
    reader.fill(block.start, ids)
    return np.split(ids, (block.ends[:-1] - block.start).tolist())


def _sequence_schema() -> pa.Schema:
    return pa.schema(
        [("sequence", pa.int64()), ("input_ids", pa.list_(pa.int32())), ("begins", pa.list_(pa.int32()))]
    )


def _sequences(
    reader: PackedReader, length: int, count: int, file_tokens: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    step = max(1, min(_GROUP_TOKENS, file_tokens) // length)
    for start in range(0, count, step):
        found = list(packed_sequences(reader, length, start, start + step))
        columns = {
            "sequence": list(range(start, start + len(found))),
            "input_ids": [tokens for tokens, _ in found],
            "begins": [begins for _, begins in found],
        }
        yield (start + len(found)) * length, pa.record_batch(columns, schema=_sequence_schema())
