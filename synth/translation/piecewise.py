"""A document whose pieces are written one by one: cut and protected, then put together if every piece is good."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sources.language import Language
from synth.request import Failure, Finished
from synth.translation.check import Check
from synth.translation.document_task import Unusable
from synth.translation.pieces import Piece, joined, pieces
from synth.translation.protection import MARKER, Protected, has_words, protect, restore


@dataclass(frozen=True, slots=True)
class Written:
    """The text that was put together, and the checks of each of its pieces."""

    text: str
    checks: list[list[Check]]


@dataclass(frozen=True, slots=True)
class Pieces:
    """A document in pieces, with markers for its protected spans; those with words are to be written."""

    protected: Protected
    parts: list[Piece]
    # The places of the parts that have words.
    asked: tuple[int, ...]

    @classmethod
    def of(cls, text: str, language: Language, budget: int) -> "Pieces":
        """The pieces of a text, which is normalised: NFC, and line feeds alone end lines."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        protected = protect(unicodedata.normalize("NFC", text))
        parts = pieces(protected.text, language, budget)
        return cls(protected, parts, tuple(at for at, part in enumerate(parts) if has_words(part.text)))

    @property
    def bare(self) -> str:
        """The text without its markers."""
        return str(MARKER.sub(" ", self.protected.text))

    def written(
        self,
        done: Iterable[Finished],
        read: Callable[[Finished], str | Failure],
        checks: Callable[[str, str], Iterator[Check]],
    ) -> Written | Unusable:
        """What the completions of the asked pieces, in their order, make of the document.

        `read` gives a completion's text, `checks` those of a piece and its text. The first piece that cannot be
        read or fails a check is the document's.
        """
        texts = [part.text for part in self.parts]
        passed = []
        for at, (place, finished) in enumerate(zip(self.asked, done, strict=True)):
            text = read(finished)
            if isinstance(text, Failure):
                return Unusable(at, text)
            text = unicodedata.normalize("NFC", text).strip()
            found = []
            for check in checks(self.parts[place].text, text):
                if check.broken:
                    return Unusable(at, check.drop)
                found.append(check)
            passed.append(found)
            texts[place] = text
        return Written(restore(joined(self.parts, texts), self.protected.spans), passed)
