"""The quality model as a datatrove step."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike

from filters.judge import DroppedRows, Judge
from filters.quality_model import REASON, SCORE, load_model, scores
from filters.verdict import Drop
from sources.language import Language

# Documents that are scored at once.
_BATCH: Final = 256


class _Rows(DroppedRows):
    """Rows of the filter `quality` in files of their own: its rules may write theirs into the same folder."""

    def __init__(self, folder: DataFolderLike, rank: int) -> None:
        super().__init__(folder, QualityModel.filter, rank)
        self._path = f"quality-model-{rank:05d}.parquet"


class QualityModel(Judge):
    """Drops documents whose score is below the threshold; sets `quality.model` in the scores of all."""

    name = "🎓 Quality model"
    filter = "quality"

    def __init__(
        self, language: Language, dropped: DataFolderLike, path: str, threshold: float, digest: str = ""
    ) -> None:
        super().__init__(dropped)
        self.language, self.path, self.threshold, self.digest = language, path, threshold, digest

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`."""
        return self._judged([document])[0]

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """As `Judge.run`, but scores many documents at once."""
        rows = _Rows(self.dropped, rank)
        for batch in _batches(data or ()):
            with self.track_time():
                drops = self._judged(batch)
            for document, drop in zip(batch, drops, strict=True):
                if drop is None:
                    self.stat_update("forwarded")
                    self.update_doc_stats(document)
                    yield document
                else:
                    self.stat_update("dropped", f"dropped_{drop.reason}")
                    rows.add(document.id, drop)
        rows.close()

    def _judged(self, documents: Sequence[Document]) -> list[Drop | None]:
        found = scores([each.text for each in documents], load_model(self.path, self.digest), self.language)
        for document, value in zip(documents, found, strict=True):
            document.metadata.setdefault("scores", {})[SCORE] = float(value)
        return [Drop(REASON, float(value), self.threshold) if value < self.threshold else None for value in found]


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
