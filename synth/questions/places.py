"""Regions of languages, and the domains, topics and facets of questions: what two YAML files declare."""

from functools import cache
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sources.errors import BabelmixError
from sources.language import Language
from sources.loading import load_yaml, nearest

REGIONS: Final = Path(__file__).parent.parent / "regions.yaml"
DOMAINS: Final = Path(__file__).parent / "domains.yaml"
# ISO 3166-1 alpha-2, or 3166-2.
RegionCode: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Words: TypeAlias = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*$")]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Regions(_Declared):
    """Codes and English names of regions, by language."""

    regions: dict[str, dict[RegionCode, Words]]


class Domain(_Declared):
    """A field of life, with the topics that every region has of it."""

    about: Words
    topics: tuple[Words, ...] = Field(min_length=1)


class Domains(_Declared):
    """What questions are about, and what of it they ask."""

    domains: dict[Name, Domain] = Field(min_length=1)
    facets: dict[Name, Words] = Field(min_length=1)


@cache
def domains() -> Domains:
    """The domains and facets of `domains.yaml`.

    Raises:
        BabelmixError: the file does not fit.
    """
    return load_yaml(DOMAINS, Domains)


@cache
def _regions() -> Regions:
    return load_yaml(REGIONS, Regions)


def regions_of(language: Language, wanted: tuple[str, ...] = ()) -> dict[str, str]:
    """English names of the language's regions by code, in the file's order; those `wanted`, if any are.

    Raises:
        BabelmixError: the language has no regions, or not one that is wanted.
    """
    known = _regions().regions.get(language.code)
    if not known:
        raise BabelmixError(f"{REGIONS}: regions: no {language.code}; add `{language.code}: {{XX: Name}}`")
    return {code: known[_known(code, known, f"regions of {language.code}")] for code in wanted or known}


def domains_of(wanted: tuple[str, ...] = ()) -> dict[str, Domain]:
    """The domains by name, in the file's order; those `wanted`, if any are.

    Raises:
        BabelmixError: there is none of a wanted name.
    """
    known = domains().domains
    return {name: known[_known(name, known, "domains")] for name in wanted or known}


def _known(name: str, known: dict[str, str] | dict[str, Domain], what: str) -> str:
    if name not in known:
        raise BabelmixError(f"{what}: no {name!r}{nearest(name, known)}; there are {', '.join(known)}")
    return name
