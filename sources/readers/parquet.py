"""Parquet by row group and batch, the declared columns only."""

from collections.abc import Iterator
from typing import Any, Final

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from sources.errors import BabelmixError
from sources.loading import nearest
from sources.readers.document import Document, Place
from sources.source import TextColumn, TextColumns

# Uncompressed bytes and rows of a batch, so that neither long texts nor row groups of 262k rows fill the memory.
_BATCH_BYTES: Final = 32 << 20
_BATCH_ROWS: Final = 1024


def read_parquet(place: Place) -> Iterator[Document]:
    """The documents of a Parquet file in the order of their rows."""
    columns = place.columns()
    try:
        with fsspec.open(place.url, "rb") as file:
            parquet = pq.ParquetFile(file)
            check_columns(parquet.schema_arrow, place)
            row = 0
            for batch in parquet.iter_batches(_rows(parquet.metadata), columns=columns):
                for fields in _plain(batch, row, place):
                    row += 1
                    yield place.document(fields, row)
    except pa.ArrowInvalid as error:
        raise BabelmixError(
            f"{place.url}: no whole Parquet file ({str(error).splitlines()[0]}); fetch it again"
        ) from error
    except FileNotFoundError as error:
        raise BabelmixError(f"{place.url}: no such file") from error
    except OSError as error:
        # Arrow's word for pages that end too early or do not decompress.
        raise BabelmixError(f"{place.url}: damaged ({str(error).splitlines()[0]}); fetch it again") from error


def check_columns(schema: pa.Schema, place: Place) -> None:
    """Raises BabelmixError where a declared column is missing or the text is no column of strings."""
    for column in place.columns():
        if column not in schema.names:
            raise BabelmixError(
                f"{place.url}: no column {column!r}{nearest(column, schema.names)}; there are"
                f" {', '.join(schema.names)}; correct subset {place.subset.name!r} in the catalog"
            )
    text = place.subset.text
    declared = (text.column,) if isinstance(text, TextColumn) else ()
    for column in text.columns if isinstance(text, TextColumns) else declared:
        kind = schema.field(column).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise BabelmixError(f"{place.url}: column {column!r} is {kind}, should be string")


def _rows(metadata: pq.FileMetaData) -> int:
    size: int = max((metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)), default=0)
    per_row: int = size // max(1, metadata.num_rows // max(1, metadata.num_row_groups))
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, per_row)))


def _plain(batch: pa.RecordBatch, before: int, place: Place) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except UnicodeDecodeError as error:
        # Parquet's strings are not checked when they are written; find the row for the message.
        for number in range(batch.num_rows):
            try:
                batch.slice(number, 1).to_pylist()
            except UnicodeDecodeError as fault:
                raise place.error(
                    before + number + 1, f"not UTF-8 at byte {fault.start + 1:,}; mend its encoding"
                ) from error
        raise
    return rows
