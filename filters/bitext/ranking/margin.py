"""Cosines of pairs, and how far they stand out of their neighbourhood.

A sentence that says little is near to everything (a hub), and cosines of different languages are not alike. The
ratio margin divides a pair's cosine by the mean of both sides' nearest neighbours: LASER's and NLLB's score
(Artetxe and Schwenk 2019, arXiv 1811.01136).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

# Rows whose cosines with the whole pool are held at once.
_ROWS: Final = 1_024


def cosines(english: npt.NDArray[np.float16], target: npt.NDArray[np.float16]) -> Scores:
    """The cosine of each pair, from unit vectors (pairs, dimension)."""
    found: Scores = np.einsum("nd,nd->n", english.astype(np.float32), target.astype(np.float32)).astype(np.float64)
    return found


def ratio_margins(
    english: npt.NDArray[np.float16], target: npt.NDArray[np.float16], neighbours: int
) -> tuple[Scores, Scores]:
    """Cosine and ratio margin of each pair, from unit vectors (pairs, dimension).

    A side's neighbours are the `neighbours` nearest of all other pairs' other sides: exact, in quadratic time.
    """
    x, y = english.astype(np.float32), target.astype(np.float32)
    count = len(x)
    nearest = min(neighbours, count - 1)
    own = cosines(english, target)
    if nearest < 1:
        return own, np.ones(count)
    of_english = np.zeros(count)
    best = np.full((nearest, count), -2, dtype=np.float32)
    for begin in range(0, count, _ROWS):
        rows = slice(begin, min(begin + _ROWS, count))
        block = x[rows] @ y.T
        block[np.arange(block.shape[0]), np.arange(begin, begin + block.shape[0])] = -2
        of_english[rows] = _highest(block, nearest, 1).mean(axis=1)
        best = _highest(np.concatenate([best, block]), nearest, 0)
    around = (of_english + best.mean(axis=0)) / 2
    # Where the neighbourhood is as far as a right angle, a ratio would mean nothing.
    return own, own / np.maximum(around, 1e-2)


def _highest(block: npt.NDArray[np.float32], count: int, axis: int) -> npt.NDArray[np.float32]:
    """The `count` highest along an axis, in no order."""
    if count >= block.shape[axis]:
        return block
    parted = np.partition(block, block.shape[axis] - count, axis=axis)
    found: npt.NDArray[np.float32] = parted[:, -count:] if axis else parted[-count:]
    return found
