"""FineWeb's and Gopher's quality filters with the language's thresholds, as FineWeb-2 runs them."""

from collections.abc import Callable
from typing import Final

from datatrove.data import Document
from datatrove.io import DataFolderLike
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter
from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates
from datatrove.utils.text import PUNCTUATION_SET

from filters.verdict import Drop, Judge
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language

# FineWeb-2's pipeline: 0.1 instead of English FineWeb's 0.01; short lines are not counted.
CHAR_DUPLICATES_RATIO: Final = 0.1
MIN_STOP_WORDS: Final = 2


class Quality(Judge):
    """datatrove's `FineWebQualityFilter`, then its `GopherQualityFilter`."""

    name = "🍷 Quality"
    filter = "quality"

    def __init__(self, language: Language, dropped: DataFolderLike) -> None:
        super().__init__(dropped)
        limits = language.thresholds
        self._words = IcuWordTokenizer(language.segmentation.locale)
        self._fineweb = FineWebQualityFilter(
            language=self._words,
            short_line_thr=999,
            char_duplicates_ratio=CHAR_DUPLICATES_RATIO,
            line_punct_thr=limits.line_punct_thr,
            new_line_ratio=limits.new_line_ratio,
        )
        self._gopher = GopherQualityFilter(
            language=self._words,
            min_avg_word_length=limits.min_avg_word_length,
            max_avg_word_length=limits.max_avg_word_length,
            max_non_alpha_words_ratio=limits.max_non_alpha_words_ratio,
            stop_words=list(limits.stopwords),
            min_stop_words=MIN_STOP_WORDS if limits.stopwords else 0,
        )

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`. Sets `quality.words`: words and marks, which most of the rules count."""
        for each in (self._fineweb, self._gopher):
            verdict = each.filter(document)
            if verdict is not True:
                return Drop(verdict[1], *self._measured(verdict[1], document.text))
        document.metadata["scores"]["quality.words"] = float(len(self._words.word_tokenize(document.text)))
        return None

    def _measured(self, reason: str, text: str) -> tuple[float, float]:
        """What the filter measured for the reason that it gives, and the threshold that it held it against."""
        fineweb, gopher = self._fineweb, self._gopher
        lines = [line for line in text.split("\n") if line.strip()]
        words = self._words.word_tokenize(text)
        spoken = [word for word in words if any(mark not in PUNCTUATION_SET for mark in word)]
        measures: dict[str, tuple[Callable[[], float], float]] = {
            "empty": (lambda: len(lines), 1),
            "line_punct_ratio": (
                lambda: sum(line.endswith(fineweb.stop_chars) for line in lines) / len(lines),
                fineweb.line_punct_thr,
            ),
            "char_dup_ratio": (
                lambda: find_duplicates(lines)[1] / len(text.replace("\n", "")),
                fineweb.char_duplicates_ratio,
            ),
            "list_ratio": (lambda: text.count("\n") / len(words), fineweb.new_line_ratio),
            "gopher_short_doc": (lambda: len(spoken), gopher.min_doc_words),
            "gopher_long_doc": (lambda: len(spoken), gopher.max_doc_words),
            "gopher_below_avg_threshold": (lambda: _mean(spoken), gopher.min_avg_word_length),
            "gopher_above_avg_threshold": (lambda: _mean(spoken), gopher.max_avg_word_length),
            "gopher_too_many_hashes": (lambda: text.count("#") / len(words), gopher.max_symbol_word_ratio),
            "gopher_too_many_ellipsis": (
                lambda: (text.count("...") + text.count("…")) / len(words),
                gopher.max_symbol_word_ratio,
            ),
            "gopher_too_many_bullets": (
                lambda: _share(text, lambda line: line.lstrip().startswith(("•", "-"))),
                gopher.max_bullet_lines_ratio,
            ),
            "gopher_too_many_end_ellipsis": (
                lambda: _share(text, lambda line: line.rstrip().endswith(("...", "…"))),
                gopher.max_ellipsis_lines_ratio,
            ),
            "gopher_below_alpha_threshold": (
                lambda: sum(any(mark.isalpha() for mark in word) for word in words) / len(words),
                gopher.max_non_alpha_words_ratio,
            ),
            "gopher_enough_stop_words": (
                lambda: len(gopher.stop_words.intersection(words)),
                gopher.min_stop_words,
            ),
        }
        measure, threshold = measures[reason]
        return float(measure()), float(threshold)


def _mean(words: list[str]) -> float:
    return sum(map(len, words)) / len(words) if words else 0.0


def _share(text: str, holds: Callable[[str], bool]) -> float:
    lines = text.splitlines()
    return sum(map(holds, lines)) / len(lines)
