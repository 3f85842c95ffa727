"""How much of a text is said in words of its own, held against the text that it rephrases."""

import math
from typing import Final

import numpy as np
import pyarrow as pa

from filters.statistics import measure
from sources.language import Language

# Words and pairs of words, or two and three characters where words are not spaced, which is about as much. Pairs
# alone are nearly all new in a free paraphrase of an inflected language.
_GRAMS: Final = (1, 2)
_GRAMS_UNSPACED: Final = (2, 3)
# n-grams under which a share says nothing.
_FEWEST: Final = 10
# Odd, so that no two orders of units have one hash by chance; 2^64 over the golden ratio.
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)


def novelty(text: str, source: str, language: Language) -> float:
    """The share of a text's different n-grams that its source does not have, 0 to 1; NaN for under 10 of them.

    Words are lower case and without marks (`filters.statistics`). Of a copy it is 0. Of 1,900 pairs of
    professional translations of one WMT22 text into one language (six sentences; English, Czech, German, Chinese),
    which say the same in other words, it is 0.05 to 0.82 in 98%; of texts that have nothing to do with each other
    it is above 0.83 in 99%.
    """
    sizes = _GRAMS_UNSPACED if language.segmentation.rule == "dictionary" else _GRAMS
    units = measure(pa.array([text, source], pa.large_string()), language).units
    own, others = (np.unique(np.concatenate([_grams(units[at], size) for size in sizes])) for at in (0, 1))
    if len(own) < _FEWEST:
        return math.nan
    return float(np.isin(own, others, invert=True).mean())


def _grams(units: "np.typing.NDArray[np.uint64]", gram: int) -> "np.typing.NDArray[np.uint64]":
    """The hashes of the different n-grams."""
    count = len(units) - gram + 1
    if count <= 0:
        return np.zeros(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    for at in range(gram):
        hashes = hashes * _BASE + units[at : at + count]
    return np.unique(hashes)
