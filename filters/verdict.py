"""What a filter says of a document that may not stay."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a document may not stay: `value` is what was measured, `threshold` what it was held against."""

    reason: str
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None
