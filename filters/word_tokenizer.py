"""Words in every language, by ICU: UAX #29 where they are spaced, dictionaries where they are not.

datatrove's own tokenizers need another package for nearly every language (spaCy, stanza, jieba, pythainlp ...).
Its filters take any `WordTokenizer`, so they get this one. What `filters/statistics.py` counts are the same words,
found by compiled loops.
"""

from typing import Any, Final

from datatrove.utils.word_tokenizers import WordTokenizer
from icu4py.breakers import SentenceBreaker, WordBreaker

from filters import characters as ch
from sources.language import Segmentation

_APOSTROPHES: Final = "'\u2019"
# How far is looked for the rest of a word that has marks within.
_AHEAD: Final = 64


class IcuWordTokenizer(WordTokenizer):
    """Words and marks, white space left out, by a language's rule of segmentation.

    Marks before and after words are words of their own, as in spaCy's tokens, which FineWeb-2's thresholds were
    computed with: the share of words with a letter counts them. Each stands alone but for dots and hyphens in a
    row (`...` is one), and the last dot of `U.S.`; what stands within words is as the language's file says.

    Several filters ask for the words of one document, one after the other: the last answer is kept. datatrove
    keeps some too, by text and tokenizer; tokenizers of one rule are equal, so that its filters share them.
    """

    def __init__(self, segmentation: Segmentation) -> None:
        super().__init__(segmentation.locale)
        self._rule = segmentation
        self._last: tuple[str, list[str]] = ("", [])

    def word_tokenize(self, text: str) -> list[str]:
        """The words and marks of `text` in their order."""
        # Read once and returned as read: another thread may be at another text.
        seen, words = self._last
        if seen != text:
            words = _joined(text, icu_pieces(text, self._rule), self._rule)
            self._last = (text, words)
        return words

    def sent_tokenize(self, text: str) -> list[str]:
        """The sentences of `text`, without the white space around them."""
        sentences = (text[start:end].strip() for start, end in self.span_tokenize(text))
        return [sentence for sentence in sentences if sentence]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each sentence, in characters; together they are the whole text."""
        spans, start = [], 0
        for sentence in SentenceBreaker(text, self._rule.locale):
            spans.append((start, start + len(sentence)))
            start += len(sentence)
        return spans

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IcuWordTokenizer) and other._rule == self._rule

    def __hash__(self) -> int:
        return hash((IcuWordTokenizer, self._rule))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": ("", [])}


def icu_pieces(text: str, rule: Segmentation) -> list[str]:
    """A text in pieces by ICU's word boundaries, white space among them, and parted at apostrophes by the rule."""
    return [part for piece in WordBreaker(text, rule.locale) for part in _parted(piece, rule.apostrophe)]


def _parted(piece: str, apostrophe: str) -> list[str]:
    """A piece in two or more where an apostrophe between letters parts it."""
    if apostrophe == "within" or not any(mark in piece for mark in _APOSTROPHES):
        return [piece]
    parts, start = [], 0
    for at in range(1, len(piece)):
        if piece[at] not in _APOSTROPHES:
            continue
        after = at + 1
        while after < len(piece) and _class(piece[after]) in (ch.EXTEND, ch.FORMAT, ch.ZWJ):
            after += 1
        # Between digits it is a mark of thousands.
        if after < len(piece) and _class(piece[after]) in (ch.ALETTER, ch.HEBREW):
            cut = at if apostrophe == "after" else after
            parts.append(piece[start:cut])
            start = cut
    return [*parts, piece[start:]]


def _joined(text: str, pieces: list[str], rule: Segmentation) -> list[str]:
    """The words that pieces make together, their white space left out."""
    spans: list[tuple[int, int]] = []
    end = 0
    for piece in pieces:
        start, end = end, end + len(piece)
        if spans and spans[-1][1] == start and _belongs(text, start, end, spans[-1][0], rule):
            spans[-1] = (spans[-1][0], end)
            continue
        begin, stop = start, end
        while begin < stop and _blank(text[begin]):
            begin += 1
        while begin < stop and _blank(text[stop - 1]):
            stop -= 1
        if begin < stop:
            spans.append((begin, stop))
    return [text[begin:stop] for begin, stop in spans]


def _belongs(text: str, start: int, end: int, word: int, rule: Segmentation) -> bool:
    """Whether a piece belongs to the word before it, which begins at `word` and ends where the piece begins."""
    mark, last = text[start], text[start - 1]
    after = text[end : end + 1]
    single = end - start == 1
    if single and mark == ".":
        if last == "." or (start >= 3 and text[start - 2] == "." and last.isalpha()):
            return True
        if after == ".":
            return False
    elif single and mark in ch.HYPHENS:
        if last == mark:
            return True
        if last.isalnum():
            return not (after.isalnum() and _bound(last, after, rule.hyphen) == "apart")
    elif last in ch.HYPHENS and start - word >= 2 and text[start - 2].isalnum() and mark.isalnum():
        return _bound(text[start - 2], mark, rule.hyphen) == "within"
    if rule.marks == "apart" or not text[word].isalnum():
        return False
    if mark.isalnum():
        apart = last == "." or (last in _APOSTROPHES and rule.apostrophe == "before")
        return not last.isalnum() and last not in ch.HYPHENS and not apart
    if _blank(mark) or mark == "…":
        return False
    if single and last.isalnum() and after.isalpha() and (mark in ":<>=/" or (mark == "," and last.isalpha())):
        return False
    ahead = text[end : end + _AHEAD]
    blank = next((at for at, character in enumerate(ahead) if _blank(character)), len(ahead))
    return any(map(str.isalnum, ahead[:blank]))


def _bound(before: str, after: str, hyphen: str) -> str:
    """What a hyphen does between two characters: a letter and a number are never parted."""
    return "within" if hyphen == "apart" and before.isalpha() and not after.isalpha() else hyphen


def _blank(character: str) -> bool:
    """White space, or the zero-width space, which parts words in the scripts of South-East Asia."""
    return character.isspace() or character == "\u200b"


def _class(character: str) -> int:
    return int(ch.characters().word_break[ord(character)])
