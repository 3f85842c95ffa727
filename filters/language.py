"""Language identification: is a document in the language that its source says?"""

from typing import Final

import pyarrow as pa
from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.fineweb2_rules import language_rules
from filters.identifiers import IdentifierName, identified, identify
from filters.judge import Judge
from filters.rules import judged
from filters.statistics import measure
from filters.verdict import Drop
from sources.language import Language

# The reason of a document whose first label is another; `low_score` is one whose first label is the right one.
WRONG: Final = "wrong_language"


class LanguageIdentification(Judge):
    """Keeps documents to which the identifier gives the language with its threshold's probability at least.

    Reasons: `wrong_language` (another label is first), `low_score`; and for a language that the identifier does
    not know, `script_share` (letters of its script) and `stop_words` (different ones that occur).
    """

    name = "🌍 Language identification"
    filter = "language"

    def __init__(self, language: Language, dropped: DataFolderLike, identifier: IdentifierName) -> None:
        super().__init__(dropped)
        self.language = language
        self.identifier: IdentifierName = identifier
        self._rules = language_rules(language, identifier)

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`. Sets `language.score`, or `language.script_share` and `quality.stop_words`."""
        scores = document.metadata["scores"]
        statistics = {"quality.lines": float(bool(document.text.strip()))}
        known = identified(self.language, self.identifier)
        if known is None:
            found = measure(pa.array([document.text], pa.large_string()), self.language).statistics
            wanted = ("language.script_share", "quality.stop_words")
            scores |= {name: float(found[name][0]) for name in wanted}
            return judged(self._rules, scores | statistics)
        says = identify([document.text], known.label, self.identifier)
        scores["language.score"] = float(says.score[0])
        drop = judged(self._rules, scores | statistics)
        if drop is None or drop.reason != "low_score":
            return drop
        return identified_as(drop, known.label, says.first[0], float(says.first_score[0]))


def identified_as(drop: Drop, label: str, first: str, first_score: float) -> Drop:
    """The verdict on a document whose score is too low, with what the identifier took it for."""
    reason = drop.reason if first == label else WRONG
    return Drop(reason, drop.value, drop.threshold, f"{first} {first_score:.3f}")


def unknown(language: Language, identifier: IdentifierName) -> str | None:
    """One line where the identifier does not know the language, to be said wherever its documents are kept."""
    if identified(language, identifier):
        return None
    return f"{language.code}: {identifier} does not know it; judged by script and stop words instead"
