"""Words in every language, by ICU: UAX #29 where they are spaced, dictionaries where they are not.

datatrove's own tokenizers need another package for nearly every language (spaCy, stanza, jieba, pythainlp ...).
Its filters take any `WordTokenizer`, so they get this one.
"""

from typing import Any, Final

from datatrove.utils.word_tokenizers import WordTokenizer
from icu4py.breakers import SentenceBreaker, WordBreaker

# A hyphen within a word goes with what stands before it, as FineWeb-2's stop words have it (Maltese `l-`, `tal-`).
_HYPHENS: Final = frozenset("-\u2010\u2011\u05be")


class IcuWordTokenizer(WordTokenizer):
    """Words and marks, white space left out, by the rules of an ICU locale.

    Several filters ask for the words of one document, one after the other: the last answer is kept.
    """

    def __init__(self, locale: str) -> None:
        super().__init__(locale)
        self._locale = locale
        self._last: tuple[str, list[str]] = ("", [])

    def word_tokenize(self, text: str) -> list[str]:
        """The words and marks of `text` in their order."""
        if self._last[0] != text:
            self._last = (text, _joined(list(WordBreaker(text, self._locale))))
        return self._last[1]

    def sent_tokenize(self, text: str) -> list[str]:
        """The sentences of `text`, without the white space around them."""
        return [text[start:end].strip() for start, end in self.span_tokenize(text)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each sentence, in characters."""
        spans, start = [], 0
        for sentence in SentenceBreaker(text, self._locale):
            spans.append((start, start + len(sentence)))
            start += len(sentence)
        return spans

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": ("", [])}


def _joined(pieces: list[str]) -> list[str]:
    words: list[str] = []
    for at, piece in enumerate(pieces):
        inside = piece in _HYPHENS and 0 < at < len(pieces) - 1
        if inside and pieces[at - 1][-1].isalnum() and pieces[at + 1][0].isalnum():
            words[-1] += piece
        elif word := piece.strip():
            words.append(word)
    return words
