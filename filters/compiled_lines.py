"""The compiled loops over the lines of texts: their keys, and the texts without some of them.

In one file because Numba's cache looks at a function's own file alone when it asks whether the code has changed.
"""

from typing import Any, Final

import numpy as np
from numba import njit

_U64 = np.uint64
# FNV-1a (Fowler, Noll and Vo), 64 bits, and the finaliser of MurmurHash3.
_FNV_BASE: Final = np.uint64(0xCBF29CE484222325)
_FNV_PRIME: Final = np.uint64(0x100000001B3)
_MIX1: Final = np.uint64(0xFF51AFD7ED558CCD)
_MIX2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_LINE_FEED: Final = 10
_SPACE: Final = 32


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _line_end(data: Any, at: int, end: int) -> Any:
    while at < end and data[at] != _LINE_FEED:
        at += 1
    return at


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _key(data: Any, start: int, end: int, host: Any) -> Any:
    """The key of a line of a host, 0 for a blank line; ASCII's spaces and controls at its ends do not count."""
    while start < end and data[start] <= _SPACE:
        start += 1
    while end > start and data[end - 1] <= _SPACE:
        end -= 1
    if start == end:
        return _U64(0)
    key = _FNV_BASE ^ host
    for at in range(start, end):
        key = (key ^ _U64(data[at])) * _FNV_PRIME
    key = (key ^ (key >> _U64(33))) * _MIX1
    key = (key ^ (key >> _U64(33))) * _MIX2
    key ^= key >> _U64(33)
    return key if key != _U64(0) else _U64(1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def line_keys(data: Any, offsets: Any, hosts: Any) -> Any:
    """The keys of the distinct lines of each text that has a host, and the texts that they are of.

    Texts are UTF-8 in `data`, parted by `offsets`; a host of 0 is none.
    """
    texts = offsets.size - 1
    most = 0
    for text in range(texts):
        if hosts[text] != _U64(0):
            most += 1
            for at in range(offsets[text], offsets[text + 1]):
                most += data[at] == _LINE_FEED
    keys, owners = np.empty(most, dtype=np.uint64), np.empty(most, dtype=np.int64)
    used = 0
    for text in range(texts):
        if hosts[text] == _U64(0):
            continue
        first, at, end = used, offsets[text], offsets[text + 1]
        while at <= end:
            stop = _line_end(data, at, end)
            keys[used] = _key(data, at, stop, hosts[text])
            used += 1
            at = stop + 1
        found = np.sort(keys[first:used])
        used = first
        for key in found:
            if key != _U64(0) and (used == first or key != keys[used - 1]):
                keys[used], owners[used] = key, text
                used += 1
    return keys[:used], owners[:used]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cut_lines(data: Any, offsets: Any, hosts: Any, unwanted: Any) -> Any:
    """The texts without the lines whose keys are among `unwanted`, sorted: data, offsets, lines cut from each."""
    texts = offsets.size - 1
    kept, kept_offsets = np.empty(data.size, dtype=np.uint8), np.zeros_like(offsets)
    lines = np.zeros(texts, dtype=np.int64)
    used = 0
    for text in range(texts):
        at, end = offsets[text], offsets[text + 1]
        first, blank = used, True
        begun = False
        while at <= end:
            stop = _line_end(data, at, end)
            key = _key(data, at, stop, hosts[text])
            place = np.searchsorted(unwanted, key) if hosts[text] != _U64(0) and key != _U64(0) else unwanted.size
            if place < unwanted.size and unwanted[place] == key:
                lines[text] += 1
            else:
                if begun:
                    kept[used] = _LINE_FEED
                    used += 1
                kept[used : used + stop - at] = data[at:stop]
                used += stop - at
                begun = True
                blank = blank and key == _U64(0)
            at = stop + 1
        # What is left of a text that was nothing else is no text.
        if blank and lines[text] > 0:
            used = first
        kept_offsets[text + 1] = used
    return kept[:used], kept_offsets, lines
