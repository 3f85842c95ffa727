"""How languages are called and coloured on the signatures' page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sources.language import languages

# Okabe and Ito's palette and two more; families beyond are grey.
_COLOURS: Final = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7b4fb5",
    "#a0522d",
)
_OTHER: Final = "#8a8a8a"
UNKNOWN: Final = "family unknown"


@dataclass(frozen=True, slots=True)
class Label:
    """A language as the page shows it; the colour is its family's."""

    code: str
    name: str
    family: str
    colour: str


def labels_of(codes: Sequence[str]) -> list[Label]:
    """A label for each code: name and family as registered, the code itself for a language that is not."""
    known = languages()
    families = [known[code].family if code in known else UNKNOWN for code in codes]
    most = [family for family, _ in Counter(families).most_common() if family != UNKNOWN]
    colours = dict(zip(most, _COLOURS, strict=False))
    return [
        Label(code, known[code].name if code in known else code, family, colours.get(family, _OTHER))
        for code, family in zip(codes, families, strict=True)
    ]
