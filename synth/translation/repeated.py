"""Texts that go round in circles, as models do that have lost the thread."""

from typing import Final

import pyarrow as pa

from filters.fineweb2_rules import repetition_rules
from filters.statistics import measure
from sources.language import Language

# Words under which shares of repeated n-grams say nothing, and under which a pair of words that stands twice is no
# sign of anything.
_FEWEST_WORDS: Final = 20
_FEWEST_FOR_PAIRS: Final = 60


def repetition_excess(
    text: str, language: Language, source: str = "", source_language: Language | None = None
) -> float:
    """How far the worst statistic of repetition is above its threshold, as a quotient; at most 1: nothing repeats.

    Statistics and thresholds are those of `filters.repetition` for the language; where the source repeats itself
    (a song, a table, a name of many words), its value is added to the threshold. 0 for a text of under 20 words,
    of which they say nothing; the most frequent n-gram counts from 60 words on.
    """
    own = _statistics(text, language)
    if own["quality.words"] < _FEWEST_WORDS:
        return 0.0
    others = _statistics(source, source_language or language) if source else {}
    worst = 0.0
    for rule in repetition_rules(language.limits):
        if rule.least or (rule.reason.startswith("top_") and own["quality.words"] < _FEWEST_FOR_PAIRS):
            continue
        limit = rule.threshold + others.get(rule.statistic, 0.0)
        worst = max(worst, own[rule.statistic] / limit if limit else 0.0)
    return worst


def _statistics(text: str, language: Language) -> dict[str, float]:
    found = measure(pa.array([text], pa.large_string()), language, signatures=False).statistics
    return {name: float(each[0]) for name, each in found.items()}
