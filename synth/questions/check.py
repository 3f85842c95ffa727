"""What one check says of one question."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checked:
    """A measured score, what it was held against, and whether the question passed."""

    # Such as `form.options`; the key of the record's `checks`.
    name: str
    score: float
    threshold: float
    passed: bool
    # Why it did not pass, in one word; empty where it did.
    reason: str = ""
    # What the numbers cannot say.
    detail: str = ""


def at_most(name: str, score: float, threshold: float, reason: str, detail: str = "") -> Checked:
    """Passed where the score is the threshold or less."""
    passed = score <= threshold
    return Checked(name, score, threshold, passed, "" if passed else reason, "" if passed else detail)


def at_least(name: str, score: float, threshold: float, reason: str, detail: str = "") -> Checked:
    """Passed where the score is the threshold or more."""
    passed = score >= threshold
    return Checked(name, score, threshold, passed, "" if passed else reason, "" if passed else detail)
