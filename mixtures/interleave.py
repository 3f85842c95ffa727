"""The compiled loops of the order: which bucket gives the next document, and which document that is.

Kept apart because importing Numba takes half a second that planning does not need.
"""

from typing import Any, Final

import numba
import numpy as np

from mixtures.permutation import fill_permuted, permuted_place

# Every how many documents the tokens so far are noted.
EVERY: Final = 1024
NEVER: Final = np.int64(np.iinfo(np.int64).max)


@numba.njit(cache=True)  # type: ignore[misc]
def interleave(
    starts: Any,
    ends: Any,
    given: Any,
    inverse: Any,
    bits: Any,
    lengths: Any,
    places: Any,
    filled: Any,
    order: Any,
    positions: Any,
    begin: Any,
    clock: Any,
    tokens: Any,
) -> Any:
    """Writes entries of the order from `begin` on until `order` is full or a bucket's buffer is used up.

    `starts` and `ends`, of shape (buckets,), are where each bucket's next document begins and ends on the
    bucket's own clock: its tokens before and after, divided by its share. `ends` holds the bucket's number in
    its lowest `bits` bits. `lengths`, of shape (buckets, buffer), holds the lengths of each bucket's next
    documents, `places` where the next stands, `filled` how many there are. Writes the tokens before every
    `EVERY`-th entry into `positions`. Returns how far it came, the clock, the tokens so far, and the bucket that
    has run out, or -1.
    """
    number_of = (np.int64(1) << bits) - np.int64(1)
    for at in range(begin, order.size):
        best = _first_end(starts, ends, clock)
        if best == NEVER:
            # All that are left have had their share of the tokens so far: the clock goes on to the next.
            clock = starts.min()
            if clock == NEVER:
                return at, clock, tokens, np.int64(-1)
            best = _first_end(starts, ends, clock)
        # Unsigned: Numba looks for negative indices, from the end, in signed ones.
        bucket = np.uint64(best & number_of)
        place = np.uint64(places[bucket])
        length = np.int64(lengths[bucket, place])
        order[at] = bucket
        if at & (EVERY - 1) == 0:
            positions[at // EVERY] = tokens
        tokens += length
        clock += length
        before = given[bucket] + length
        given[bucket] = before
        place += np.uint64(1)
        places[bucket] = place
        if place == np.uint64(filled[bucket]):
            return at + 1, clock, tokens, np.int64(bucket)
        after = before + np.int64(lengths[bucket, place])
        starts[bucket] = np.int64(before * inverse[bucket])
        ends[bucket] = (np.int64(after * inverse[bucket]) << bits) | np.int64(bucket)
    return order.size, clock, tokens, np.int64(-1)


@numba.njit(cache=True)  # type: ignore[misc]
def _first_end(starts: Any, ends: Any, clock: Any) -> Any:
    """The first end among the buckets whose turn may come: a loop of vectors, faster than a heap for hundreds."""
    best = NEVER
    for bucket in range(starts.size):
        best = min(best, ends[bucket] if starts[bucket] <= clock else NEVER)
    return best


@numba.njit(cache=True)  # type: ignore[misc]
def next_lengths(keys: Any, start: Any, source: Any, ids: Any, lengths: Any) -> Any:
    """Fills `lengths` with those of a bucket's documents from the place `start` of its permutation on.

    `source` holds the lengths of all of the bucket's documents, in their own order; `ids` is room to work in.
    """
    ids = ids[: lengths.size]
    fill_permuted(keys, np.uint64(source.size), np.uint64(start), ids)
    for number in range(lengths.size):
        lengths[number] = source[ids[number]]


@numba.njit(cache=True)  # type: ignore[misc]
def resolve(order: Any, counts: Any, sizes: Any, keys: Any, skipped: Any, documents: Any) -> None:
    """Writes the documents of the entries of `order` after the first `skipped` into `documents`.

    `counts`, of shape (buckets,), is how many documents each bucket has given before the first entry; it is
    counted on. `sizes` are the buckets' numbers of documents, `keys`, of shape (buckets, epochs, KEYS), name
    their permutations.
    """
    for at in range(skipped):
        counts[np.uint64(order[at])] += np.uint64(1)
    for at in range(skipped, order.size):
        bucket = np.uint64(order[at])
        count, size = counts[bucket], sizes[bucket]
        counts[bucket] = count + np.uint64(1)
        epoch = count // size
        documents[at - skipped] = permuted_place(keys[bucket, epoch], size, count - epoch * size)
