"""Spans that no model may touch (formulae, code, addresses): markers stand for them while a text is rewritten.

A marker is ⟦1⟧. The model sees markers only; `restore` puts the spans back, if every marker came back exactly
once, in whatever order the other language wants them.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import regex

OPEN: Final = "⟦"
CLOSE: Final = "⟧"
MARKER: Final = regex.compile(rf"{OPEN}[ \t\u00a0]*(\p{{Nd}}{{1,6}})[ \t\u00a0]*{CLOSE}")

# International symbols only: a unit that is a word (kilometres, hours) is the language's own and is translated.
# One letter is a unit only where nobody reads it otherwise: 1990s and "in 2005 A man" have none.
_PREFIXED: Final = "(?:[kKMGTµμmcdhn](?:m|g|L|l|s|W|V|A|J|N|Pa|Hz|B|eV|mol|cal|bar|Wh)|Pa|Hz|eV|mol|cal|bar|Wh)"
_PER: Final = "(?:[²³]|/(?:h|s|m[²³23]?|L|l|kg))*"
_UNITS: Final = (
    rf"[  ]?(?:%|‰|°[CF]?|(?:{_PREFIXED}|m(?=[²³/]))(?:[23](?!\d))?{_PER}|[kMGT]i?bit|[KMGT]iB|mmHg|rpm|dB)"
    r"|[  ](?:m|g|L|l|s|h|ha)|(?:m|g|L|l|h|W|V|A)"
)


def _braced(depth: int) -> str:
    """Braces and what is in them, with so many braces within each other; no text makes it go back and forth."""
    inner = _braced(depth - 1) if depth else "(?!)"
    return rf"\{{(?:[^{{}}]++|{inner})*+\}}"


# The argument of a command of LaTeX, braces included.
ARGUMENT: Final = _braced(5)
# Lengths are bounded, and what opens again before it closes is none: else hostile text would cost its square.
# What begins first wins; of two kinds that begin together, the first in this list.
_KINDS: Final = {
    "marker": rf"[{OPEN}{CLOSE}]",
    "fence": r"(?m:^[ \t]*)(?<fence>`{3,}|~{3,})[^\n]*\n(?s:.*?)(?:\n[ \t]*(?P=fence)[`~]*[ \t]*(?=\n|\Z)|\Z)",
    "latex": (
        r"\$\$(?s:.{1,3000}?)\$\$|\\\[(?s:(?:(?!\\\[).){1,3000}?)\\\]|\\\((?s:(?:(?!\\\().){1,1000}?)\\\)"
        r"|\\begin\{(?<env>[a-zA-Z]{1,30}\*?)\}(?s:(?:(?!\\begin\{(?P=env)\}).){0,8000}?)\\end\{(?P=env)\}"
        # Pandoc's rule tells a formula from prices: no blank within the signs, no digit after them.
        r"|(?<![\\$\w])\$(?=[^\s$])(?:\\.|[^$\\\n]|\n(?!\n)){1,1000}?(?<=[^\s\\])\$(?![\d$])"
        rf"|\\boxed{ARGUMENT}|\\[a-zA-Z]{{2,40}}(?![a-zA-Z])"
    ),
    "code": r"(?<!`)(?<ticks>`{1,8})(?!`)[^\n]{1,1000}?(?<!`)(?P=ticks)(?!`)",
    "tag": r"</?[a-zA-Z][^<>\n]{0,300}>|<!--(?s:(?:(?!<!--).){0,3000}?)-->",
    "entity": r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});",
    "email": r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "url": r"(?<![A-Za-z0-9])(?i:(?:https?|ftp)://|www\.)[^\s<>\"{}|\\^`⟦⟧，。；）」]+(?<![.,;:!?)\]}'’”])",
    "placeholder": r"\$\{\w+\}|\{\{[^{}\n]{1,80}\}\}|\{[A-Za-z_]\w*\}|%\([A-Za-z_]\w*\)[sdif]|%[sdif](?!\w)",
    "quantity": rf"(?<![\w.,])[-+−±]?\d++(?:[.,]\d++)*+(?:{_UNITS})(?![\w²³%])",
}
_SPANS: Final = regex.compile("|".join(f"(?<kind_{name}>{pattern})" for name, pattern in _KINDS.items()))
_LETTER: Final = regex.compile(r"\p{L}")


@dataclass(frozen=True, slots=True)
class Protected:
    """A text whose spans are markers: marker `n` stands for `spans[n - 1]`."""

    text: str
    spans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarkerFault:
    """Markers that did not come back, that came back more than once, and that nobody had sent; their numbers."""

    lost: tuple[int, ...]
    repeated: tuple[int, ...]
    unknown: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many markers are wrong."""
        return len(self.lost) + len(self.repeated) + len(self.unknown)

    def __str__(self) -> str:
        named = (("lost", self.lost), ("repeated", self.repeated), ("unknown", self.unknown))
        return ", ".join(f"{name} {' '.join(map(str, each))}" for name, each in named if each)


def protect(text: str) -> Protected:
    """The text with a marker for every span that must stay as it is.

    Spans are formulae and commands of LaTeX, fenced and inline code, HTML tags and entities, addresses of the web
    and of mail, placeholders, and numbers with a unit's international symbol. Brackets that look like a marker's
    are spans too.
    """
    spans: list[str] = []

    def marker(found: "regex.Match[str]") -> str:
        spans.append(found.group())
        return f"{OPEN}{len(spans)}{CLOSE}"

    return Protected(_SPANS.sub(marker, text), tuple(spans))


def markers(text: str) -> tuple[int, ...]:
    """The numbers of the markers in a text, in their order; digits of any script and blanks around them count."""
    return tuple(int(found) for found in MARKER.findall(text))


def marker_fault(sent: str, returned: str) -> MarkerFault | None:
    """What is wrong with the markers of `returned`, held against those of `sent`; None if each is there once."""
    wanted, found = set(markers(sent)), Counter(markers(returned))
    stray = returned.count(OPEN) + returned.count(CLOSE) - 2 * found.total()
    fault = MarkerFault(
        tuple(sorted(wanted - set(found))),
        tuple(sorted(number for number, times in found.items() if number in wanted and times > 1)),
        # Half a marker is none that was sent.
        (*sorted(set(found) - wanted), *(0,) * bool(stray)),
    )
    return fault if fault.count else None


def restore(text: str, spans: tuple[str, ...]) -> str:
    """The text with each marker's span in its place.

    Raises:
        ValueError: a marker's number is none of the spans'; `marker_fault` tells that beforehand.
    """

    def span(found: "regex.Match[str]") -> str:
        number = int(found.group(1))
        if not 1 <= number <= len(spans):
            raise ValueError(f"marker {number} stands for nothing; there are {len(spans)}")
        return spans[number - 1]

    restored: str = MARKER.sub(span, text)
    return restored


def has_words(text: str) -> bool:
    """Whether a text has a letter outside its markers: without one there is nothing to translate."""
    return _LETTER.search(MARKER.sub("", text)) is not None
