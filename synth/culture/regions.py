"""Countries and topics: the fixed lists that cultural documents are catalogued by."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from sources.loading import load_yaml

COUNTRIES: Final = Path(__file__).parent / "countries.yaml"
TOPICS: Final = Path(__file__).parent / "topics.yaml"
_REGION: Final = re.compile(r"([A-Z]{2})(?:-[A-Z0-9]{1,3})?")


class _Countries(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    countries: dict[str, str]


class _Topics(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    topics: dict[str, str]


@cache
def countries() -> dict[str, str]:
    """English names by ISO 3166-1 code."""
    return load_yaml(COUNTRIES, _Countries).countries


@cache
def topics() -> dict[str, str]:
    """The sixteen topics: what each is about, by key."""
    return load_yaml(TOPICS, _Topics).topics


def region_code(said: str) -> str | None:
    """A region as ISO 3166-1 or 3166-2 has it (`GR`, `ES-CT`), or None for what is none.

    The country must be one; the part after the hyphen is taken as it is, for parts are many and change.
    """
    found = _REGION.fullmatch(said.strip().upper())
    return found.group() if found and found[1] in countries() else None


def region_name(code: str) -> str:
    """`Greece`; of a part of a country the code as well: `Spain (ES-CT)`. A code that is none as it stands."""
    country = countries().get(code[:2])
    return code if country is None else country if len(code) == 2 else f"{country} ({code})"
