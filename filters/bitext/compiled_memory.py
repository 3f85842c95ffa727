"""The memory of sentences, compiled: a hash table of fixed size that forgets instead of growing."""

from typing import Any, Final

import numpy as np
from numba import njit

_U64 = np.uint64
# 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4) and MurmurHash3's finaliser.
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX2: Final = np.uint64(0xC4CEB9FE1A85EC53)
# A place of the memory holds 24 bits of a key's hash and how often it was met, up to 255; 0 is free.
_WAYS: Final = 8
_PRINT: Final = np.uint32(0xFFFFFF00)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> _U64(33))) * _MIX1
    value = (value ^ (value >> _U64(33))) * _MIX2
    return value ^ (value >> _U64(33))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _place(table: Any, key: Any) -> Any:
    """Where `key` stands in the memory, or -1 - the place where it would be written.

    A key has two buckets of eight places; where all are taken, the one that was met least is forgotten.
    """
    buckets = table.size // _WAYS
    told = np.uint32(key >> _U64(40)) << np.uint32(8)
    first = np.int64(key & _U64(buckets - 1))
    second = np.int64(_mixed(key ^ _GOLDEN) & _U64(buckets - 1))
    written: Any = np.int64(-1)
    least = _WAYS + 1
    for bucket in (first, second):
        taken = 0
        free: Any = np.int64(-1)
        for way in range(_WAYS):
            place = bucket * _WAYS + way
            value = table[place]
            if value == 0:
                if free < 0:
                    free = place
                continue
            taken += 1
            if value & _PRINT == told:
                return place
        if free >= 0 and (written < 0 or taken < least):
            written, least = free, taken
    if written < 0:
        # Both are full.
        fewest = np.uint32(256)
        for bucket in (first, second):
            for way in range(_WAYS):
                value = table[bucket * _WAYS + way] & np.uint32(0xFF)
                if value < fewest:
                    fewest, written = value, bucket * _WAYS + way
    return -1 - written


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _met(table: Any, key: Any) -> Any:
    place = _place(table, key)
    return np.int64(table[place] & np.uint32(0xFF)) if place >= 0 else 0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _meet(table: Any, key: Any) -> Any:
    place = _place(table, key)
    if place < 0:
        table[-1 - place] = np.uint32(key >> _U64(40)) << np.uint32(8) | np.uint32(1)
    elif table[place] & np.uint32(0xFF) < 255:
        table[place] += np.uint32(1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def meet_all(table: Any, keys: Any, met: Any) -> Any:
    """Writes to `met` how often each key was met before, in order, and notes that it was met again."""
    for i in range(keys.size):
        met[i] = _met(table, keys[i])
        _meet(table, keys[i])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cap_all(
    near: Any, english: Any, target: Any, across: Any, keys: Any,
    per_near: int, per_english: int, per_target: int, per_across: int, met: Any,
) -> Any:  # fmt: skip
    """Says of each pair, in order, which of its keys were met too often.

    `keys` (pairs, 3) are the near key, English and the other side. Writes to `met` (pairs, 4) how often each was
    met, last in how many languages English was. Returns the verdicts: 0 for a pair that is kept, which is noted
    under all of its keys; 1 to 4 for the column of `met` that has too many, and then it is noted under none.
    """
    verdicts = np.zeros(keys.shape[0], dtype=np.int64)
    for i in range(keys.shape[0]):
        met[i, 0] = _met(near, keys[i, 0])
        met[i, 1] = _met(english, keys[i, 1])
        met[i, 2] = _met(target, keys[i, 2])
        # A sentence counts once for this language, with the first of its pairs.
        counted = met[i, 1] > 0
        met[i, 3] = _met(across, keys[i, 1]) - counted
        if met[i, 0] >= per_near:
            verdicts[i] = 1
        elif met[i, 1] >= per_english:
            verdicts[i] = 2
        elif met[i, 2] >= per_target:
            verdicts[i] = 3
        elif met[i, 3] >= per_across:
            verdicts[i] = 4
        else:
            _meet(near, keys[i, 0])
            _meet(english, keys[i, 1])
            _meet(target, keys[i, 2])
            if not counted:
                _meet(across, keys[i, 1])
    return verdicts
