"""Mends broken encodings and brings text into Unicode's composed form."""

import unicodedata
from collections.abc import Iterator

from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.formatters import FTFYFormatter


class Repair(PipelineStep):
    """ftfy as FineWeb-2 configures it (datatrove's `FTFYFormatter`), then NFC.

    Documents of a category in `verbatim` get NFC alone: in code and formulas, what looks like a broken or
    escaped character (`&lt;`, `Ã`) is often meant.
    """

    type = "✂️ - FORMAT"
    name = "🩹 Repair"

    def __init__(self, verbatim: tuple[str, ...]) -> None:
        super().__init__()
        self.verbatim = verbatim
        self._ftfy = FTFYFormatter()

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, mended."""
        for document in data or ():
            text = document.text
            if document.metadata["category"] not in self.verbatim:
                text = self._ftfy.format(text)
            document.text = unicodedata.normalize("NFC", text)
            yield document
