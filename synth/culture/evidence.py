"""Passages that a model says stand in a text: where they do, letter by letter."""

import unicodedata
from dataclasses import dataclass
from typing import Final

import regex

# Letters of a passage that shows something: in scripts whose letters are syllables or words fewer are enough.
_FEWEST: Final = 12
_FEWEST_IDEOGRAPHS: Final = 5
_DENSE: Final = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_WHITE: Final = regex.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Span:
    """A passage of a text: characters from `start` to before `end` of the text in NFC, and what stands there."""

    start: int
    end: int
    text: str


def spans(passages: tuple[str, ...] | list[str], text: str) -> list[Span] | None:
    """Where each passage stands in `text`; None if one of them stands nowhere or is too short to show anything.

    Both are compared in NFC. White space may differ, for lines are broken anew in a completion; nothing else may,
    but quotation marks and an ellipsis around the passage, which are the model's.
    """
    whole = unicodedata.normalize("NFC", text)
    found = [_span(unicodedata.normalize("NFC", passage), whole) for passage in passages]
    kept = [each for each in found if each is not None]
    return kept if kept and len(kept) == len(found) else None


def _span(passage: str, whole: str) -> Span | None:
    for each in (passage.strip(), passage.strip(" \n\t\"'“”„«»‘’「」『』…").strip()):
        fewest = _FEWEST_IDEOGRAPHS if _DENSE.search(each) else _FEWEST
        if sum(map(str.isalpha, each)) < fewest:
            return None
        start = whole.find(each)
        if start >= 0:
            return Span(start, start + len(each), each)
        words = _WHITE.split(each)
        found = regex.search(r"\s+".join(map(regex.escape, words)), whole)
        if found:
            return Span(found.start(), found.end(), found.group())
    return None
