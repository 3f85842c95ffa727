"""Counts the lines of a source and language before they are measured, where boilerplate is to be cut.

The counts are of the texts as they were collected, and so is what is cut: before repair, which may change a line.
"""

from collections.abc import Iterator
from pathlib import Path

from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike
from datatrove.pipeline.base import PipelineStep

from filters.boilerplate import LineCounts
from pipelines.document_files import document_files
from pipelines.document_io import row_batches_of


class CountingLines(PipelineStep):
    """Counts the lines of the files of `documents` into the local folder `counts`; rank r does every n-th file.

    When all ranks are done, `filters.boilerplate.repeated_lines` reads the counts. A task that is run again must
    find the folder empty.
    """

    type = "📏 - MEASURE"
    name = "📏 Count lines"

    def __init__(self, documents: DataFolderLike, counts: Path) -> None:
        super().__init__()
        self.documents, self.counts = documents, counts

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields nothing.

        Raises:
            BabelmixError: a file cannot be read.
        """
        counts = LineCounts(self.counts, rank)
        for name in document_files(self.documents)[rank::world_size]:
            for batch in row_batches_of(self.documents, name, ["text", "url"]):
                with self.track_time():
                    counts.add(batch["text"], batch["url"])
                self.stat_update("documents", value=len(batch))
        counts.close()
        yield from ()
