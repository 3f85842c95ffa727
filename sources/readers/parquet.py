"""Parquet by row group and batch, the declared columns only."""

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from sources.errors import BabelmixError
from sources.loading import nearest
from sources.readers.document import Document, Place
from sources.readers.stream import open_file
from sources.source import TextColumn, TextColumns

# Uncompressed bytes and rows of a batch, so that neither long texts nor row groups of 262k rows fill the memory.
_BATCH_BYTES: Final = 8 << 20
_BATCH_ROWS: Final = 1024
# Of a column's compressed bytes so many are held at once, not all of a row group's. Arrow's own way to read
# ahead (`pre_buffer`) keeps every byte that it read until the file is closed.
_READ_BYTES: Final = 4 << 20


def read_parquet(place: Place) -> Iterator[Document]:
    """The documents of a Parquet file in the order of their rows.

    Raises:
        BabelmixError: as `read`; a declared column is missing, or a text that is not UTF-8.
    """
    columns = place.columns()
    with open_file(place.url, place.gate) as file:
        parquet = pq.ParquetFile(file, buffer_size=_READ_BYTES, pre_buffer=False)
        check_columns(parquet.schema_arrow, place)
        row = 0
        for batch in parquet.iter_batches(_rows(parquet.metadata), columns=columns):
            for fields in _plain(batch, row, place):
                row += 1
                yield place.document(fields, row)


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
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (pa.types.is_string(plain) or pa.types.is_large_string(plain)):
            raise BabelmixError(f"{place.url}: column {column!r} is {kind}, should be string")


def _rows(metadata: pq.FileMetaData) -> int:
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    longest = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, longest)))


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
