"""The quality model as a datatrove step."""

from collections.abc import Sequence

from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.judge import DroppedRows, Judge
from filters.quality_model import REASON, SCORE, load_model, scores
from filters.verdict import Drop
from sources.language import Language


class _Rows(DroppedRows):
    """Rows of the filter `quality` in files of their own: its rules may write theirs into the same folder."""

    def __init__(self, folder: DataFolderLike, rank: int) -> None:
        super().__init__(folder, QualityModel.filter, rank)
        self._path = f"quality-model-{rank:05d}.parquet"


class QualityModel(Judge):
    """Drops documents whose score is below the threshold; sets `quality.model` in the scores of all."""

    name = "🎓 Quality model"
    filter = "quality"
    batch = 256

    def __init__(
        self, language: Language, dropped: DataFolderLike, path: str, threshold: float, digest: str = ""
    ) -> None:
        super().__init__(dropped)
        self.language, self.path, self.threshold, self.digest = language, path, threshold, digest

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`."""
        return self.judge_all([document])[0]

    def rows(self, rank: int) -> DroppedRows:
        """See `Judge`."""
        return _Rows(self.dropped, rank)

    def judge_all(self, documents: Sequence[Document]) -> list[Drop | None]:
        """See `Judge`."""
        found = scores([each.text for each in documents], load_model(self.path, self.digest), self.language)
        for document, value in zip(documents, found, strict=True):
            document.metadata.setdefault("scores", {})[SCORE] = float(value)
        return [Drop(REASON, float(value), self.threshold) if value < self.threshold else None for value in found]
