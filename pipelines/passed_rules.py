"""The rules that a kept document passed, with what was measured of it, by the settings it was curated with.

Thresholds are those of the step's manifest, not of the files of today. A rule whose statistic was not kept with
the document is named without a value.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from filters.fineweb2_rules import BLANK, MIN_SCRIPT_SHARE, MIN_STOP_WORDS, quality_rules, repetition_rules
from filters.rules import Rule
from filters.settings import CurationSettings
from sources.language import Thresholds


def passed_rules(settings: Mapping[str, Any], category: str, scores: Mapping[str, float]) -> list[dict[str, Any]]:
    """One row for each rule: filter, reason (what it would have been dropped for), statistic, value, threshold,
    and `bound`: `at least`, `at most` or `below`.

    `settings` are those of a `curate` step, `scores` those of the document. A filter that the document's category
    does not meet has no row.
    """
    held = settings["curation"]
    of = CurationSettings.model_validate(held["settings"])
    checks = of.checks_for(category)
    rows = [
        _row(name, rule, scores.get(rule.statistic))
        for name, rule in _rules(of, held["language"])
        if name in checks or rule is BLANK
    ]
    for check, threshold in (("exact", 1.0), ("near", of.minhash.overlap)):
        if check in checks:
            rows.append(_said("duplicates", check, "n-grams in common with another", None, threshold, "below"))
    if "contamination" in checks:
        of_item = "words in a row of a benchmark's question"
        rows.append(_said("contamination", "contaminated", of_item, None, of.contamination.words, "below"))
    return rows


def _rules(settings: CurationSettings, language: Mapping[str, Any]) -> Iterator[tuple[str, Rule]]:
    limits = Thresholds.model_validate(language["thresholds"])
    yield "language", BLANK
    if language["threshold"] is not None:
        yield "language", Rule("low_score", "language.score", language["threshold"], least=True)
    else:
        yield "language", Rule("script_share", "language.script_share", MIN_SCRIPT_SHARE, least=True)
        if limits.stopwords:
            yield "language", Rule("stop_words", "quality.stop_words", MIN_STOP_WORDS, least=True)
    yield from (("repetition", rule) for rule in repetition_rules(limits))
    yield from (("quality", rule) for rule in quality_rules(limits))
    model = settings.quality_models.get(language["code"])
    if model is not None and model.threshold is not None:
        yield "quality", Rule("quality_model", "quality.model", model.threshold, least=True)


def _row(name: str, rule: Rule, value: float | None) -> dict[str, Any]:
    bound = "at least" if rule.least else "at most"
    return _said(name, rule.reason, rule.statistic, value, rule.threshold, bound)


def _said(
    name: str, reason: str, statistic: str, value: float | None, threshold: float, bound: str
) -> dict[str, Any]:
    return {
        "filter": name,
        "reason": reason,
        "statistic": statistic,
        "value": value,
        "threshold": float(threshold),
        "bound": bound,
    }
