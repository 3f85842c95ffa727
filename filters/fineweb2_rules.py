"""The rules of FineWeb-2's filters for language, repetition and quality, with a language's thresholds.

The steps that judge by them are in filters/language.py, filters/repetition.py and filters/quality.py.
"""

from typing import Final

from filters.identifiers import IdentifierName, identified
from filters.rules import Rule
from sources.language import Language, Thresholds

# For a language that the identifier does not know: the least share of letters in its script, and how many
# different stop words must occur (Gopher's quality filter asks for two as well).
MIN_SCRIPT_SHARE: Final = 0.8
MIN_STOP_WORDS: Final = 2
# No category wants a document without any text.
BLANK: Final = Rule("empty", "quality.lines", 1, least=True)
# FineWeb-2's pipeline: 0.1 instead of English FineWeb's 0.01; short lines are not counted.
CHAR_DUPLICATES_RATIO: Final = 0.1
# Gopher's (Rae et al. 2021, table A1 and section A.1.1), datatrove's defaults.
MIN_WORDS: Final = 50
MAX_WORDS: Final = 100_000
MAX_SYMBOLS: Final = 0.1
MAX_BULLETS: Final = 0.9
MAX_ELLIPSES: Final = 0.3


def language_rules(language: Language, identifier: IdentifierName) -> tuple[Rule, ...]:
    """The rules of a language: the identifier's probability, or script and stop words where it does not know it.

    What counts is the probability of the language itself, not that it is the first: an identifier that wavers
    between Malay and Indonesian says something else than one that is sure of German. (FineWeb-2 asks for both;
    that makes a difference only where the threshold is below a half.)
    """
    if known := identified(language, identifier):
        return (BLANK, Rule("low_score", "language.score", known.threshold, least=True))
    script = Rule("script_share", "language.script_share", MIN_SCRIPT_SHARE, least=True)
    if not language.thresholds.stopwords:
        return (BLANK, script)
    return (BLANK, script, Rule("stop_words", "quality.stop_words", MIN_STOP_WORDS, least=True))


def repetition_rules(limits: Thresholds) -> tuple[Rule, ...]:
    """The rules of datatrove's `GopherRepetitionFilter`, in its order and under its names.

    Paragraphs and characters of lines are not counted (FineWeb-2); a threshold of 0 for lines switches it off.
    """
    lines = (
        [Rule("dup_line_frac", "repetition.dup_line_frac", limits.dup_line_frac)] if limits.dup_line_frac else []
    )
    return (
        Rule("empty", "quality.characters", 1, least=True),
        *lines,
        *(Rule(f"top_{n}_gram", f"repetition.top_{n}_gram", most) for n, most in limits.top_n_grams),
        *(
            Rule(f"duplicated_{n}_n_grams", f"repetition.duplicated_{n}_n_grams", most)
            for n, most in limits.dup_n_grams
        ),
    )


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
