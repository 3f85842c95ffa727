"""Byte-level BPE with Qwen's split pattern, compiled; in one file for Numba's cache.

A text is split as the pattern does, each piece looked up in a table of pieces that were met before, and merged by
rank only where it is new. Byte strings are compared by polynomial hashes modulo 2^64 for an odd base, so that the
hash of any part of a piece follows from its prefixes'.
"""

import heapq
from typing import Any, Final

import numpy as np
from numba import njit

_U64 = np.uint64
_BASE: Final = np.uint64(0xD6E8FEB86659FD93)
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
# What the split pattern tells apart.
OTHER, LETTER, NUMBER, SPACE, LINE_END = range(5)
# Longer pieces are merged with a heap.
_SHORT: Final = 96
NEVER: Final = np.int64(1 << 40)
# Bits of the bitmap of hashes, 512 KB: it stays near the processor, as the table of ranks does not.
_BITMAP: Final = 22
_RANK: Final = np.uint64((1 << 20) - 1)
_TAG: Final = np.uint64(((1 << 44) - 1) << 20)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> _U64(33))) * _GOLDEN
    return value ^ (value >> _U64(29))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def rank_table(data: Any, offsets: Any, bits: int) -> Any:
    """The ranks of byte strings by their hashes: a table of 2^`bits` slots, and a bitmap of the hashes.

    A slot holds the upper 44 bits of a mixed hash, whose lower bits say the slot, and the rank, one more; 0 is
    free.
    """
    table = np.zeros(1 << bits, dtype=np.uint64)
    bitmap = np.zeros(1 << (_BITMAP - 6), dtype=np.uint64)
    for rank in range(offsets.size - 1):
        key = _U64(0)
        for at in range(offsets[rank], offsets[rank + 1]):
            key = key * _BASE + _U64(data[at]) + _U64(1)
        mixed = _mixed(key)
        bit = (mixed >> _U64(20)) & _U64((1 << _BITMAP) - 1)
        bitmap[np.int64(bit >> _U64(6))] |= _U64(1) << (bit & _U64(63))
        slot = np.int64(mixed & _U64(table.size - 1))
        while table[slot]:
            slot = (slot + 1) & (table.size - 1)
        table[slot] = mixed & _TAG | _U64(rank + 1)
    return table, bitmap


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _rank(table: Any, bitmap: Any, key: Any) -> Any:
    """The rank of the byte string with this hash, NEVER for none: most are, and the bitmap says so at once."""
    mixed = _mixed(key)
    bit = (mixed >> _U64(20)) & _U64((1 << _BITMAP) - 1)
    rank: Any = NEVER
    if (bitmap[np.int64(bit >> _U64(6))] >> (bit & _U64(63))) & _U64(1):
        slot = np.int64(mixed & _U64(table.size - 1))
        while table[slot]:
            if (table[slot] ^ mixed) & _TAG == 0:
                rank = np.int64(table[slot] & _RANK) - 1
                break
            slot = (slot + 1) & (table.size - 1)
    return rank


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _merge_long(
    prefix: Any, powers: Any, size: int, longest: int, table: Any, bitmap: Any, ids: Any, at: int
) -> Any:
    """Merges a long piece, always the pair of lowest rank, of equals the first; returns where its ids end.

    The time grows nearly as the piece does.
    """
    after: Any = np.arange(1, size + 2)
    before: Any = np.arange(-1, size)
    current = np.full(size + 1, NEVER)
    waiting = [(NEVER, np.int64(size))]
    for k in range(size - 1):
        current[k] = _rank(table, bitmap, prefix[k + 2] - prefix[k] * powers[2])
        if current[k] != NEVER:
            waiting.append((current[k], np.int64(k)))
    heapq.heapify(waiting)
    while waiting:
        rank, first = heapq.heappop(waiting)
        if rank == NEVER or current[first] != rank:
            continue
        middle = after[first]
        end = after[middle]
        # The part that begins in the middle is one with the first.
        current[middle] = -1
        after[first] = end
        if end <= size:
            before[end] = first
        for touched in (before[first], first):
            if touched < 0:
                continue
            current[touched] = NEVER
            if after[touched] >= size:
                continue
            stop: Any = after[after[touched]]
            if stop - touched <= longest:
                current[touched] = _rank(table, bitmap, prefix[stop] - prefix[touched] * powers[stop - touched])
                if current[touched] != NEVER:
                    heapq.heappush(waiting, (current[touched], np.int64(touched)))
    head: Any = 0
    while head < size:
        end = after[head]
        ids[at] = _rank(table, bitmap, prefix[end] - prefix[head] * powers[end - head])
        at += 1
        head = end
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _contraction(data: Any, at: int, end: int) -> Any:
    """The bytes of 's, 't, 're, 've, 'm, 'll or 'd at `at`, in either case, 0 for none of them."""
    if at + 1 >= end:
        return 0
    one = data[at + 1] | 32
    if one == 115 or one == 116 or one == 109 or one == 100:
        return 2
    if at + 2 < end:
        # The long s is an s of another case.
        if data[at + 1] == 0xC5 and data[at + 2] == 0xBF:
            return 3
        two = data[at + 2] | 32
        if (one == 114 or one == 118) and two == 101:
            return 3
        if one == 108 and two == 108:
            return 3
    return 0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def encode(
    data: Any, offsets: Any, classes: Any, table: Any, bitmap: Any, longest: int, powers: Any,
    met: Any, pool: Any, used: Any,
) -> Any:  # fmt: skip
    """The ids of texts that lie one after the other in `data`, UTF-8, and where each text's ids begin.

    `met` and `pool` are the table of pieces that were met before: four numbers a slot, the hash of a piece, its
    first bytes and length, where its ids are in `pool` and how many they are, and nothing; `used` says how full
    both are. New pieces go in while there is room.
    """
    total = offsets[-1] - offsets[0]
    ids = np.empty(total, dtype=np.uint32)
    bounds = np.zeros(offsets.size, dtype=np.int64)
    prefix = np.empty(256, dtype=np.uint64)
    starts = np.empty(_SHORT + 2, dtype=np.int64)
    pairs = np.empty(_SHORT + 2, dtype=np.int64)
    merged = np.empty(_SHORT + 2, dtype=np.int64)
    bytes_ranks = np.empty(256, dtype=np.int64)
    for k in range(256):
        bytes_ranks[k] = _rank(table, bitmap, _U64(k + 1))
    mask = met.size // 4 - 1
    count: Any = 0
    for text in range(offsets.size - 1):
        at: Any = offsets[text]
        end = offsets[text + 1]
        # Class and size of the character at `at`, and of the one after it: a window that moves along.
        while at < end:
            begin = at
            kind, size = _class(data, at, end, classes)
            if data[at] == 39 and _contraction(data, at, end):
                at += _contraction(data, at, end)
            else:
                following: Any = SPACE
                if at + size < end:
                    following, _ = _class(data, at + size, end, classes)
                inside = at + size < end
                if kind == LETTER or (inside and following == LETTER and kind != LINE_END and kind != NUMBER):
                    at += size
                    while at < end:
                        kind, size = _class(data, at, end, classes)
                        if kind != LETTER:
                            break
                        at += size
                elif kind == NUMBER:
                    at += size
                elif kind == OTHER or (data[at] == 32 and inside and following == OTHER):
                    at += size
                    while at < end:
                        kind, size = _class(data, at, end, classes)
                        if kind != OTHER:
                            break
                        at += size
                    while at < end and (data[at] == 10 or data[at] == 13):
                        at += 1
                else:
                    # White space: to the last line end of the run, or to all but its last character before text.
                    last: Any = at
                    line: Any = -1
                    while at < end:
                        kind, size = _class(data, at, end, classes)
                        if kind != SPACE and kind != LINE_END:
                            break
                        last = at
                        at += size
                        if kind == LINE_END:
                            line = at
                    if line >= 0:
                        at = line
                    elif at < end and last > begin:
                        at = last
            # The piece is [begin, at).
            key, check = _U64(0), _U64(0)
            length = at - begin
            for k in range(begin, at):
                key = key * _BASE + _U64(data[k]) + _U64(1)
            for k in range(begin, min(at, begin + 7)):
                check = check << _U64(8) | _U64(data[k])
            check = check << _U64(8) | _U64(min(length, 255))
            slot = 4 * (np.int64(_mixed(key)) & mask)
            while met[slot + 1] and (met[slot] != key or met[slot + 1] != check):
                slot = (slot + 4) & (4 * mask + 3)
            if met[slot + 1]:
                place = np.int64(met[slot + 2])
                many = place & 255
                place >>= 8
                for k in range(many):
                    ids[count + k] = pool[place + k]
                count += many
                continue
            opened = count
            whole = _rank(table, bitmap, key) if length <= longest else NEVER
            if whole != NEVER:
                ids[count] = whole
                count += 1
            else:
                if prefix.size <= length:
                    prefix = np.empty(2 * length, dtype=np.uint64)
                prefix[0] = 0
                for k in range(length):
                    prefix[k + 1] = prefix[k] * _BASE + _U64(data[begin + k]) + _U64(1)
                if length <= _SHORT:
                    # As `_merge_long`; written out here because a call counts references to every array that it
                    # is given, which takes as long as the merging.
                    parts = length
                    for k in range(length + 1):
                        starts[k] = k
                    for k in range(length):
                        merged[k] = bytes_ranks[data[begin + k]]
                    for k in range(length - 1):
                        pairs[k] = _rank(table, bitmap, prefix[k + 2] - prefix[k] * powers[2])
                    while parts > 1:
                        best: Any = 0
                        lowest: Any = NEVER
                        for k in range(parts - 1):
                            if pairs[k] < lowest:
                                best, lowest = k, pairs[k]
                        if lowest == NEVER:
                            break
                        merged[best] = lowest
                        for k in range(best + 1, parts - 1):
                            starts[k] = starts[k + 1]
                            pairs[k] = pairs[k + 1]
                            merged[k] = merged[k + 1]
                        parts -= 1
                        starts[parts] = length
                        for k in range(max(best - 1, 0), min(best + 1, parts - 1)):
                            low, high = starts[k], starts[k + 2]
                            pairs[k] = NEVER
                            if high - low <= longest:
                                pairs[k] = _rank(table, bitmap, prefix[high] - prefix[low] * powers[high - low])
                    for k in range(parts):
                        ids[count] = merged[k]
                        count += 1
                else:
                    count = _merge_long(prefix, powers, length, longest, table, bitmap, ids, count)
            many = count - opened
            if many < 256 and length < 255 and 8 * used[0] < met.size and used[1] + many <= pool.size:
                met[slot], met[slot + 1], met[slot + 2] = key, check, _U64(used[1] << 8 | many)
                for k in range(many):
                    pool[used[1] + k] = ids[opened + k]
                used[0] += 1
                used[1] += many
        bounds[text + 1] = count
    return ids[:count].copy(), bounds


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _class(data: Any, at: int, end: int, classes: Any) -> Any:
    """The class of the character at `at` in valid UTF-8, and its bytes."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return np.int64(classes[byte]), np.int64(1)
    if byte < 0xE0:
        return np.int64(classes[(byte & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F)]), np.int64(2)
    if byte < 0xF0:
        point = (byte & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F)
        return np.int64(classes[point]), np.int64(3)
    point = (byte & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
    point |= (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F)
    return np.int64(classes[point]), np.int64(4)
