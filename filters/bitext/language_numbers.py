"""What good pairs of each language look like, as `measure_languages.py` measured it."""

from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from sources.language import Fraction
from sources.loading import load_yaml

LENGTHS: Final = Path(__file__).parent / "lengths.yaml"
IDENTIFIED: Final = Path(__file__).parent / "identified.yaml"
# Years of another era, by language: how many they are ahead of the common one or behind it.
ERAS: Final = {"tha_Thai": 543, "npi_Deva": 57, "fas_Arab": 621, "amh_Ethi": 8}
# Scripts in which numbers are counted by ten thousands.
MYRIADS: Final = ("Hani", "Jpan", "Hang", "Kore")


class _Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lengths(_Numbers):
    """How long translations into a language are, in characters that are not white space."""

    # The median length of the translation over the English one's.
    ratio: Annotated[float, Field(gt=0)]
    # The logarithm of a pair's ratio varies by spread + by_length / English characters (a variance).
    spread: Annotated[float, Field(ge=0)]
    by_length: Annotated[float, Field(ge=0)]
    # The share of translations that end in a mark where the English sentence does.
    ends: Fraction
    # The share of pairs of which at least half of the numbers agree.
    numbers: Fraction
    pairs: int


class Taken(_Numbers):
    """What lid.176 takes good sentences of a language for."""

    # Its own label, if it has one, and those that are accepted for it; their probabilities are added up.
    labels: tuple[str, ...]
    # From which `identification.agreement` on a sentence is believed to be in the language.
    threshold: Annotated[float, Field(ge=-1, le=1)]
    # The share of good sentences under the threshold.
    lost: Fraction


class _LengthsFile(_Numbers):
    source: str
    languages: dict[str, Lengths]


class _IdentifiedFile(_Numbers):
    source: str
    languages: dict[str, Taken]


# For a language that nobody has measured: as wide as the widest that were.
UNMEASURED: Final = Lengths(ratio=1.0, spread=0.06, by_length=3.0, ends=0.0, numbers=0.0, pairs=0)


@cache
def lengths() -> dict[str, Lengths]:
    """By language code."""
    return load_yaml(LENGTHS, _LengthsFile).languages


@cache
def taken() -> dict[str, Taken]:
    """By language code."""
    return load_yaml(IDENTIFIED, _IdentifiedFile).languages
