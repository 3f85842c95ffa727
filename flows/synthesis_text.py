"""What a model wrote of a mixture, in lines for the terminal."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipelines.build import Build
from pipelines.synthesis_steps import WRITTEN_KINDS


def synthesis_lines(steps: Build, totals: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What was written, and what of it was dropped, for each kind and model; whether it was asked or replayed."""
    counts: Counter[tuple[str, str, bool]] = Counter()
    languages: Counter[tuple[str, str, bool]] = Counter()
    dropped: dict[tuple[str, str, bool], Counter[str]] = {}
    for step in steps.steps:
        if step.kind in WRITTEN_KINDS:
            found = totals[step.name]
            by = step.kind, found["model"], found["replayed"]
            counts[by] += found["kept"]
            languages[by] += 1
            reasons = dropped.setdefault(by, Counter())
            for row in found["dropped"]:
                reasons[row["reason"].rpartition(".")[2]] += row["documents"]
    lines = []
    for by, count in counts.items():
        kind, model, replayed = by
        said = f" replayed from recorded completions ({model}): no model was asked" if replayed else f" by {model}"
        lines.append(f"{count:,} {WRITTEN_KINDS[kind]} in {_languages(languages[by])},{said}")
        if reasons := dropped[by]:
            why = ", ".join(f"{reason} {times:,}" for reason, times in reasons.most_common())
            lines.append(f"  {reasons.total():,} more were dropped: {why}")
    return lines


def _languages(count: int) -> str:
    return "1 language" if count == 1 else f"{count} languages"
