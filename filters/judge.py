"""A filter as a datatrove step, and how its verdicts are kept: one row for every document that is dropped."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike, get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.batching import batched

from filters.verdict import Drop
from sources.schema import DROPPED

# Rows held before a row group is written: bounds memory when a filter drops nearly everything.
_ROWS = 10_000


class DroppedRows:
    """The rows of one filter and rank in `<folder>/<filter>-<rank>.parquet`; no file where there are none."""

    def __init__(self, folder: DataFolderLike, name: str, rank: int) -> None:
        self._folder = get_datafolder(folder)
        self._name = name
        self._path = f"{name}-{rank:05d}.parquet"
        self._rows: list[dict[str, Any]] = []
        self._file: Any = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, document_id: str, drop: Drop) -> None:
        """Adds the row of one dropped document."""
        self._rows.append(
            {
                "id": document_id,
                "filter": self._name,
                "reason": drop.reason,
                "value": drop.value,
                "threshold": drop.threshold,
                "detail": drop.detail,
            }
        )
        if len(self._rows) >= _ROWS:
            self._flush()

    def close(self) -> None:
        """Writes what is held and closes the file."""
        self._flush()
        if self._writer:
            self._writer.close()
            self._file.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        if not self._writer:
            self._file = self._folder.open(self._path, "wb")
            self._writer = pq.ParquetWriter(self._file, DROPPED, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=DROPPED))
        self._rows = []


class Judge(PipelineStep):
    """A datatrove step that passes documents on or drops them, each drop with its row in `dropped`."""

    type = "🔻 - FILTER"
    filter: ClassVar[str]
    # Documents that are judged at once.
    batch: ClassVar[int] = 1

    def __init__(self, dropped: DataFolderLike) -> None:
        super().__init__()
        self.dropped = dropped

    @abstractmethod
    def judge(self, document: Document) -> Drop | None:
        """Why the document is dropped, or None if it stays. Scores go into `document.metadata["scores"]`."""

    def judge_all(self, documents: Sequence[Document]) -> list[Drop | None]:
        """`judge` of each of them, for filters that are quicker with many."""
        return [self.judge(each) for each in documents]

    def rows(self, rank: int) -> DroppedRows:
        """Where a rank's drops are written."""
        return DroppedRows(self.dropped, self.filter, rank)

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields the documents that stay, in their order."""
        rows = self.rows(rank)
        for batch in batched(data or (), self.batch):
            with self.track_time():
                drops = self.judge_all(batch)
            for document, drop in zip(batch, drops, strict=True):
                if drop is None:
                    self.stat_update("forwarded")
                    self.update_doc_stats(document)
                    yield document
                else:
                    self.stat_update("dropped", f"dropped_{drop.reason}")
                    rows.add(document.id, drop)
        rows.close()
