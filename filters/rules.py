"""What decides, apart from what is measured: a rule holds one statistic against one threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filters.verdict import Drop

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """A document is dropped for `reason` if the statistic is beneath the threshold (`least`), or else above it."""

    reason: str
    statistic: str
    threshold: float
    least: bool = False

    def broken(self, values: Values) -> npt.NDArray[np.bool_]:
        """Which of the values break the rule. A value that was not computed (NaN) does not."""
        return values < self.threshold if self.least else values > self.threshold


def first_broken(rules: Sequence[Rule], statistics: Mapping[str, Values], documents: int) -> npt.NDArray[np.int64]:
    """The place in `rules` of the first that each document breaks, and -1 for one that breaks none.

    `statistics` holds one value a document by the names of `filters.statistics.STATISTICS`.
    """
    found = np.full(documents, -1, dtype=np.int64)
    for place in reversed(range(len(rules))):
        found[rules[place].broken(statistics[rules[place].statistic])] = place
    return found


def judged(rules: Sequence[Rule], scores: Mapping[str, float]) -> Drop | None:
    """What the rules say of one document by its scores: the first that is broken, or None."""
    for rule in rules:
        value = scores[rule.statistic]
        if value < rule.threshold if rule.least else value > rule.threshold:
            return Drop(rule.reason, value, rule.threshold)
    return None
