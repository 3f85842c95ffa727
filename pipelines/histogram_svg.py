"""A statistic's histogram with the language's thresholds drawn in, as SVG."""

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from filters.rules import Rule
from pipelines.curation_sample import BINS, SHARE, Histogram, scale

_WIDTH: Final = 240
_HEIGHT: Final = 64


def histogram_figure(statistic: str, histogram: Histogram, rules: Sequence[Rule]) -> str:
    """An HTML `figure`: bars of all documents, those that break a rule set apart, a line at each threshold.

    Heights are square roots of counts, so that few documents can be seen beside many.
    """
    counts = histogram.counts
    total = int(counts.sum())
    of = scale(statistic)
    middles = (np.arange(BINS) + 0.5) / BINS
    thresholds = [float(of.places(np.array([rule.threshold]))[0]) for rule in rules]
    outside = np.zeros(BINS, dtype=np.bool_)
    for rule, at in zip(rules, thresholds, strict=True):
        outside |= middles < at if rule.least else middles > at
    heights = np.sqrt(counts / counts.max()) * _HEIGHT if total else np.zeros(BINS)
    bars = "".join(
        f"<path class='{kind}' d='{_path(heights, chosen)}'/>"
        for kind, chosen in (("in", ~outside), ("out", outside))
        if counts[chosen].any()
    )
    lines = "".join(
        f"<line x1='{at * _WIDTH:.1f}' x2='{at * _WIDTH:.1f}' y1='-4' y2='{_HEIGHT}'/>" for at in thresholds
    )
    said = "; ".join(
        f"{'at least' if rule.least else 'at most'} "
        + (f"{rule.threshold:,.0f}" if rule.threshold >= 1000 else f"{rule.threshold:g}")
        for rule in rules
    )
    label = escape(f"{statistic}, {total:,} documents" + (f", {said}" if said else ", no threshold"))
    return (
        f"<figure><figcaption><b>{escape(statistic)}</b> <span>{escape(said)}</span></figcaption>"
        f"<svg viewBox='0 -4 {_WIDTH} {_HEIGHT + 5}' role='img' aria-label='{label}' preserveAspectRatio='none'>"
        f"{bars}{lines}<line class='axis' x1='0' x2='{_WIDTH}' y1='{_HEIGHT}' y2='{_HEIGHT}'/></svg>"
        f"<div class='ends'><span>{of.low:g}</span><span>{'log' if of.log else ''}</span>"
        f"<span>{of.high:,.{0 if of.high >= 1 else 1}f}{'' if of == SHARE else '+'}</span></div></figure>"
    )


def _path(heights: np.typing.NDArray[np.float64], chosen: np.typing.NDArray[np.bool_]) -> str:
    step = _WIDTH / BINS
    return "".join(
        f"M{place * step:g} {_HEIGHT}v-{max(heights[place], 1):.1f}h{step - 0.6:.1f}v{max(heights[place], 1):.1f}z"
        for place in map(int, np.flatnonzero(chosen & (heights > 0)))
    )
