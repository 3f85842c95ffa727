"""A new source against what stands: which of its documents are near-copies of documents of earlier sources.

What stands is read as a stream of signatures, so that it may be many times as large as what is new, and is neither
sorted nor computed again. A document that agrees with a new one in a band is a candidate; it is a copy only if
the two share enough of their shingles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.compiled_clusters import distinct, jaccard
from filters.statistics import Ragged

Places = npt.NDArray[np.int64]

# Standing documents that a new one is held against: of a template there may be millions.
MOST_CANDIDATES: Final = 64
# Pairs whose shingles are in memory at once.
_VERIFIED: Final = 256


class Newcomers:
    """Bands of new documents, sorted on disk, and the standing documents that agree with one of them.

    `bands` is (documents, bands). Memory: 8 bytes a new document and 24 a pair; `folder` takes 16 bytes a document
    and band.
    """

    def __init__(self, bands: npt.NDArray[np.uint64], folder: Path, most: int = MOST_CANDIDATES) -> None:
        self._most = most
        self._count = len(bands)
        self._met = np.zeros(len(bands), dtype=np.int64)
        self._sorted: list[tuple[Any, Any]] = []
        self._pairs: list[npt.NDArray[np.int64]] = [np.zeros((0, 2), dtype=np.int64)]
        for band in range(bands.shape[1] if len(bands) else 0):
            keys = np.asarray(bands[:, band])
            order = np.argsort(keys, kind="stable")
            self._sorted.append(
                (_mapped(folder, f"keys_{band}", keys[order]), _mapped(folder, f"rows_{band}", order))
            )

    def meet(self, bands: npt.NDArray[np.uint64], numbers: Places) -> None:
        """Takes signatures of standing documents in, (documents, bands), and their numbers, which rise.

        A new document takes its first candidates in the order in which they come, at most `most`.
        """
        found = [np.zeros((0, 2), dtype=np.int64)]
        for band, (keys, rows) in enumerate(self._sorted):
            wanted = bands[:, band]
            low, high = np.searchsorted(keys, wanted, side="left"), np.searchsorted(keys, wanted, side="right")
            counts = high - low
            standing = np.repeat(np.arange(len(wanted)), counts)
            within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            found.append(np.column_stack([rows[np.repeat(low, counts) + within], numbers[standing]]))
        pairs = np.unique(np.concatenate(found), axis=0)
        # How many candidates of the same new document come before, in this batch and in earlier ones.
        before = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0]) + self._met[pairs[:, 0]]
        pairs = pairs[before < self._most]
        self._met += np.bincount(pairs[:, 0], minlength=self._count)
        self._pairs.append(pairs)

    def pairs(self) -> npt.NDArray[np.int64]:
        """(pairs, 2): new documents and standing ones that agree in a band, each once, sorted."""
        return np.unique(np.concatenate(self._pairs), axis=0)


def _mapped(folder: Path, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    path = folder / f"{name}.npy"
    np.save(path, values)
    found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


@dataclass(frozen=True, slots=True)
class NearCopies:
    """What new documents are near-copies of, one entry a new document, each of shape (documents,)."""

    # The number of the standing document, -1 for a document that is no copy.
    document: Places
    # The Jaccard similarity of the two.
    similarity: npt.NDArray[np.float64]


def near_copies(
    pairs: npt.NDArray[np.int64],
    count: int,
    overlap: float,
    new_shingles: Callable[[Places], Ragged],
    standing_shingles: Callable[[Places], Ragged],
) -> NearCopies:
    """Which of `count` new documents share at least `overlap` of their distinct shingles with a standing one.

    `pairs` are those of `Newcomers.pairs`. Of several standing documents the most similar is given, of equals the
    first.
    """
    found = NearCopies(np.full(count, -1, dtype=np.int64), np.zeros(count))
    for start in range(0, len(pairs), _VERIFIED):
        block = pairs[start : start + _VERIFIED]
        new, rows = np.unique(block[:, 0], return_inverse=True)
        old, others = np.unique(block[:, 1], return_inverse=True)
        mine, theirs = _sets(new_shingles(new)), _sets(standing_shingles(old))
        for (document, standing), row, other in zip(block, rows, others, strict=True):
            least = max(overlap, found.similarity[document])
            share = jaccard(mine[row], theirs[other], least)
            if share > found.similarity[document] and share >= overlap:
                found.document[document], found.similarity[document] = standing, share
    return found


def _sets(shingles: Ragged) -> Ragged:
    values = np.array(shingles.values)
    return Ragged(values, distinct(values, shingles.offsets))
