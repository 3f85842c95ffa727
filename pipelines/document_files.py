"""Documents on disk: Parquet in the one schema, written in bounded memory and with the same bytes each time."""

from collections.abc import Mapping
from glob import escape
from types import TracebackType
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.io import DataFolderLike, get_datafolder

from sources.object_store import glob
from sources.schema import DOCUMENT

# Bytes of text and rows of one row group, and bytes of text of one file: a file is one task of later steps.
_GROUP_BYTES: Final = 32 << 20
_GROUP_ROWS: Final = 10_000
FILE_BYTES: Final = 1 << 30


class DocumentWriter:
    """Writes `00000.parquet`, `00001.parquet` … into a folder; no file where there are no documents."""

    def __init__(self, folder: DataFolderLike, prefix: str = "") -> None:
        self._folder = get_datafolder(folder)
        self._prefix = prefix
        self._number = 0
        self._rows: list[dict[str, Any]] = []
        self._group_bytes = 0
        self._file_bytes = 0
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "DocumentWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._close()
        elif self._file:
            self._file.close()

    def write(self, row: Mapping[str, Any]) -> None:
        """Adds one document, a mapping with the columns of `DOCUMENT`."""
        self._rows.append({name: row.get(name) for name in DOCUMENT.names})
        self._group_bytes += len(row["text"])
        if self._group_bytes >= _GROUP_BYTES or len(self._rows) >= _GROUP_ROWS:
            self._flush()
            if self._file_bytes >= FILE_BYTES:
                self._close()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._file = self._folder.open(f"{self._prefix}{self._number:05d}.parquet", "wb")
            self._writer = pq.ParquetWriter(self._file, DOCUMENT, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=DOCUMENT))
        self._file_bytes += self._group_bytes
        self._rows, self._group_bytes = [], 0

    def _close(self) -> None:
        self._flush()
        if self._writer is None:
            return
        self._writer.close()
        self._file.close()
        self._writer, self._file, self._file_bytes = None, None, 0
        self._number += 1


def document_files(folder: DataFolderLike) -> list[str]:
    """The Parquet files of a folder of documents, in their order."""
    place = get_datafolder(folder)
    # Not by its own listing, to which a store that fails is an empty folder.
    found = glob(place.fs, f"{escape(place.path)}/*.parquet")
    return sorted(name.rpartition("/")[2] for name in found)
