"""What every code point is to the filters of pairs, as one table that the compiled pass looks up."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import regex

from filters.bitext import compiled
from filters.characters import CODE_POINTS, characters, script_table
from sources.language import Language

# Marks that end a sentence, in the scripts of the 64 languages.
_STOPS: Final = ".…。．｡।॥۔։።។៕။"
_QUESTIONS: Final = "?？؟፧;"
_EXCLAMATIONS: Final = "!！¡"
# A sentence that ends so goes on.
_OPEN: Final = ",;:،؛，、；：፣፤፥၊-–—·"
_CLOSERS: Final = "\"'”’“‘»«›‹)]}）］｝」』】》〉*\u200b\u200c\u200d\u200e\u200f\u202c\u2069"
# Marks that part the entries of menus and lists.
_SEPARATORS: Final = "|•·▪►▶→>›★☆©®™✓✔■□●○◆~_^¦"
# What may stand between the digits of a number: before thousands, or before decimals as well.
_GROUPING: Final = "'’٬ \u00a0\u2009\u202f"
_DECIMAL: Final = ".,٫،"
# Numbers that are written in words of one character, and Ethiopic's, which have no places.
_NUMERALS: Final = r"[一二三四五六七八九十百千万萬億亿兆两兩〇零半\u1369-\u137c]"
_UNSPACED: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


@dataclass(frozen=True, slots=True)
class Letters:
    """Tables over all code points, for one language; see the bits in `filters.bitext.compiled`."""

    facts: npt.NDArray[np.uint32]
    # Letters, marks and numbers in lower case, all else 0; and without diacritics too.
    lower: npt.NDArray[np.uint32]
    base: npt.NDArray[np.uint32]


@cache
def letters(script: str, greek_question: bool = False) -> Letters:
    """The tables of a language in `script`; `greek_question`: the semicolon asks."""
    table = characters()
    facts = _common().copy()
    facts[script_table(script)] |= compiled.OF_SCRIPT
    if greek_question:
        _end(facts, ";\u037e", compiled.ENDS_QUESTION)
    return Letters(facts, table.lower, table.base)


def letters_of(language: Language) -> Letters:
    """The tables of `language`."""
    return letters(language.script, language.script == "Grek")


@cache
def _common() -> npt.NDArray[np.uint32]:
    text = "".join(map(chr, range(CODE_POINTS)))
    facts = np.zeros(CODE_POINTS, dtype=np.uint32)
    for bit, pattern in (
        (compiled.DIGIT, r"\p{Nd}"),
        (compiled.LETTER, r"\p{L}"),
        (compiled.SPACE, r"[\s\u200b]"),
        (compiled.UNSPACED, rf"[{_UNSPACED}&&[\p{{L}}\p{{M}}]]"),
        (compiled.CONTROL, r"[\p{Cc}\p{Cn}\p{Co}--[\t\n\r\x85]]"),
        (compiled.LATIN, r"[\p{Latin}&&\p{L}]"),
        (compiled.NUMERAL, _NUMERALS),
    ):
        for found in regex.compile(f"(?:{pattern})+", regex.V1).finditer(text):
            facts[found.start() : found.end()] |= bit
    # Shan's digits are tone marks where Burmese is spelt in Zawgyi, as much of it on the web is.
    facts[0x1090:0x109A] &= ~np.uint32(compiled.DIGIT)
    digits = np.flatnonzero(facts & compiled.DIGIT)
    # A digit that Python's older tables lack is one of value 0.
    facts[digits] |= np.array([unicodedata.digit(text[at], 0) for at in digits], dtype=np.uint32)
    # Superscripts and fractions are numbers in `lower`, but no digits.
    facts[characters().lower > 0] |= compiled.WORD
    for marks, kind in (
        (_OPEN, compiled.ENDS_OPEN),
        (_STOPS, compiled.ENDS_STOP),
        (_QUESTIONS.replace(";", ""), compiled.ENDS_QUESTION),
        (_EXCLAMATIONS, compiled.ENDS_EXCLAMATION),
    ):
        _end(facts, marks, kind)
    for marks, bit in (
        (_CLOSERS, compiled.CLOSER),
        (_SEPARATORS, compiled.SEPARATOR),
        (_GROUPING, compiled.GROUPING),
        (_DECIMAL, compiled.DECIMAL),
    ):
        facts[[ord(mark) for mark in marks]] |= bit
    return facts


def _end(facts: npt.NDArray[np.uint32], marks: str, kind: int) -> None:
    at = [ord(mark) for mark in marks]
    facts[at] = facts[at] & ~np.uint32(7 << compiled.ENDS_AT) | np.uint32(kind << compiled.ENDS_AT)
