"""Language identification: is a document in the language that its source says?"""

from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.identifiers import IdentifierName, identified, probabilities
from filters.scripts import script_share
from filters.verdict import Drop, Judge
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language

# For a language that the identifier does not know: the least share of letters in its script, and how many
# different stop words must occur (Gopher's quality filter asks for two as well).
MIN_SCRIPT_SHARE = 0.8
MIN_STOP_WORDS = 2


class LanguageIdentification(Judge):
    """Keeps documents to which the identifier gives the language with its threshold's probability at least.

    What counts is the probability of the language itself, not that it is the first: an identifier that wavers
    between Malay and Indonesian says something else than one that is sure of German. (FineWeb-2 asks for both;
    that makes a difference only where the threshold is below a half.)

    Reasons: `wrong_language` (another label is first), `low_score`; and for a language that the identifier does
    not know, `script_share` (letters of its script) and `stop_words` (different ones that occur).
    """

    name = "🌍 Language identification"
    filter = "language"

    def __init__(
        self,
        language: Language,
        dropped: DataFolderLike,
        identifier: IdentifierName,
    ) -> None:
        super().__init__(dropped)
        self.language = language
        self.identifier: IdentifierName = identifier
        self._words = IcuWordTokenizer(language.segmentation.locale)

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`. Sets `language.score`, or `language.script_share` and `language.stop_words`."""
        if not document.text.strip():
            return Drop("empty", 0, 1)
        known = identified(self.language, self.identifier)
        if known is None:
            return self._by_script(document)
        found = probabilities(document.text, self.identifier)
        score = found.get(known.label, 0.0)
        document.metadata["scores"]["language.score"] = score
        if score >= known.threshold:
            return None
        first = next(iter(found), "none")
        reason = "low_score" if first == known.label else "wrong_language"
        return Drop(reason, score, known.threshold, f"{first} {found.get(first, 0.0):.3f}")

    def _by_script(self, document: Document) -> Drop | None:
        share = script_share(document.text, self.language.script)
        wanted = set(self.language.thresholds.stopwords)
        words = wanted & {word.lower() for word in self._words.word_tokenize(document.text)}
        scores = document.metadata["scores"]
        scores["language.script_share"], scores["language.stop_words"] = share, float(len(words))
        if share < MIN_SCRIPT_SHARE:
            return Drop("script_share", share, MIN_SCRIPT_SHARE)
        if wanted and len(words) < MIN_STOP_WORDS:
            return Drop("stop_words", len(words), MIN_STOP_WORDS)
        return None


def unknown(language: Language, identifier: IdentifierName) -> str | None:
    """One line where the identifier does not know the language, to be said wherever its documents are kept."""
    if identified(language, identifier):
        return None
    return f"{language.code}: {identifier} does not know it; judged by script and stop words instead"
