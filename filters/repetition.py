"""Gopher's repetition filter (Rae et al. 2021) with the language's thresholds, as FineWeb-2 runs it."""

import re

from datatrove.data import Document
from datatrove.io import DataFolderLike
from datatrove.pipeline.filters import GopherRepetitionFilter
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)

from filters.verdict import Drop, Judge
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language


class Repetition(Judge):
    """datatrove's `GopherRepetitionFilter`; paragraphs and characters of lines are not counted (FineWeb-2)."""

    name = "👯 Repetition"
    filter = "repetition"

    def __init__(self, language: Language, dropped: DataFolderLike) -> None:
        super().__init__(dropped)
        self.limits = language.thresholds
        self._words = IcuWordTokenizer(language.segmentation.locale)
        self._gopher = GopherRepetitionFilter(
            language=self._words,
            dup_line_frac=self.limits.dup_line_frac,
            dup_para_frac=0,
            dup_line_char_frac=0,
            dup_para_char_frac=0,
            top_n_grams=self.limits.top_n_grams,
            dup_n_grams=self.limits.dup_n_grams,
        )

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`."""
        verdict = self._gopher.filter(document)
        if verdict is True:
            return None
        reason = verdict[1]
        return Drop(reason, *self._measured(reason, document.text))

    def _measured(self, reason: str, text: str) -> tuple[float, float]:
        """What the filter measured for the reason that it gives, and the threshold that it held it against."""
        if reason == "empty":
            return 0, 1
        if reason == "dup_line_frac":
            lines = re.split("\n+", text)
            return find_duplicates(lines)[0] / len(lines), self.limits.dup_line_frac
        words = self._words.word_tokenize(text)
        for n, threshold in self.limits.top_n_grams:
            if reason == f"top_{n}_gram":
                return find_top_duplicate(get_n_grams(words, n)) / len(text), threshold
        for n, threshold in self.limits.dup_n_grams:
            if reason == f"duplicated_{n}_n_grams":
                return find_all_duplicate(words, n) / len(text), threshold
        raise ValueError(f"unknown reason of datatrove's filter: {reason}")
