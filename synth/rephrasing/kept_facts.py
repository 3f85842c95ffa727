"""Names and numbers: what a text that was rephrased must still say, and may not say anew."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

import regex

from sources.language import Language

_WORD: Final = regex.compile(r"\p{L}[\p{L}\p{M}\p{Pd}'’]*(?<=[\p{L}\p{M}])")
# Scripts whose names have a capital.
_CASED: Final = ("Latn", "Cyrl", "Grek")
# What stands before a word that begins a sentence, a line or a quotation.
_BEGINS: Final = regex.compile(r"(?:^|[\n.!?…:;·«»„“”\"'‘’(\[—–*•-])\s*$")
_KATAKANA: Final = regex.compile(r"[\p{Katakana}ー]{3,}")
_LATIN: Final = regex.compile(r"\p{Latin}[\p{Latin}\p{M}\d.-]*(?<=[\p{Latin}\d])")
# A number with what groups its digits.
_NUMBER: Final = regex.compile(r"\p{Nd}+(?:[.,:٫٬'’\u00a0\u202f]\p{Nd}+)*")
# Numbers up to this are written out or not as one likes.
_SMALL: Final = 12
# Letters of a word that inflection leaves alone: so large a part of it, and no fewer than three.
_STEM: Final = 0.6
_LEAST_STEM: Final = 3
# Letters of a word that says what a text is about, where names have no capital.
_TERM: Final = 4


def names(text: str, language: Language) -> frozenset[str]:
    """Words that stand for somebody or something: a text that says the same has them too.

    Words with a capital within a sentence, where the script has capitals (in German all nouns); words in Latin
    letters and katakana elsewhere, and words of four letters or more that the text has twice, where words are
    spaced. Lower case.
    """
    if language.script in _CASED:
        return frozenset(
            found.group().casefold()
            for found in _WORD.finditer(text)
            if found.group()[0].isupper()
            and len(found.group()) > 1
            and not _BEGINS.search(text[max(0, found.start() - 4) : found.start()])
        )
    terms = {found.casefold() for found in _LATIN.findall(text) if len(found) > 1} | set(_KATAKANA.findall(text))
    if language.segmentation.rule == "spaces":
        stops = set(language.thresholds.stopwords)
        times = Counter(each for each in _WORD.findall(text) if len(each) >= _TERM and each not in stops)
        terms |= {each for each, count in times.items() if count > 1}
    return frozenset(terms)


def names_kept(wanted: frozenset[str], text: str) -> float:
    """The share of `wanted` names that a text has, in any form that begins alike; NaN where none are wanted.

    A name counts as there if some word of the text begins with its first letters: three fifths of them, and three
    at least. Endings change with what a sentence does with a name.
    """
    if not wanted:
        return math.nan
    folded = text.casefold()
    words = {each.casefold() for each in _WORD.findall(text)}
    starts = {word[:length] for word in words for length in range(_LEAST_STEM, len(word) + 1)} | words
    return sum(_stem(name) in starts or name in folded for name in wanted) / len(wanted)


def _stem(name: str) -> str:
    return name[: max(_LEAST_STEM, math.ceil(_STEM * len(name)))]


def numbers(text: str) -> Counter[str]:
    """The numbers of a text, each as its digits without what groups them, in any script's digits."""
    return Counter(
        "".join(str(unicodedata.digit(each)) for each in found if each.isdecimal()).lstrip("0") or "0"
        for found in _NUMBER.findall(text)
    )


def numbers_new(text: str, source: str) -> tuple[str, ...]:
    """Numbers above 12 that a text has and its source has not, however it may be said there."""
    known = numbers(source)
    return tuple(each for each in numbers(text) if int(each) > _SMALL and not _said(each, known))


def numbers_kept(text: str, source: str) -> float:
    """The share of the source's different numbers above 12 that a text has; NaN where there are none."""
    wanted = [each for each in numbers(source) if int(each) > _SMALL]
    found = numbers(text)
    return sum(_said(each, found) for each in wanted) / len(wanted) if wanted else math.nan


def _said(number: str, others: Iterable[str]) -> bool:
    return number in others or any(_alike(*sorted((number, other), key=len)) for other in others)


def _alike(short: str, long: str) -> bool:
    """50 thousand and 50,000; the 90s and the 1990s; 7:45 and 19:45."""
    if short.rstrip("0") == long.rstrip("0"):
        return True
    if len(short) == len(long) or len(short) > 3:
        return False
    if len(long) == 4 and len(short) == 2 and long[:2] in ("18", "19", "20"):
        return long[2:] == short
    return len(long) == 4 and len(short) == 3 and int(long) - int(short) == 1200 and int(long[2:]) < 60
