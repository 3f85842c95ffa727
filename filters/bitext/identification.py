"""The language of sentences, in batches: how far the identifier is for the language that the file says."""

from collections.abc import Collection
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.bitext.language_numbers import Taken, taken
from filters.bitext.settings import Identification
from filters.identifiers import IdentifierName, _model, identified
from sources.language import Language, language

# What a text of nothing but the language's stop words would add to the agreement: identifiers are unsure of short
# sentences of small languages, of which one word in four is a stop word.
STOP_WORDS: Final = 2.0
# Labels that are asked for. More than the first few have next to no probability.
_LABELS: Final = 4
_PREFIX: Final = "__label__"


def english_label(identifier: IdentifierName) -> str:
    """The identifier's name of English."""
    found = identified(language("eng_Latn"), identifier)
    return found.label if found else "en"


def accepted(code: Language, settings: Identification) -> Taken:
    """Which labels count for a language, and from which agreement on.

    lid.176's are measured; for another identifier they are its own label of the language, for a language that the
    identifier does not know none are, and it is not identified.
    """
    if settings.identifier == "fasttext176" and code.code in taken():
        return taken()[code.code]
    own = identified(code, settings.identifier)
    if own is None:
        return Taken(labels=(), threshold=0.0, lost=0.0)
    return Taken(labels=(own.label,), threshold=settings.target, lost=0.0)


def agreement(
    texts: pa.Array, labels: Collection[str], identifier: IdentifierName, characters: int
) -> npt.NDArray[np.float64]:
    """How far the identifier agrees that each text is in one of `labels`, -1 to 1, by its first `characters`.

    The sum of their probabilities less the highest of any other label: an identifier that does not know what to
    say of a sentence is no reason against it, one that is sure of another language is. NaN without labels.
    """
    if not labels:
        return np.full(len(texts), np.nan)
    wanted = {f"{_PREFIX}{label}" for label in labels}
    cut = pc.utf8_slice_codeunits(texts, 0, characters)
    # A line end would be a text of its own to fastText.
    found, scores = _model(identifier).predict(pc.replace_substring(cut, "\n", " ").to_pylist(), k=_LABELS)
    agreed = np.zeros(len(texts))
    for at, (names, values) in enumerate(zip(found, scores, strict=True)):
        other = 0.0
        for label, value in zip(names, values.tolist(), strict=True):
            if label in wanted:
                agreed[at] += value
            else:
                other = max(other, value)
        agreed[at] -= other
    return agreed
