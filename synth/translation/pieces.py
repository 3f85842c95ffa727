"""Long texts in pieces that a model writes well in one go, cut where paragraphs, lines or sentences end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import regex
from icu4py.breakers import WordBreaker

from filters.word_tokenizer import IcuWordTokenizer
from sources.errors import BabelmixError
from sources.language import Language
from synth.translation.protection import MARKER

_PARAGRAPHS: Final = regex.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_LINES: Final = regex.compile(r"\n")
_SPACE: Final = regex.compile(r"\s*")
_GRAPHEMES: Final = regex.compile(rf"(?:{MARKER.pattern})|\X")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and the white space that stood before and after it, which no model sees."""

    before: str
    text: str
    after: str


def pieces(text: str, language: Language, budget: int, size: Callable[[str], int] = len) -> list[Piece]:
    """`text` in pieces of at most `budget`; one after the other with their white space they are the text.

    `size` measures a text in the budget's unit, characters unless told otherwise; the size of two texts together
    must not be above the sum of theirs by more than a token or so. A piece ends at a paragraph's end where it can,
    else at a line's, a sentence's (ICU's, in the language's locale), a word's, and only within a word that is
    longer than the budget anywhere. A marker (`protection`) is never cut: a piece of one alone may be over.

    Raises:
        BabelmixError: the budget is below 16.
    """
    if budget < 16:
        raise BabelmixError(f"budget: {budget} is too small for a sentence; give 16 at least, 2000 is usual")
    return [_piece(part) for part in _packed(text, 0, language, budget, size) if part]


def joined(parts: list[Piece], texts: list[str]) -> str:
    """The pieces' new texts between the white space that stood between the old ones.

    Raises:
        ValueError: there are more or fewer texts than pieces.
    """
    return "".join(part.before + text + part.after for part, text in zip(parts, texts, strict=True))


def _piece(part: str) -> Piece:
    text = part.strip()
    before = part[: len(part) - len(part.lstrip())] if text else part
    return Piece(before, text, part[len(before) + len(text) :])


def _packed(text: str, level: int, language: Language, budget: int, size: Callable[[str], int]) -> Iterator[str]:
    """Parts of at most `budget`, each of as many units of this level as fit; a unit that is too long is cut."""
    if size(text.strip()) <= budget:
        yield text
        return
    held = ""
    for unit in _units(text, level, language):
        if held and size((held + unit).strip()) <= budget:
            held += unit
            continue
        if held:
            yield held
        held = unit
        if size(unit.strip()) > budget:
            held = ""
            if level == _LAST or MARKER.fullmatch(unit.strip()):
                yield unit
            else:
                yield from _packed(unit, level + 1, language, budget, size)
    if held:
        yield held


# Paragraphs, lines, sentences, words, characters.
_LAST: Final = 4


def _units(text: str, level: int, language: Language) -> Iterator[str]:
    """Units with the white space after them; together they are the text."""
    if level < 2:
        start = 0
        for found in (_PARAGRAPHS, _LINES)[level].finditer(text):
            yield text[start : found.end()]
            start = found.end()
        yield text[start:]
    elif level == 2:
        tokenizer = IcuWordTokenizer(language.segmentation)
        yield from _whole(text, (end for _, end in tokenizer.span_tokenize(text)))
    elif level == 3:
        ends, end = [], 0
        for word in WordBreaker(text, language.segmentation.locale):
            end += len(word)
            ends.append(end)
        yield from _whole(text, iter(ends))
    else:
        # A letter and its marks, or a marker, are one.
        yield from (found.group() for found in _GRAPHEMES.finditer(text))


def _whole(text: str, ends: Iterator[int]) -> Iterator[str]:
    """The text cut at `ends`, but not within a marker, and with white space at the end of the part before it."""
    spans = [found.span() for found in MARKER.finditer(text)]
    at, start = 0, 0
    for end in ends:
        while at < len(spans) and spans[at][1] <= end:
            at += 1
        if at < len(spans) and spans[at][0] < end:
            continue
        found = _SPACE.match(text, end)
        after = found.end() if found else end
        if after > start:
            yield text[start:after]
            start = after
    if start < len(text):
        yield text[start:]
