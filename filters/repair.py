"""Mends broken encodings and brings text into Unicode's composed form."""

import unicodedata
from collections.abc import Iterator

from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.formatters import FTFYFormatter


class Repair(PipelineStep):
    """ftfy as FineWeb-2 configures it (datatrove's `FTFYFormatter`), then NFC."""

    type = "✂️ - FORMAT"
    name = "🩹 Repair"

    def __init__(self) -> None:
        super().__init__()
        self._ftfy = FTFYFormatter()

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, mended."""
        for document in data or ():
            document.text = unicodedata.normalize("NFC", self._ftfy.format(document.text))
            yield document
