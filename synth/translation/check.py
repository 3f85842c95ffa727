"""One check of what a model wrote: what was measured, and what it was held against."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from filters.verdict import Drop


@dataclass(frozen=True, slots=True)
class Check:
    """`value` may be no less than `least` and no more than `most`; NaN (not measured) breaks nothing."""

    # What a drop is counted by, such as `length_ratio`.
    reason: str
    value: float
    least: float = -math.inf
    most: float = math.inf
    # What the numbers cannot say: the phrase that was found, the markers that were lost.
    detail: str = ""

    @property
    def broken(self) -> bool:
        """Whether the text fails."""
        return self.value < self.least or self.value > self.most

    @property
    def threshold(self) -> float | None:
        """The bound that is broken, or the one that holds; of two, the upper one; None where there is none."""
        if self.value < self.least or math.isinf(self.most):
            return None if math.isinf(self.least) else self.least
        return self.most

    @property
    def drop(self) -> Drop:
        """The row of a text that this check drops."""
        return Drop(self.reason, self.value, self.threshold, self.detail or None)


def first_broken(checks: Iterable[Check]) -> Check | None:
    """The first check that fails; the rest are not computed if `checks` is lazy."""
    return next((each for each in checks if each.broken), None)


def values(checks: Iterable[Check]) -> dict[str, float]:
    """What was measured, by reason, for a document's metadata; what could not be measured is left out."""
    return {each.reason: round(each.value, 4) for each in checks if math.isfinite(each.value)}
