"""What two wordings have in common: case, marks and blanks make no difference, and words are words."""

import unicodedata
from functools import lru_cache
from typing import Final

import regex

from sources.language import Language

# Combining marks belong to letters; an apostrophe within a word does too.
_WORD: Final = regex.compile(r"[\p{L}\p{M}\p{N}\p{Cf}]+(?:['’ʼ][\p{L}\p{M}\p{N}]+)*")
_SHINGLE: Final = 4
_SHORT_SHINGLE: Final = 2
_EAST_ASIAN: Final = regex.compile(r"[\p{Script=Hani}\p{Script=Hira}\p{Script=Kana}\p{Script=Hang}]")
# An inflected word begins as the word does: so much of the shorter one, and at least so many characters.
_SAME: Final = 0.75
_LEAST: Final = 4


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, NFKC; what is between them is lost. Unspaced text is one long word."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def normalised(text: str) -> str:
    """The words with one blank between them."""
    return " ".join(words(text))


def spaced(language: Language) -> bool:
    """Whether blanks part the words of the language."""
    return language.segmentation.rule == "spaces"


def holds(outer: str, inner: str, by_word: bool) -> bool:
    """Whether all of `inner` stands in `outer`: whole words in a row, or characters where words are not spaced.

    Fewer than two characters of unspaced text are in no text: they are in nearly all.
    """
    if by_word:
        whole, part = words(outer), words(inner)
        return bool(part) and any(
            whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1)
        )  # fmt: skip
    part_ = "".join(words(inner))
    return len(part_) > 1 and part_ in "".join(words(outer))


def share_held(outer: str, inner: str, by_word: bool) -> float:
    """The share of the words of `inner` that stand in `outer`, 0 to 1, an inflected word counted as the word.

    Where words are not spaced: 1 where all of it stands there in one piece, else 0.
    """
    if not by_word:
        return float(holds(outer, inner, by_word))
    part, whole = words(inner), words(outer)
    return sum(any(_same(word, other) for other in whole) for word in part) / len(part) if part else 0.0


def _same(first: str, second: str) -> bool:
    if first == second:
        return True
    common = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        common += 1
    shorter, longer = sorted((len(first), len(second)))
    return common >= _LEAST and common >= _SAME * longer and shorter >= _LEAST


def shingles(text: str) -> frozenset[str]:
    """The runs of four characters of the normalised text without blanks, or all of a shorter text.

    Of two characters where most are Chinese, Japanese or Korean, whose words are that long.
    """
    flat = "".join(words(text))
    size = _SHORT_SHINGLE if 2 * len(_EAST_ASIAN.findall(flat)) > len(flat) else _SHINGLE
    return frozenset(flat[at : at + size] for at in range(max(len(flat) - size + 1, 1))) if flat else frozenset()


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """The Jaccard index of two sets of shingles, 0 to 1; 0 where both are empty."""
    together = len(first | second)
    return len(first & second) / together if together else 0.0
