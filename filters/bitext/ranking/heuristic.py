"""Ranks pairs without a model of meaning, by what the chain measured. Outputs name it `heuristic`.

It knows nothing of what the sentences say: a pair that is misaligned but of a likely length, with no number in it,
ranks as high as a good one. It is there so that mining runs anywhere, and to choose what a model looks at.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from filters.bitext.settings import Margin

Scores = npt.NDArray[np.float64]

NAME: Final = "heuristic"
# What a score counts as where the source or the identifier has none: neither for a pair nor against it.
_UNKNOWN: Final = 0.5


def heuristic(scores: Mapping[str, Scores], margin: Margin) -> Scores:
    """The rank of each pair by the chain's scores, 0 to 1, the higher the better.

    The mean of seven parts, each 0 to 1: how likely the lengths are together, how sure the identifier is of either
    side, how far numbers agree, the margin within its window, letters in the right script, and words that were
    translated and not copied. The weights are equal, for want of labelled pairs to fit them to.
    """
    parts = [
        np.exp(-(scores["ratio.deviation"] ** 2) / 2),
        (scores["identification.english"] + 1) / 2,
        (scores["identification.target"] + 1) / 2,
        scores["numbers.agreement"],
        (scores["margin"] - margin.least) / (margin.most - margin.least),
        np.minimum(scores["script.english"], scores["script.target"]),
        1 - scores["copies.shared"],
    ]
    found = np.mean([np.clip(np.nan_to_num(part, nan=_UNKNOWN), 0, 1) for part in parts], axis=0)
    result: Scores = np.asarray(found, dtype=np.float64)
    return result
