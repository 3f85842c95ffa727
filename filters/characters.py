"""What every code point is to the filters, as tables that compiled loops look up.

The tables come from Python's `unicodedata`, the `regex` package (Unicode 17's word breaks and scripts) and
datatrove's sets of punctuation, so that a compiled filter says what the library's says.
"""

import sys
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import regex
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION

from filters.scripts import script_letters

CODE_POINTS: Final = sys.maxunicode + 1

# Bits of `Characters.flags`.
SPACE: Final = 1  # str.isspace
ALPHA: Final = 2  # str.isalpha
ALNUM: Final = 4  # str.isalnum
PUNCT: Final = 8  # datatrove's PUNCTUATION_SET
TERMINAL: Final = 16  # datatrove's TERMINAL_PUNCTUATION
LETTER: Final = 32  # Unicode's L
LINE_END: Final = 64  # str.splitlines
HYPHEN: Final = 128  # may belong to the words that it stands between
PICTOGRAPHIC: Final = 256  # Extended_Pictographic
DIGIT: Final = 512  # Unicode's Nd
# White space and the zero-width space, which parts words in the scripts of South-East Asia.
BLANK: Final = 2048
# What is counted by itself: # and the ellipsis, and the dot that makes one.
COUNTED: Final = 4096
DOT: Final = 1024  # ., which goes with the dots and the abbreviation before it

# Word_Break classes of UAX #29 (Unicode 17), as `Characters.word_break` has them. DICTIONARY is what ICU takes to
# a dictionary: the scripts of South-East Asia (Line_Break=SA), Han, Hiragana and Katakana. HANGUL are syllables,
# which ICU parts from letters and digits of other scripts; UAX #29 counts them among ALETTER.
OTHER, CR, LF, NEWLINE, EXTEND, ZWJ, FORMAT, HEBREW, ALETTER, MID_LETTER, MID_NUM, MID_NUM_LET = range(12)
NUMERIC, EXTEND_NUM_LET, REGIONAL, SEG_SPACE, SINGLE_QUOTE, DOUBLE_QUOTE, HANGUL, DICTIONARY = range(12, 20)

_CLASSES: Final = {
    CR: r"\p{WB=CR}",
    LF: r"\p{WB=LF}",
    NEWLINE: r"\p{WB=Newline}",
    EXTEND: r"\p{WB=Extend}",
    ZWJ: r"\p{WB=ZWJ}",
    FORMAT: r"\p{WB=Format}",
    HEBREW: r"\p{WB=Hebrew_Letter}",
    ALETTER: r"\p{WB=ALetter}",
    MID_LETTER: r"\p{WB=MidLetter}",
    MID_NUM: r"\p{WB=MidNum}",
    MID_NUM_LET: r"\p{WB=MidNumLet}",
    NUMERIC: r"\p{WB=Numeric}",
    EXTEND_NUM_LET: r"\p{WB=ExtendNumLet}",
    REGIONAL: r"\p{WB=Regional_Indicator}",
    SEG_SPACE: r"\p{WB=WSegSpace}",
    SINGLE_QUOTE: r"\p{WB=Single_Quote}",
    DOUBLE_QUOTE: r"\p{WB=Double_Quote}",
    HANGUL: r"[\p{LineBreak=H2}\p{LineBreak=H3}]",
    DICTIONARY: r"[\p{WB=Katakana}\p{LineBreak=SA}\p{Han}\p{Hiragana}]",
}
HYPHENS: Final = "-\u2010\u2011\u05be"
_LINE_ENDS: Final = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


@dataclass(frozen=True, slots=True)
class Characters:
    """Tables over all 1,114,112 code points; a row is looked up by the code point."""

    word_break: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint16]
    # Lower case, and everything else as it is.
    folded: npt.NDArray[np.uint32]
    # Letters, marks and numbers in lower case, all else 0. For comparisons in which diacritics count.
    lower: npt.NDArray[np.uint32]
    # The same without diacritics: a letter's base, and 0 for a combining mark.
    base: npt.NDArray[np.uint32]


@cache
def characters() -> Characters:
    """The tables of all languages; made once a process, in about half a second."""
    text = _every_character()
    word_break = np.zeros(CODE_POINTS, dtype=np.uint8)
    for number, pattern in _CLASSES.items():
        word_break[_matching(pattern, text)] = number
    flags = np.zeros(CODE_POINTS, dtype=np.uint16)
    flags[_matching(r"\p{L}", text)] |= LETTER
    flags[_matching(r"\p{Nd}", text)] |= DIGIT
    flags[_matching(r"\p{Extended_Pictographic}", text)] |= PICTOGRAPHIC
    flags[[at for at in range(CODE_POINTS) if text[at].isspace()]] |= SPACE
    flags[(flags & SPACE) > 0] |= BLANK
    flags[0x200B] |= BLANK
    # Python has Unicode's L for letters, by its own version of the tables.
    flags[[at for at in range(CODE_POINTS) if text[at].isalpha()]] |= ALPHA
    flags[[at for at in range(CODE_POINTS) if text[at].isalnum()]] |= ALNUM
    for bit, marks in (
        (PUNCT, PUNCTUATION_SET),
        (TERMINAL, TERMINAL_PUNCTUATION),
        (LINE_END, _LINE_ENDS),
        (HYPHEN, HYPHENS),
        (DOT, "."),
        (COUNTED, "#.…"),
    ):
        flags[[ord(mark) for mark in marks]] |= bit
    return Characters(word_break, flags, *_spellings(text))


def script_table(script: str) -> npt.NDArray[np.bool_]:
    """Whether each code point is a letter of `script`, ISO 15924's name."""
    table = np.zeros(CODE_POINTS, dtype=np.bool_)
    places, letters = _every_letter()
    table[places[_matching(script_letters(script).pattern, letters)]] = True
    return table


@cache
def _every_letter() -> tuple[npt.NDArray[np.int64], str]:
    """The letters among all code points, an eighth of them, and a text of them."""
    places = _matching(r"\p{L}", _every_character())
    return places, "".join(map(chr, places.tolist()))


@cache
def _every_character() -> str:
    """Every code point once; lone surrogates too, which no text in Arrow can hold."""
    return "".join(map(chr, range(CODE_POINTS)))


def _matching(pattern: str, text: str) -> npt.NDArray[np.int64]:
    return _found(regex.compile(f"(?:{pattern})+", regex.V1), text)


def _found(pattern: "regex.Pattern[str]", text: str) -> npt.NDArray[np.int64]:
    """Where a pattern matches in the text of all code points."""
    spans = [np.arange(*found.span()) for found in pattern.finditer(text)]
    return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)


def _spellings(text: str) -> tuple[npt.NDArray[np.uint32], ...]:
    """`folded`, `lower` and `base` of `Characters`."""
    lower = np.arange(CODE_POINTS, dtype=np.uint32)
    base = lower.copy()
    # Nothing above the second plane has case, and nothing above it decomposes but ideographs, into one another.
    for at in range(0x20000):
        # Turkish has two letters for one capital of others: they are one here, or KIZ were not kız.
        small = "i" if text[at] in "ıİ" else text[at].casefold()[0]
        lower[at] = ord(small)
        first = unicodedata.normalize("NFD", small)[0]
        # Hangul syllables decompose into letters, not into a letter and its marks.
        composed = 0xAC00 <= at < 0xD7A4
        base[at] = at if composed else 0 if unicodedata.category(first) == "Mn" else ord(first)
    folded = lower.copy()
    # Letters, marks and numbers alone tell texts apart.
    kept = np.zeros(CODE_POINTS, dtype=np.bool_)
    kept[_matching(r"[\p{L}\p{M}\p{N}]", text)] = True
    lower[~kept] = base[~kept] = 0
    return folded, lower, base
