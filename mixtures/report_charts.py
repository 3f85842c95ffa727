"""The charts of a mixture's report: bars in HTML, which a phone can read, and histograms in SVG."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.report_facts import QUARTERS

_WIDTH: Final = 640
_HEIGHT: Final = 120


def share_bar(planned: float, wanted: float, widest: float) -> str:
    """A bar of what is planned with a line at what is wanted, both as parts of `widest`."""
    widest = widest or 1.0
    return (
        f"<div class='bar'><i style='width:{100 * planned / widest:.2f}%'></i>"
        f"<b style='left:{100 * wanted / widest:.2f}%'></b></div>"
    )


def epoch_bar(epochs: float, most: float, widest: float) -> str:
    """A bar of epochs as a part of `widest`, with a line at one; of another colour above `most`."""
    kind = " class='over'" if epochs > most * 1.001 else ""
    return (
        f"<div class='bar'><i{kind} style='width:{100 * epochs / widest:.2f}%'></i>"
        f"<b style='left:{100 / widest:.2f}%'></b></div>"
    )


def stacked_bar(parts: Iterable[tuple[str, int]], whole: int) -> str:
    """Parts of a whole side by side; each has its class and its size."""
    inner = "".join(
        f"<i class='{kind}' style='width:{100 * size / max(whole, 1):.2f}%'></i>" for kind, size in parts if size
    )
    return f"<div class='bar stack'>{inner}</div>"


def length_figure(caption: str, counts: npt.NDArray[np.int64], reach: tuple[int, int], tokens: bool) -> str:
    """A figure of how many documents have which length, and with `tokens` a line of how many tokens they hold.

    `caption` is HTML. `counts` are documents in places of a quarter of a power of two; `reach` is the first
    place drawn and the one after the last. Each series is drawn against its own highest place.
    """
    low, high = reach
    shown = counts[low:high]
    middles = 2 ** ((np.arange(low, high) + 0.5) / QUARTERS)
    step = _WIDTH / max(1, high - low)
    bars = "".join(
        f"M{place * step:.1f} {_HEIGHT}v-{max(height, 1):.1f}h{step - 1:.1f}v{max(height, 1):.1f}z"
        for place, height in enumerate(_heights(shown))
        if height
    )
    line = ""
    if tokens:
        points = "L".join(
            f"{(place + 0.5) * step:.1f} {_HEIGHT - height:.1f}"
            for place, height in enumerate(_heights(shown * middles))
        )
        line = f"<path class='tokens' d='M{points}'/>"
    label = f"{escape(caption)}: {int(counts.sum()):,} documents by their tokens"
    return (
        f"<figure><figcaption><b>{caption}</b><small>{int(counts.sum()):,} documents, half up to about"
        f" {_median(counts):,} tokens</small></figcaption>"
        f"<svg viewBox='0 -4 {_WIDTH} {_HEIGHT + 5}' role='img' aria-label='{label}' preserveAspectRatio='none'>"
        f"<path class='documents' d='{bars}'/>{line}"
        f"<line class='axis' x1='0' x2='{_WIDTH}' y1='{_HEIGHT}' y2='{_HEIGHT}'/></svg>"
        f"{_ticks(low, high)}</figure>"
    )


def reach_of(counts: Sequence[npt.NDArray[np.int64]]) -> tuple[int, int]:
    """The places that any of the counts uses, from a whole power of two to another."""
    used = np.flatnonzero(np.sum(counts, axis=0)) if len(counts) else np.zeros(0)
    if not len(used):
        return 0, QUARTERS
    low = int(used[0]) // QUARTERS * QUARTERS
    return low, -(-(int(used[-1]) + 1) // QUARTERS) * QUARTERS


def _heights(values: npt.NDArray[Any]) -> list[float]:
    highest = float(values.max(initial=0)) or 1.0
    return [float(value) / highest * _HEIGHT for value in values]


def _median(counts: npt.NDArray[np.int64]) -> int:
    """The upper end of the place that holds the middle document."""
    if not counts.sum():
        return 0
    place = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    return round(float(2 ** ((place + 1) / QUARTERS)))


def _ticks(low: int, high: int) -> str:
    powers = range(low // QUARTERS, high // QUARTERS + 1)
    every = max(1, -(-len(powers) // 6))
    shown = list(powers)[::every]
    width = max(1, high - low)
    return (
        "<div class='ticks'>"
        + "".join(
            f"<span style='left:{100 * (power * QUARTERS - low) / width:.1f}%'>{_size(1 << power)}</span>"
            for power in shown
        )
        + "</div>"
    )


def _size(tokens: int) -> str:
    return f"{tokens}" if tokens < 1024 else f"{tokens >> 10}k" if tokens < 1 << 20 else f"{tokens >> 20}M"
