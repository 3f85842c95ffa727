"""What was measured of documents, on disk: row for row beside the documents' own files.

A file of `measured/` has the name, the row groups and the rows of the file of `collected/` that it measures, so
that the two are read side by side and no text is kept twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.io import DataFolderLike, get_datafolder

from filters.statistics import BANDS, STATISTICS
from pipelines.document_io import readable
from sources.errors import BabelmixError
from sources.schema import DOCUMENT

MEASURED: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        # The text as it was repaired; null where repair left it as it was.
        pa.field("text", pa.string()),
        *(pa.field(name, pa.float64(), nullable=False) for name in STATISTICS),
        # What a quality model says; null where there is none.
        pa.field("quality.model", pa.float64()),
        # What was cut as its host's boilerplate; null where that was not looked for.
        pa.field("boilerplate.lines", pa.float64()),
        pa.field("boilerplate.characters", pa.float64()),
        # The identifier's probability of the document's language, and what it said first; null where not asked.
        pa.field("language.score", pa.float64()),
        pa.field("language.first", pa.string()),
        pa.field("language.first_score", pa.float64()),
        pa.field("duplicates.bands", pa.list_(pa.uint64(), BANDS), nullable=False),
        pa.field("duplicates.exact", pa.uint64(), nullable=False),
        # Why the document would be dropped as contaminated; null where it would not.
        pa.field("contamination.reason", pa.string()),
        pa.field("contamination.value", pa.float64()),
        pa.field("contamination.threshold", pa.float64()),
        pa.field("contamination.detail", pa.string()),
        # What was cut because it held a question; null where nothing was.
        pa.field("contamination.characters", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Group:
    """A row group of a file of documents and of what was measured of them."""

    documents: pa.Table
    measured: pa.Table

    def texts(self) -> pa.ChunkedArray:
        """The texts as they were repaired."""
        return pa.compute.coalesce(self.measured["text"], self.documents["text"])


def groups(
    documents: DataFolderLike,
    measured: DataFolderLike,
    name: str,
    columns: list[str] | None = None,
    measures: list[str] | None = None,
) -> Iterator[Group]:
    """The row groups of one file of `documents` with what was measured of them, in order; one at a time in memory.

    `columns` are those of the documents that are wanted, `measures` those of what was measured; None for all.

    Raises:
        BabelmixError: a file cannot be read, or the two are not of the same documents.
    """
    of, beside = get_datafolder(documents), get_datafolder(measured)
    if not beside.exists(name):
        raise BabelmixError(f"{beside.path}/{name}: missing; what {of.path} holds was not measured: do it again")
    with readable(of, name), of.open(name, "rb") as left, beside.open(name, "rb") as right:
        texts = pq.ParquetFile(left, buffer_size=4 << 20, pre_buffer=False)
        found = pq.ParquetFile(right, buffer_size=4 << 20, pre_buffer=False)
        if texts.num_row_groups != found.num_row_groups or texts.metadata.num_rows != found.metadata.num_rows:
            raise BabelmixError(f"{beside.path}/{name}: measured of other documents than {of.path}; do it again")
        for group in range(texts.num_row_groups):
            yield Group(texts.read_row_group(group, columns), found.read_row_group(group, measures))


def measured_column(measured: DataFolderLike, name: str, column: str) -> Iterator[pa.ChunkedArray]:
    """One column of a file of measures, a row group at a time."""
    place = get_datafolder(measured)
    with readable(place, name), place.open(name, "rb") as file:
        parquet = pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
        for group in range(parquet.num_row_groups):
            yield parquet.read_row_group(group, [column])[column]


def document_groups(folder: DataFolderLike, name: str) -> Iterator[pa.Table]:
    """The row groups of one file of documents, in order.

    Raises:
        BabelmixError: the file cannot be read, or has other columns.
    """
    place = get_datafolder(folder)
    with readable(place, name), place.open(name, "rb") as file:
        parquet = pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
        found = parquet.schema_arrow
        if found.names != DOCUMENT.names or found.types != DOCUMENT.types:
            raise BabelmixError(
                f"{place.path}/{name}: its columns are {', '.join(found.names)}, or of other types than "
                f"{', '.join(DOCUMENT.names)} should have; make it again"
            )
        for group in range(parquet.num_row_groups):
            yield parquet.read_row_group(group)


class TableWriter:
    """Writes tables as row groups of one Parquet file; no file where there are none."""

    def __init__(self, folder: DataFolderLike, name: str, schema: pa.Schema) -> None:
        self._folder, self._name, self._schema = get_datafolder(folder), name, schema
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None and kind is None:
            self._writer.close()
        elif self._writer is not None:
            # What failed will not be finished: pyarrow would try it once more when it throws the writer away.
            self._writer.is_open = False
        if self._file is not None:
            self._file.close()

    def write(self, table: pa.Table) -> None:
        """Adds a row group."""
        if self._writer is None:
            self._file = self._folder.open(self._name, "wb")
            self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        # As many rows as there are, so that row groups stay beside those that they were made from.
        self._writer.write_table(table.cast(self._schema), row_group_size=max(len(table), 1))
