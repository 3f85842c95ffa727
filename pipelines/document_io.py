"""datatrove steps that read and write our own document files: Parquet in the schema `DOCUMENT`.

In a datatrove document the metadata are our columns: language, source, category, url, metadata (JSON text)
and scores (a dict of floats). datatrove's own Parquet steps know neither a fixed schema nor maps.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike, get_datafolder
from datatrove.pipeline.base import PipelineStep

from pipelines import document_files as files
from pipelines.document_files import document_files
from sources.errors import BabelmixError
from sources.schema import DOCUMENT

# Rows decoded at once.
_READ_ROWS = 256


def row_counts(folder: DataFolderLike) -> list[int]:
    """Rows of each of a folder's Parquet files, in their order, from their footers.

    Raises:
        BabelmixError: a file is no Parquet file or is cut short.
    """
    place = get_datafolder(folder)
    counts = []
    for name in document_files(place):
        with readable(place, name), place.open(name, "rb") as file:
            counts.append(pq.ParquetFile(file).metadata.num_rows)
    return counts


def row_batches(
    folder: DataFolderLike, columns: list[str] | None = None, schema: pa.Schema = DOCUMENT
) -> Iterator[pa.RecordBatch]:
    """Batches of all files of a folder, in order; bounded memory.

    Raises:
        BabelmixError: a file is no Parquet file, is cut short, or has other columns; the line names it.
    """
    place = get_datafolder(folder)
    for name in document_files(place):
        yield from _file_batches(place, name, columns, schema)


def row_batches_of(
    folder: DataFolderLike, name: str, columns: list[str], schema: pa.Schema = DOCUMENT
) -> Iterator[pa.RecordBatch]:
    """Batches of one file of a folder, in order; bounded memory.

    Raises:
        BabelmixError: as `row_batches`.
    """
    yield from _file_batches(get_datafolder(folder), name, columns, schema)


def _file_batches(place: Any, name: str, columns: list[str] | None, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with readable(place, name), place.open(name, "rb") as file:
        # pyarrow's default keeps all that it has read ahead, which is the file in the end.
        parquet = pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
        found = parquet.schema_arrow
        if found.names != schema.names or found.types != schema.types:
            raise BabelmixError(
                f"{place.path}/{name}: its columns are {', '.join(found.names)}, or of other types than "
                f"{', '.join(schema.names)} should have; make it again"
            )
        yield from parquet.iter_batches(batch_size=_READ_ROWS, columns=columns)


@contextlib.contextmanager
def readable(place: Any, name: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, EOFError) as error:
        raise BabelmixError(f"{place.path}/{name}: cannot be read as Parquet ({error}); make it again") from error


class DocumentReader(PipelineStep):
    """Reads the files of a folder; rank r of n reads every n-th file from the r-th on, rows in order."""

    type = "📖 - READER"
    name = "documents"

    def __init__(self, folder: DataFolderLike) -> None:
        super().__init__()
        self.folder = get_datafolder(folder)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields the documents of this rank's files."""
        for name in document_files(self.folder)[rank::world_size]:
            for batch in _file_batches(self.folder, name, None, DOCUMENT):
                for row in batch.to_pylist():
                    self.stat_update("documents")
                    yield _document(row)


class DocumentWriter(PipelineStep):
    """Writes the documents that reach it, each rank its own files, and passes them on.

    The same documents give the same bytes. A rank without documents writes no file.
    """

    type = "💽 - WRITER"
    name = "documents"

    def __init__(self, folder: DataFolderLike) -> None:
        super().__init__()
        self.folder = get_datafolder(folder)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields the documents it has written."""
        prefix = f"{rank:05d}-" if world_size > 1 else ""
        with files.DocumentWriter(self.folder, prefix) as writer:
            for document in data or ():
                writer.write(_row(document))
                self.stat_update("documents")
                yield document


def _document(row: dict[str, Any]) -> Document:
    text, document_id = row.pop("text"), row.pop("id")
    row["scores"] = dict(row["scores"] or ())
    return Document(text=text, id=document_id, metadata=row)


def _row(document: Document) -> dict[str, Any]:
    held = document.metadata
    return {
        "id": document.id,
        "text": document.text,
        "language": held["language"],
        "source": held["source"],
        "category": held["category"],
        "url": held.get("url"),
        "metadata": held.get("metadata"),
        # In the order of their names: the filters' order of computing is no part of the result.
        "scores": sorted((name, float(value)) for name, value in (held.get("scores") or {}).items()),
    }
