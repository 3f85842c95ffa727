"""How much of a language's documents is in other languages, line by line: a sample of bounded size."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from filters.identifiers import IdentifierName, identified, identify
from sources.language import Language

# Letters that a line must have to be identified by itself: a third as many say as much where each is a syllable
# or a word.
_FEWEST_LETTERS: Final = {"spaces": 60, "dictionary": 20}
# Lines of one document that are looked at, spread over it.
_LINES: Final = 20
_MOST_CHARACTERS: Final = 400
# Another language must be this probable: short lines are guessed wrong with less.
_SURE: Final = 0.8


@dataclass(frozen=True, slots=True)
class CodeSwitching:
    """What the lines of some documents are in; `share` of the lines that were looked at is in other languages."""

    documents: int
    lines: int
    other: int
    # Documents with a line in another language.
    mixed: int
    # The other languages' labels and how many lines each has, the most frequent first.
    labels: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float | None:
        """The share of lines in another language; None where no line was long enough."""
        return self.other / self.lines if self.lines else None


def code_switching(texts: Iterable[str], language: Language, identifier: IdentifierName) -> CodeSwitching | None:
    """Identifies lines of each text; None for a language that the identifier does not know.

    A line counts as another language's where that has 0.8 of the probability at least. At most 20 lines of a
    text are looked at.
    """
    known = identified(language, identifier)
    if known is None:
        return None
    documents = lines = other = mixed = 0
    labels: Counter[str] = Counter()
    for text in texts:
        documents += 1
        segments = _segments(text, _FEWEST_LETTERS[language.segmentation.rule])
        if not segments:
            continue
        found = identify(segments, known.label, identifier)
        foreign = [
            label
            for label, score in zip(found.first, found.first_score, strict=True)
            if label != known.label and score >= _SURE
        ]
        lines += len(segments)
        other += len(foreign)
        mixed += bool(foreign)
        labels.update(foreign)
    ordered = tuple(sorted(labels.items(), key=lambda item: (-item[1], item[0])))
    return CodeSwitching(documents, lines, other, mixed, ordered)


def _segments(text: str, fewest: int) -> list[str]:
    lines = [line[:_MOST_CHARACTERS] for line in text.splitlines() if len(line) >= fewest]
    lines = [line for line in lines if sum(map(str.isalpha, line)) >= fewest]
    step = max(len(lines) / _LINES, 1.0)
    return [lines[int(at * step)] for at in range(min(len(lines), _LINES))]
