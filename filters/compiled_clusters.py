"""The compiled loops of duplicates: which documents share a key, and how much of their shingles two share.

In one file because Numba's cache looks at a function's own file alone when it asks whether the code has changed.
"""

from typing import Any, Final

import numpy as np
from numba import njit

_U64 = np.uint64
# Knuth, TAOCP 3, section 6.4: multiplicative hashing by 2^64 over the golden ratio.
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _root(parents: Any, at: Any) -> Any:
    while parents[at] != at:
        # Path halving (Tarjan and van Leeuwen 1984).
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _unite(parents: Any, one: Any, other: Any) -> None:
    """The smaller root stays a root, so that in the end a root is the smallest index of its component."""
    one, other = _root(parents, one), _root(parents, other)
    if one < other:
        parents[other] = one
    elif other < one:
        parents[one] = other


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unite_equal(keys: Any, wanted: Any, table: Any, parents: Any) -> None:
    """Unites the documents that are `wanted` and whose `keys` are equal.

    `table` has a power of two of slots, more than there are documents; what stands in it is overwritten.
    """
    table[:] = -1
    mask = _U64(table.size - 1)
    shift = _U64(64)
    while _U64(1) << (_U64(64) - shift) < _U64(table.size):
        shift -= _U64(1)
    for i in range(keys.size):
        if not wanted[i]:
            continue
        key = keys[i]
        slot = (key * _GOLDEN) >> shift
        while table[slot] >= 0 and keys[table[slot]] != key:
            slot = (slot + _U64(1)) & mask
        if table[slot] < 0:
            table[slot] = i
        else:
            _unite(parents, table[slot], i)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unite_all(parents: Any, others: Any) -> None:
    """Adds the components of `others` to `parents`."""
    for i in range(parents.size):
        if others[i] != i:
            _unite(parents, others[i], i)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def settle(parents: Any, labels: Any) -> None:
    """The root of every document. A parent is never larger than its child, so one pass from below will do."""
    for i in range(parents.size):
        labels[i] = i if parents[i] == i else labels[parents[i]]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def distinct(values: Any, offsets: Any) -> Any:
    """Each document's values sorted, each once, in place; returns the new offsets."""
    ends = np.zeros_like(offsets)
    used = 0
    for i in range(offsets.size - 1):
        part = values[offsets[i] : offsets[i + 1]]
        ordered = True
        for k in range(1, part.size):
            if part[k] < part[k - 1]:
                ordered = False
                break
        # What is sorted lies where it may be written over, but never before it is read.
        if not ordered:
            part = np.sort(part)
        last = _U64(0)
        for k in range(part.size):
            value = part[k]
            if k == 0 or value != last:
                values[used] = last = value
                used += 1
        ends[i + 1] = used
    return ends


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def jaccard(one: Any, other: Any, least: float) -> Any:
    """Jaccard similarity of two sorted sets, or -1 as soon as it is known to be under `least`."""
    total = one.size + other.size
    if total == 0:
        return -1.0
    # c / (total - c) >= least means c >= least / (1 + least) total; one less, for rounding.
    needed = int(least / (1.0 + least) * total) - 1
    # How many of each may be missing from the other.
    spare_one, spare_other = one.size - needed, other.size - needed
    i = k = common = 0
    while i < one.size and k < other.size:
        if one[i] == other[k]:
            common += 1
            i += 1
            k += 1
        elif one[i] < other[k]:
            i += 1
            spare_one -= 1
            if spare_one < 0:
                return -1.0
        else:
            k += 1
            spare_other -= 1
            if spare_other < 0:
                return -1.0
    found = common / (total - common)
    return found if found >= least else -1.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def nearest_kept(
    clusters: Any, values: Any, offsets: Any, carried: int, least: float, kept: Any, compared: Any
) -> Any:
    """For each document the first that is kept in its place: itself, or the most similar of those kept before.

    Documents of a cluster are neighbours, in the order in which they are to be kept; their sorted distinct
    shingles lie in `values`, parted by `offsets`. The first `carried` are kept already. `kept` gets the place of
    what is kept. `compared` has room for as many places as are compared with at most; in the end the first of it
    are those that a later document of the last cluster is to be held against. Returns how many they are.
    """
    count = 0
    for i in range(clusters.size):
        if i > 0 and clusters[i] != clusters[i - 1]:
            count = 0
        kept[i] = i
        mine = values[offsets[i] : offsets[i + 1]]
        if i >= carried:
            best = least
            for k in range(count):
                place = compared[k]
                found = jaccard(mine, values[offsets[place] : offsets[place + 1]], best)
                # The first of equals: the one that is to be kept before the others.
                if found > best or (found == best and kept[i] == i):
                    kept[i], best = place, found
        if kept[i] == i and count < compared.size:
            compared[count] = i
            count += 1
    return count
