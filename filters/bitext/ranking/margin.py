"""Cosines of pairs, and how far they stand out of their neighbourhood.

A sentence that says little is near to everything (a hub), and cosines of different languages are not alike. The
ratio margin divides a pair's cosine by the mean of both sides' nearest neighbours: LASER's and NLLB's score
(Artetxe and Schwenk 2019, arXiv 1811.01136).
"""

import sys
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from sources.errors import BabelmixError

Scores = npt.NDArray[np.float64]
Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]

# Rows whose cosines with the whole pool are held at once.
_ROWS: Final = 1_024
# Below every cosine.
_NONE: Final = np.float32(-2)


def cosines(english: Half, target: Half) -> Scores:
    """The cosine of each pair, from unit vectors (pairs, dimension).

    Raises:
        BabelmixError: a vector is no unit vector.
    """
    return _own(_checked(english, "English"), _checked(target, "other"))


def ratio_margins(
    english: Half, target: Half, neighbours: int, device: str | None = None
) -> tuple[Scores, Scores]:
    """Cosine and ratio margin of each pair, from unit vectors (pairs, dimension).

    A side's neighbours are the `neighbours` nearest of all other pairs' other sides: exact, in quadratic time.
    `device` is torch's; None: the GPU where a model has been loaded on one, else numpy.

    Raises:
        BabelmixError: a vector is no unit vector.
    """
    x, y = _checked(english, "English"), _checked(target, "other")
    own = _own(x, y)
    nearest = min(neighbours, len(x) - 1)
    if nearest < 1:
        return own, np.ones(len(x))
    torch = sys.modules.get("torch")
    if device is None and torch is not None and torch.cuda.is_available():
        device = "cuda"
    around = _around(x, y, nearest) if device is None else _around_on(device, x, y, nearest)
    # Where the neighbourhood is as far as a right angle, a ratio would mean nothing.
    return own, own / np.maximum(around, 1e-2)


def _own(x: Single, y: Single) -> Scores:
    found: Scores = np.einsum("nd,nd->n", x, y).astype(np.float64)
    return found


def _checked(vectors: Half, side: str) -> Single:
    single = vectors.astype(np.float32)
    lengths = np.linalg.norm(single, axis=1)
    bad = np.flatnonzero(~(np.abs(lengths - 1) < 1e-2))
    if len(bad):
        raise BabelmixError(
            f"vectors of the {side} side: row {bad[0]} has length {lengths[bad[0]]:g}, not 1 ({len(bad)} of"
            f" {len(single)} such); delete the folder of vectors, and embed again"
        )
    # What half precision took from the length is not to count as distance.
    found: Single = single / lengths[:, None]
    return found


def _around(x: Single, y: Single, nearest: int) -> Scores:
    """For each pair, half the sum of both sides' mean cosines with their nearest."""
    count = len(x)
    of_x = np.full((count, nearest), _NONE, dtype=np.float32)
    of_y = np.full((count, nearest), _NONE, dtype=np.float32)
    for begin in range(0, count, _ROWS):
        _take_in(x[begin : begin + _ROWS] @ y.T, begin, of_x, of_y)
    found: Scores = (of_x.mean(axis=1, dtype=np.float64) + of_y.mean(axis=1, dtype=np.float64)) / 2
    return found


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _take_in(block: Single, begin: int, of_x: Single, of_y: Single) -> None:
    """Takes the cosines of some x with all y into the highest of each, kept with the lowest first."""
    least = of_y[:, 0].copy()
    for row in range(block.shape[0]):
        own = begin + row
        for column in range(block.shape[1]):
            value = block[row, column]
            if column == own:
                continue
            if value > of_x[own, 0]:
                at = 0
                while at + 1 < of_x.shape[1] and of_x[own, at + 1] < value:
                    of_x[own, at] = of_x[own, at + 1]
                    at += 1
                of_x[own, at] = value
            if value > least[column]:
                at = 0
                while at + 1 < of_y.shape[1] and of_y[column, at + 1] < value:
                    of_y[column, at] = of_y[column, at + 1]
                    at += 1
                of_y[column, at] = value
                least[column] = of_y[column, 0]


def _around_on(device: str, x: Single, y: Single, nearest: int) -> Scores:
    """As `_around`, by torch."""
    import torch

    on_x, on_y = torch.from_numpy(x).to(device), torch.from_numpy(y).to(device)
    count = len(x)
    of_x: list[Any] = []
    of_y = torch.full((nearest, count), float(_NONE), device=device)
    for begin in range(0, count, _ROWS):
        block = on_x[begin : begin + _ROWS] @ on_y.T
        block.diagonal(begin).fill_(float(_NONE))
        of_x.append(block.topk(nearest, dim=1).values.double().mean(dim=1))
        of_y = torch.cat([of_y, block]).topk(nearest, dim=0).values
    found: Scores = ((torch.cat(of_x) + of_y.double().mean(dim=0)) / 2).cpu().numpy()
    return found
