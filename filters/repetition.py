"""Gopher's repetition filter (Rae et al. 2021) with the language's thresholds, as FineWeb-2 runs it."""

from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.fineweb2_rules import repetition_rules
from filters.judge import Judge
from filters.rules import judged
from filters.verdict import Drop
from sources.language import Language


class Repetition(Judge):
    """Drops documents that repeat themselves, by the statistics of a `Measure` step before it."""

    name = "👯 Repetition"
    filter = "repetition"

    def __init__(self, language: Language, dropped: DataFolderLike) -> None:
        super().__init__(dropped)
        self._rules = repetition_rules(language.limits)

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`."""
        return judged(self._rules, document.metadata["scores"])
