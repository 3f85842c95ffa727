"""Clusters of documents that may be duplicates, from their signatures."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Documents that are counted by 32 bits.
_SMALL: Final = 1 << 31


def clusters(
    bands: npt.NDArray[np.uint64],
    exact: npt.NDArray[np.uint64],
    near: npt.NDArray[np.bool_],
    threads: int = 1,
) -> npt.NDArray[np.int64]:
    """The cluster of each document: the smallest index in its connected component, of shape (documents,).

    Two documents are connected where their `exact` hashes, of shape (documents,), are the same, or where both
    are `near`, of shape (documents,), and agree in a column of `bands`, of shape (documents, bands). The result
    depends on nothing else, not on `threads` either, among which the columns are shared out.

    Memory beyond the arguments: 8 bytes a document for the result, and for each thread 12 to 20 bytes a document
    (twice that from 2^31 documents on). Where the signatures themselves do not fit, `bands` may be a memory map:
    in Fortran's order one column at a time is read.
    """
    from filters.compiled_clusters import settle, unite_all

    count = len(exact)
    if bands.shape[:1] != (count,) or near.shape != (count,):
        raise ValueError(f"bands {bands.shape}, exact {exact.shape}, near {near.shape}: not of the same documents")
    columns = [(bands[:, band], near) for band in range(bands.shape[1])]
    columns.append((exact, np.ones(count, dtype=np.bool_)))
    shares = [columns[first::threads] for first in range(min(threads, len(columns)))]
    if len(shares) == 1:
        parents = _united(shares[0], count)
    else:
        with ThreadPoolExecutor(len(shares)) as pool:
            parts = pool.map(_united, shares, [count] * len(shares))
            parents = next(parts)
            for part in parts:
                unite_all(parents, part)
    labels = np.empty(count, dtype=np.int64)
    settle(parents, labels)
    return labels


def _united(columns: list[tuple[Any, npt.NDArray[np.bool_]]], count: int) -> npt.NDArray[Any]:
    """Union-find over the documents that are equal in one of `columns`."""
    from filters.compiled_clusters import unite_equal

    kind = np.int32 if count < _SMALL else np.int64
    parents = np.arange(count, dtype=kind)
    # At most half full.
    table = np.empty(1 << (2 * count).bit_length(), dtype=kind)
    for keys, wanted in columns:
        unite_equal(keys, wanted, table, parents)
    return parents
