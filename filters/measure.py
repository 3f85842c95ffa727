"""The one pass as a datatrove step, for pipelines of one's own."""

from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa
from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from filters.statistics import measure
from sources.language import Language

# A batch ends at so many characters or documents.
_CHARACTERS: Final = 1 << 20
_DOCUMENTS: Final = 1000


class Measure(PipelineStep):
    """Puts every statistic of each document into `document.metadata["scores"]`.

    Documents are measured in batches and go on in their order, so that any datatrove step may stand before and
    after it. A step that changes the text must stand before it.
    """

    type = "📏 - MEASURE"
    name = "📏 Measure"

    def __init__(self, language: Language) -> None:
        super().__init__()
        self.language = language

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, measured."""
        for batch in _batches(data or ()):
            with self.track_time():
                found = measure(
                    pa.array([each.text for each in batch], pa.large_string()), self.language, signatures=False
                )
            for at, document in enumerate(batch):
                scores = document.metadata.setdefault("scores", {})
                scores |= {name: float(values[at]) for name, values in found.statistics.items()}
                yield document


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.text)
        if characters >= _CHARACTERS or len(batch) >= _DOCUMENTS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
