"""Mends broken encodings and brings text into Unicode's composed form."""

import unicodedata
from collections.abc import Iterator

import pyarrow as pa
from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.formatters import FTFYFormatter

from filters.mojibake import suspicious
from sources.special_tokens import neutralise


class Repair(PipelineStep):
    """ftfy as FineWeb-2 configures it (datatrove's `FTFYFormatter`), then NFC.

    It touches neither quotation marks nor ligatures, widths or line breaks, and no entities in a text that holds a
    `<`. That is for prose, LaTeX within it included; code and exercises should not meet it, since `&lt;` is meant
    there (which categories do is said by `CurationSettings.checks`).

    What was escaped may become a special token by it (`&lt;|im_start|&gt;`), so these are neutralised again.
    Sets `repair.changed`: 1 where the text is another than before.
    """

    type = "✂️ - FORMAT"
    name = "🩹 Repair"

    def __init__(self) -> None:
        super().__init__()
        self._ftfy = FTFYFormatter()

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, mended."""
        for document in data or ():
            text, found = self.mended(document.text, True)
            changed = text != document.text
            document.text = text
            document.metadata["scores"]["repair.changed"] = float(changed)
            self.stat_update("special_tokens", value=found)
            self.stat_update("repaired", value=int(changed))
            yield document

    def mended(self, text: str, suspect: bool) -> tuple[str, int]:
        """The text as it should be, and how many special tokens were neutralised in it.

        `suspect` is False for a text that ftfy would leave as it is (`filters.mojibake.suspicious`).
        """
        if not suspect:
            return unicodedata.normalize("NFC", text), 0
        return neutralise(unicodedata.normalize("NFC", self._ftfy.format(text)))

    def batch(self, texts: list[str]) -> list[str]:
        """The texts as they should be."""
        suspects = suspicious(pa.array(texts, pa.large_string()))
        return [self.mended(text, bool(suspect))[0] for text, suspect in zip(texts, suspects, strict=True)]
