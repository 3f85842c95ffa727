"""FineWeb's and Gopher's quality filters with the language's thresholds, as FineWeb-2 runs them."""

from typing import Final

from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.rules import Rule, judged
from filters.verdict import Drop, Judge
from sources.language import Language, Thresholds

# FineWeb-2's pipeline: 0.1 instead of English FineWeb's 0.01; short lines are not counted.
CHAR_DUPLICATES_RATIO: Final = 0.1
MIN_STOP_WORDS: Final = 2
# Gopher's (Rae et al. 2021, table A1 and section A.1.1), datatrove's defaults.
MIN_WORDS: Final = 50
MAX_WORDS: Final = 100_000
MAX_SYMBOLS: Final = 0.1
MAX_BULLETS: Final = 0.9
MAX_ELLIPSES: Final = 0.3


def quality_rules(limits: Thresholds) -> tuple[Rule, ...]:
    """The rules of datatrove's `FineWebQualityFilter`, then of its `GopherQualityFilter`, in their order."""
    rules = (
        Rule("empty", "quality.lines", 1, least=True),
        Rule("line_punct_ratio", "quality.line_punct_ratio", limits.line_punct_thr, least=True),
        Rule("char_dup_ratio", "quality.char_dup_ratio", CHAR_DUPLICATES_RATIO),
        Rule("list_ratio", "quality.list_ratio", limits.new_line_ratio),
        Rule("gopher_short_doc", "quality.non_symbol_words", MIN_WORDS, least=True),
        Rule("gopher_long_doc", "quality.non_symbol_words", MAX_WORDS),
        Rule("gopher_below_avg_threshold", "quality.avg_word_length", limits.min_avg_word_length, least=True),
        Rule("gopher_above_avg_threshold", "quality.avg_word_length", limits.max_avg_word_length),
        Rule("gopher_too_many_hashes", "quality.hash_ratio", MAX_SYMBOLS),
        Rule("gopher_too_many_ellipsis", "quality.ellipsis_ratio", MAX_SYMBOLS),
        Rule("gopher_too_many_bullets", "quality.bullet_lines_ratio", MAX_BULLETS),
        Rule("gopher_too_many_end_ellipsis", "quality.ellipsis_lines_ratio", MAX_ELLIPSES),
        Rule("gopher_below_alpha_threshold", "quality.alpha_ratio", limits.max_non_alpha_words_ratio, least=True),
    )
    if not limits.stopwords:
        return rules
    return (*rules, Rule("gopher_enough_stop_words", "quality.stop_words", MIN_STOP_WORDS, least=True))


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
