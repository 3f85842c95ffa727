"""A figure with what it may lie between."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Interval:
    """`middle` is what is expected; sums and products take `low` with low and `high` with high.

    So the ends of a sum are those of parts that are all off in the same direction, as they are where one machine
    was quicker than another. Not for differences.
    """

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, figure: float) -> "Interval":
        """A figure that is known."""
        return cls(figure, figure, figure)

    @classmethod
    def measured(cls, samples: Sequence[float]) -> "Interval":
        """The median of what was measured, with the least and the most; at least one sample."""
        return cls(min(samples), median(samples), max(samples))

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(self.low + other.low, self.middle + other.middle, self.high + other.high)

    def __mul__(self, other: "Interval | float") -> "Interval":
        by = other if isinstance(other, Interval) else Interval.of(other)
        return Interval(self.low * by.low, self.middle * by.middle, self.high * by.high)

    def as_list(self) -> list[float]:
        """Low, middle, high, for JSON."""
        return [self.low, self.middle, self.high]


NOTHING = Interval(0.0, 0.0, 0.0)


def total(parts: Iterable[Interval]) -> Interval:
    """The sum of intervals, nothing of none."""
    return sum(parts, NOTHING)
