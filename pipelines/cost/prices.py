"""What things cost: a YAML file of prices, all in one currency."""

from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.loading import load_yaml

Price: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)] | None


class Prices(BaseModel):
    """Prices of what a build uses; what has no price is left out of the money, and the estimate says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Of one core for an hour.
    core_hour: Price = None
    gpu_hour: Price = None
    # Of 10^9 bytes kept for a month.
    gb_month: Price = None
    # Of 10^9 bytes that come from where the sources lie.
    gb_egress: Price = None
    # Of 10^6 requests to the sources' host, to the workspace's object store and to the models' servers.
    per_million_requests: Price = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.priced:
            raise ValueError(f"no price; write some of {', '.join(type(self).model_fields)}")
        return self

    @property
    def priced(self) -> tuple[str, ...]:
        """The names of the prices that are given."""
        return tuple(name for name in type(self).model_fields if getattr(self, name) is not None)

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The names of the others."""
        return tuple(name for name in type(self).model_fields if name not in self.priced)


def load_prices(path: Path) -> Prices:
    """The prices in a file.

    Raises:
        BabelmixError: it cannot be read, has an unknown key, a price that is no number above 0, or no price.
    """
    return load_yaml(path, Prices)
