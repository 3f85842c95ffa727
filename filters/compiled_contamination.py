"""Looks n-grams of units up in an index, compiled; in a file of its own for Numba's cache."""

from typing import Any, Final

import numpy as np
from numba import njit

_U64 = np.uint64
# An odd multiplier for the hash of an n-gram, 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4).
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def n_grams(units: Any, offsets: Any, length: int) -> Any:
    """The hash of every run of `length` units within each document, and where each document's begin.

    Units lie one after the other, parted by `offsets`. A hash is the sum of units times powers of a multiplier, so
    that it follows from the one before it.
    """
    counts = np.zeros(offsets.size, dtype=np.int64)
    for document in range(offsets.size - 1):
        counts[document + 1] = counts[document] + max(offsets[document + 1] - offsets[document] - length + 1, 0)
    grams = np.empty(counts[-1], dtype=np.uint64)
    top = _U64(1)
    for _ in range(length - 1):
        top *= _MULTIPLIER
    for document in range(offsets.size - 1):
        first, start = offsets[document], counts[document]
        found = counts[document + 1] - start
        if not found:
            continue
        gram = _U64(0)
        for at in range(first, first + length):
            gram = gram * _MULTIPLIER + units[at]
        grams[start] = gram
        for at in range(1, found):
            gram = (gram - units[first + at - 1] * top) * _MULTIPLIER + units[first + at + length - 1]
            grams[start + at] = gram
    return grams, counts


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def bits_of(grams: Any, size: int) -> Any:
    """A bitmap of 2^`size` bits in which the bit of each n-gram is set."""
    bitmap = np.zeros(1 << (size - 6), dtype=np.uint64)
    for gram in grams:
        bit = (gram * _MULTIPLIER) >> _U64(64 - size)
        bitmap[np.int64(bit >> _U64(6))] |= _U64(1) << (bit & _U64(63))
    return bitmap


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def hits(grams: Any, bitmap: Any, size: int, known: Any) -> Any:
    """Which n-grams are in `known`, sorted, as places in either; the bitmap of `known` is looked at first."""
    places = np.empty(64, dtype=np.int64)
    found = np.empty(64, dtype=np.int64)
    count = 0
    for at in range(grams.size):
        bit = (grams[at] * _MULTIPLIER) >> _U64(64 - size)
        if not (bitmap[np.int64(bit >> _U64(6))] >> (bit & _U64(63))) & _U64(1):
            continue
        low, high = 0, known.size
        while low < high:
            middle = (low + high) // 2
            if known[middle] < grams[at]:
                low = middle + 1
            else:
                high = middle
        if low == known.size or known[low] != grams[at]:
            continue
        if count == places.size:
            larger, longer = np.empty(2 * count, dtype=np.int64), np.empty(2 * count, dtype=np.int64)
            larger[:count], longer[:count] = places, found
            places, found = larger, longer
        places[count], found[count] = at, low
        count += 1
    return places[:count].copy(), found[:count].copy()
