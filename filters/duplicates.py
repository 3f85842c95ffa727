"""Duplicates among the candidates of a cluster: each is held against what is kept before it is dropped.

A cluster is a chain of likely matches, and the ends of a chain of texts made from a template may have nothing in
common but the template. So a document is dropped only if it is the same text as one that is kept, or shares enough
of its shingles with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from filters.statistics import Ragged

# Documents of one cluster that are kept and compared with. A cluster with more of them is made of a template: what
# matches none of these stays, so that the time for a cluster grows with its documents and not with their square.
MOST_COMPARED: Final = 64
# Documents whose shingles are in memory at once.
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Found:
    """What is a copy of what, one entry a document, each of shape (documents,)."""

    # The document that is kept instead, -1 for one that is no copy.
    kept: npt.NDArray[np.int64]
    # Documents that are one and the same by this verdict, the kept one included.
    size: npt.NDArray[np.int64]
    # Whether it is a copy by its hash, not by its shingles.
    exact: npt.NDArray[np.bool_]


def preference(
    passes: npt.NDArray[np.bool_], *scores: npt.NDArray[np.float64] | npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """One score for `duplicates` from several: what passes comes first, then by the first of `scores`, and so on.

    All are of shape (documents,); larger is better, not-a-number worst. Returns dense ranks: equals are equal.
    """
    columns = [np.where(np.isnan(each), -np.inf, each) for each in reversed(scores)]
    order = np.lexsort((*columns, passes))
    differs = np.zeros(len(order), dtype=np.bool_)
    for column in (*columns, passes):
        differs[1:] |= column[order][1:] != column[order][:-1]
    ranks = np.empty(len(order), dtype=np.float64)
    ranks[order] = np.cumsum(differs)
    return ranks


def duplicates(
    labels: npt.NDArray[np.int64],
    score: npt.NDArray[np.float64],
    exact: npt.NDArray[np.uint64],
    near: npt.NDArray[np.bool_],
    shingles_of: Callable[[npt.NDArray[np.int64]], Ragged],
    overlap: float,
    most: int = MOST_COMPARED,
) -> Found:
    """Which documents are copies, and of what. Arrays are of shape (documents,), `labels` are those of `clusters`.

    The documents of a cluster are taken by their `score`, the highest first, of equals the first. The first is
    kept. Each other one is dropped if its `exact` hash is that of one before it, or if it and one that is kept are
    both `near` and the Jaccard similarity of their distinct shingles is at least `overlap`; it goes to the most
    similar of at most `most` that are kept first.

    `shingles_of` is asked for the shingles of some documents at a time, in the order of clusters and within them
    of scores, and for none twice; not for those whose hash decides. Memory beyond the arguments is about 100 bytes
    a document that is in a cluster with another, and the shingles of 256 + `most` documents. The time for a
    cluster grows with its documents times `most` at worst.
    """
    count = len(labels)
    kept = np.full(count, -1, dtype=np.int64)
    is_exact = np.zeros(count, dtype=np.bool_)
    members = _in_order(labels, score)
    # Of each text the first; the same text is in the same cluster.
    _, first, text = np.unique(exact[members], return_index=True, return_inverse=True)
    original = members[first[text]]
    is_exact[members] = original != members
    _find_near(labels, members[(original == members) & near[members]], shingles_of, overlap, most, kept)
    copies, of = members[original != members], original[original != members]
    kept[copies] = np.where(kept[of] >= 0, kept[of], of)
    dropped = np.flatnonzero(kept >= 0)
    size = np.bincount(kept[dropped], minlength=count) + 1 if count else np.ones(0, dtype=np.int64)
    size[dropped] = size[kept[dropped]]
    return Found(kept, size, is_exact)


def _in_order(labels: npt.NDArray[np.int64], score: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The documents that share their cluster with others, cluster by cluster, the best first."""
    members = np.flatnonzero(np.bincount(labels, minlength=len(labels))[labels] > 1)
    worth = np.where(np.isnan(score[members]), -np.inf, score[members])
    return members[np.lexsort((members, -worth, labels[members]))]


def _find_near(
    labels: npt.NDArray[np.int64],
    members: npt.NDArray[np.int64],
    shingles_of: Callable[[npt.NDArray[np.int64]], Ragged],
    overlap: float,
    most: int,
    kept: npt.NDArray[np.int64],
) -> None:
    """Writes to `kept` what is kept instead of each of `members`, which are different texts in their order."""
    from filters.compiled_clusters import distinct, nearest_kept

    # Where only one text is left of a cluster there is nothing to compare.
    _, inverse, counts = np.unique(labels[members], return_inverse=True, return_counts=True)
    members = members[counts[inverse] > 1]
    compared = np.empty(most, dtype=np.int64)
    held = np.empty(0, dtype=np.int64)
    held_values, held_offsets = np.empty(0, dtype=np.uint64), np.zeros(1, dtype=np.int64)
    for start in range(0, len(members), _BATCH):
        batch = members[start : start + _BATCH]
        shingles = shingles_of(batch)
        # What is kept of a cluster that is not at its end yet comes first in the next batch.
        documents = np.concatenate([held, batch])
        values = np.concatenate([held_values, shingles.values[shingles.offsets[0] : shingles.offsets[-1]]])
        offsets = np.concatenate([held_offsets, held_offsets[-1] + shingles.offsets[1:] - shingles.offsets[0]])
        offsets = distinct(values, offsets)
        place = np.empty(len(documents), dtype=np.int64)
        count = nearest_kept(labels[documents], values, offsets, len(held), overlap, place, compared)
        is_copy = place != np.arange(len(documents))
        kept[documents[is_copy]] = documents[place[is_copy]]
        held = documents[compared[:count]]
        parts = [values[offsets[at] : offsets[at + 1]] for at in compared[:count]]
        held_values = np.concatenate([np.empty(0, dtype=np.uint64), *parts])
        held_offsets = np.cumsum([0, *map(len, parts)])
