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

    Marks are words of their own, as in spaCy's tokens, which FineWeb-2's thresholds were computed with: the share
    of words with a letter counts them. Each mark stands alone (`...` is three), and `l'eau` and `don't` are one
    word where spaCy has two: French and Catalan have 4 to 6% fewer words for it, other languages with rules of
    their own in spaCy differ by less than 1.5% (the sample pack's text).

    Several filters ask for the words of one document, one after the other: the last answer is kept. datatrove
    keeps some too, by text and tokenizer; tokenizers of one locale are equal, so that its filters share them.
    """

    def __init__(self, locale: str) -> None:
        super().__init__(locale)
        self._locale = locale
        self._last: tuple[str, list[str]] = ("", [])

    def word_tokenize(self, text: str) -> list[str]:
        """The words and marks of `text` in their order."""
        # Read once and returned as read: another thread may be at another text.
        seen, words = self._last
        if seen != text:
            words = _joined(list(WordBreaker(text, self._locale)))
            self._last = (text, words)
        return words

    def sent_tokenize(self, text: str) -> list[str]:
        """The sentences of `text`, without the white space around them."""
        sentences = (text[start:end].strip() for start, end in self.span_tokenize(text))
        return [sentence for sentence in sentences if sentence]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each sentence, in characters; together they are the whole text."""
        spans, start = [], 0
        for sentence in SentenceBreaker(text, self._locale):
            spans.append((start, start + len(sentence)))
            start += len(sentence)
        return spans

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IcuWordTokenizer) and other._locale == self._locale

    def __hash__(self) -> int:
        return hash((IcuWordTokenizer, self._locale))

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
