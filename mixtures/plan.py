"""A plan: what a stage would hold of every category, language and bucket, and what is to be known of it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Inventory = Literal["ledger", "upstream"]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One line of a plan: a category, a language or a bucket (which has all three names).

    Shares are fractions of 1: of the tokens wanted, of the tokens planned. `epochs` is how often the tokens
    available are read, on average.
    """

    category: str | None
    language: str | None
    source: str | None
    share_wanted: float
    share_planned: float
    tokens_wanted: int
    tokens_planned: int
    tokens_available: int
    epochs: float

    def as_dict(self) -> dict[str, Any]:
        """Only the names that the row has."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe resolved against an inventory: `tokens` are wanted, `tokens_planned` may be fewer."""

    model: str
    stage: int
    tokens: int
    tokens_planned: int
    tokens_available: int
    inventory: Inventory
    tokenizer: str
    max_epochs: float
    fingerprint: str
    warnings: tuple[str, ...]
    categories: tuple[PlanRow, ...]
    # A row for each language over all its categories; `category` only where there is just one (not English).
    languages: tuple[PlanRow, ...]
    buckets: tuple[PlanRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `Plan.from_dict` reads it back."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        plain["warnings"] = list(self.warnings)
        for kind in ("categories", "languages", "buckets"):
            plain[kind] = [row.as_dict() for row in plain[kind]]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Plan":
        """The plan that `as_dict` made, from a manifest for example."""
        read = dict(plain, warnings=tuple(plain["warnings"]))
        unnamed = {"category": None, "language": None, "source": None}
        for kind in ("categories", "languages", "buckets"):
            read[kind] = tuple(PlanRow(**{**unnamed, **row}) for row in plain[kind])
        return cls(**read)
