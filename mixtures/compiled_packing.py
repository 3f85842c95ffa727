"""The compiled loops of packing: where the documents of an order lie, and their tokens one after the other.

Documents are read where the system has mapped their files, by address: a mixture may have thousands of shards, and
one loop has to reach any of them. An address is made from an index that `locate` has checked against the sizes of
its files, so that a damaged index is an error and not a read of foreign memory.
"""

from typing import Any, Final

import numba
import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_TOKEN_BYTES: Final = 4


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(types.intp), generate


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def locate(
    buckets: Any, documents: Any, begin: Any, first_shards: Any, ends: Any, counts: Any, indices: Any,
    offsets: Any, tokens: Any, sizes: Any, places: Any, lengths: Any,
) -> Any:  # fmt: skip
    """Finds the tokens of documents, from the `begin`-th on, that are named by bucket and number within it.

    Args:
        first_shards: of shape (buckets + 1,), the first shard of each bucket in the tables that follow.
        ends: the documents of a shard's bucket up to the shard's last.
        counts: how many documents a shard has.
        indices: the address of a shard's lengths, int32; 0 for a shard that is not mapped yet.
        offsets: the address of where its documents begin in its tokens, int64, in bytes.
        tokens: the address of a shard's tokens.
        sizes: the bytes of a shard's tokens.
        places: written: the address of each document's first token.
        lengths: written: the tokens of each document.

    Returns how far it came, and the shard that must be mapped to go on, or -1. An entry that is no document of its
    bucket, or lies outside its file, is where it came to an end with -1.
    """
    for at in range(begin, buckets.size):
        bucket = np.int64(buckets[at])
        number = np.int64(documents[at])
        low, high = first_shards[bucket], first_shards[bucket + 1]
        last = high
        while low < high:
            middle = (low + high) // 2
            if ends[middle] <= number:
                low = middle + 1
            else:
                high = middle
        if low == last:
            return at, np.int64(-1)
        if indices[low] == 0:
            return at, low
        count = counts[low]
        number -= ends[low] - count
        # The index begins 34 bytes into its file: its numbers are aligned to two bytes, and read as pairs of them.
        pair = numba.carray(_pointer(indices[low]), 2 * count, np.uint16)[2 * number : 2 * number + 2]
        length = np.int64(pair[0]) | (np.int64(pair[1]) << 16)
        quarters = numba.carray(_pointer(offsets[low]), 4 * count, np.uint16)[4 * number : 4 * number + 4]
        offset = np.int64(0)
        for part in range(3, -1, -1):
            offset = (offset << 16) | np.int64(quarters[part])
        if length >= 1 << 31:
            return at, np.int64(-1)
        if offset < 0 or offset + _TOKEN_BYTES * length > sizes[low]:
            return at, np.int64(-1)
        places[at] = tokens[low] + offset
        lengths[at] = length
    return buckets.size, np.int64(-1)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def ends_of(lengths: Any, start: Any, ends: Any) -> None:
    """Writes the tokens up to the end of each document, counted on from `start`."""
    for at in range(lengths.size):
        start += lengths[at]
        ends[at] = start


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def pack(places: Any, lengths: Any, ends: Any, start: Any, out: Any, begins: Any, filled: Any, begun: Any) -> Any:
    """Copies the tokens of the row from `start` on into `out` until it is full or the documents are used up.

    `ends` are the tokens of the row up to the end of each document. `begins` gets the places in `out`, after its
    first, where documents begin. `filled` and `begun` are how far `out` and `begins` are written; returns how far
    they are then.
    """
    position = start + filled
    at = np.int64(np.searchsorted(ends, position, side="right"))
    while filled < out.size and at < places.size:
        length = np.int64(lengths[at])
        within = position - (ends[at] - length)
        if within == 0 and filled > 0:
            begins[begun] = filled
            begun += 1
        part = min(length - within, out.size - filled)
        source = numba.carray(_pointer(places[at] + _TOKEN_BYTES * within), part, np.int32)
        # A slice whose places cannot be negative, so that the loop is one of vectors.
        target = out[filled : filled + part]
        for number in range(part):
            target[number] = source[number]
        filled += part
        position += part
        at += 1
    return filled, begun


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def mask(begins: Any, before: Any, positions: Any, bounds: Any, count: Any) -> Any:
    """Writes a sequence's part of the document masks of its batch.

    `begins` are where documents begin in the sequence, the first 0, and `before` is the tokens of the batch before
    it. `positions` gets each token's distance from the last of `begins` that is not behind it. `bounds` gets,
    after its first `count` entries, where the documents begin in the batch. Returns how many it has then, and
    the tokens of the longest document.
    """
    longest = 0
    for number in range(begins.size):
        begin = begins[number]
        stop = begins[number + 1] if number + 1 < begins.size else positions.size
        longest = max(longest, stop - begin)
        bounds[count + number] = before + begin
        target = positions[begin:stop]
        for at in range(target.size):
            target[at] = at
    return count + begins.size, longest
