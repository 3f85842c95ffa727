"""FineWeb's and Gopher's quality filters with the language's thresholds, as FineWeb-2 runs them."""

from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.fineweb2_rules import quality_rules
from filters.judge import Judge
from filters.rules import judged
from filters.verdict import Drop
from sources.language import Language


class Quality(Judge):
    """Drops documents that are no prose, by the statistics of a `Measure` step before it."""

    name = "🍷 Quality"
    filter = "quality"

    def __init__(self, language: Language, dropped: DataFolderLike) -> None:
        super().__init__(dropped)
        self._rules = quality_rules(language.limits)

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`."""
        return judged(self._rules, document.metadata["scores"])
