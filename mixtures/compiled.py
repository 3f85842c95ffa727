"""The compiled loops of the order: which bucket gives the next document, and which document that is.

Kept apart because importing Numba takes half a second that planning does not need; and in one file because
Numba's cache on disk looks at a function's own file alone when it asks whether the code has changed.
"""

from typing import Any, Final

import numba
import numpy as np

from mixtures.order_layout import EVERY, ROUNDS

# Fewer bits than this are mixed too little by so many rounds.
_LEAST_BITS: Final = 8
NEVER: Final = np.int32(np.iinfo(np.int32).max)
# Places in the state that `interleave` takes and leaves.
CLOCK, BASE, TOKENS = 0, 1, 2


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def interleave(
    starts: Any,
    ends: Any,
    given: Any,
    inverse: Any,
    bits: Any,
    shift: Any,
    lengths: Any,
    places: Any,
    filled: Any,
    state: Any,
    order: Any,
    positions: Any,
    begin: Any,
) -> Any:
    """Writes entries of the order from `begin` on until `order` is full or a bucket's buffer is used up.

    `given` is the tokens of each bucket so far, `inverse` one divided by its share. `lengths`, of shape
    (buckets, buffer), holds the lengths of each bucket's next documents, `places` where the next stands, `filled`
    how many there are. `starts` and `ends` are what `due` makes of them. Writes the tokens before every
    `EVERY`-th entry into `positions`. Returns how far it came, and the bucket that has run out, or -1.
    """
    number_of = (np.int32(1) << np.int32(bits)) - np.int32(1)
    rebase_at = np.int64(1) << (29 - bits)
    clock, base, tokens = state[CLOCK], state[BASE], state[TOKENS]
    for at in range(begin, order.size):
        now = (clock >> shift) - base
        if now > rebase_at:
            base = clock >> shift
            now = np.int64(0)
            _all_due(starts, ends, given, inverse, bits, shift, lengths, places, filled, base)
        best = _first_end(starts, ends, np.int32(now))
        if best == NEVER:
            # All that are left have had their share of the tokens so far: the clock goes on to the next.
            found = np.int64(np.iinfo(np.int64).max)
            for number in range(starts.size):
                if places[number] < filled[number]:
                    found = min(found, np.int64(given[number] * inverse[number]))
            state[CLOCK], state[BASE], state[TOKENS] = clock, base, tokens
            if found == np.iinfo(np.int64).max:
                return at, np.int64(-1)
            clock, base = found, found >> shift
            _all_due(starts, ends, given, inverse, bits, shift, lengths, places, filled, base)
            best = _first_end(starts, ends, np.int32(0))
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
            state[CLOCK], state[BASE], state[TOKENS] = clock, base, tokens
            return at + 1, np.int64(bucket)
        _due(starts, ends, bucket, before, lengths[bucket, place], inverse[bucket], bits, shift, base)
    state[CLOCK], state[BASE], state[TOKENS] = clock, base, tokens
    return order.size, np.int64(-1)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def due(
    starts: Any, ends: Any, bucket: Any, before: Any, length: Any, inverse: Any, bits: Any, shift: Any, base: Any
) -> None:
    """Notes where a bucket's next document begins and ends on the clock of all.

    That is the bucket's tokens before and after it, divided by its share, in units of 2^`shift` tokens from
    `base` on, or the greatest number there is room for. `ends` holds the bucket's number in its lowest `bits`.
    """
    _due(starts, ends, np.uint64(bucket), before, length, inverse, bits, shift, base)


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _due(
    starts: Any, ends: Any, bucket: Any, before: Any, length: Any, inverse: Any, bits: Any, shift: Any, base: Any
) -> None:
    most = (np.int64(1) << (31 - bits)) - 2
    start = min(most, (np.int64(before * inverse) >> shift) - base)
    end = min(most, (np.int64((before + np.int64(length)) * inverse) >> shift) - base)
    starts[bucket] = start
    ends[bucket] = (end << bits) | np.int64(bucket)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _all_due(
    starts: Any,
    ends: Any,
    given: Any,
    inverse: Any,
    bits: Any,
    shift: Any,
    lengths: Any,
    places: Any,
    filled: Any,
    base: Any,
) -> None:
    for number in range(starts.size):
        place = places[number]
        if place < filled[number]:
            _due(starts, ends, number, given[number], lengths[number, place], inverse[number], bits, shift, base)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _first_end(starts: Any, ends: Any, now: Any) -> Any:
    """The first end among the buckets whose turn may come: a loop of vectors, faster than a heap for hundreds."""
    best = NEVER
    for bucket in range(starts.size):
        best = min(best, ends[bucket] if starts[bucket] <= now else NEVER)
    return best


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def next_lengths(keys: Any, start: Any, source: Any, ids: Any, lengths: Any) -> Any:
    """Fills `lengths` with those of a bucket's documents from the place `start` of its permutation on.

    `source` holds the lengths of all of the bucket's documents, in their own order; `ids` is room to work in.
    """
    ids = ids[: lengths.size]
    fill_permuted(keys, np.uint64(source.size), np.uint64(start), ids)
    for number in range(lengths.size):
        lengths[number] = source[ids[number]]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def resolve(order: Any, counts: Any, sizes: Any, keys: Any, skipped: Any, documents: Any) -> None:
    """Writes the documents of the entries of `order` after the first `skipped` into `documents`.

    `counts`, of shape (buckets,), is how many documents each bucket has given before the first entry; it is
    counted on. `sizes` are the buckets' numbers of documents, `keys`, of shape (buckets, epochs, 2 * ROUNDS), name
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


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def fill_permuted(keys: Any, count: Any, start: Any, out: Any) -> None:
    """Writes the documents at the places from `start` on into `out`, as many as it holds."""
    bits = _bits(count)
    # Two loops, so that the first, which every place takes, is one of vectors.
    for number in range(out.size):
        out[number] = _mixed(start + np.uint64(number), keys, bits)
    for number in range(out.size):
        while out[number] >= count:
            out[number] = _mixed(out[number], keys, bits)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def permuted_place(keys: Any, count: Any, place: Any) -> Any:
    """The document at one place of the permutation of `count` that `keys` name."""
    bits = _bits(count)
    place = _mixed(place, keys, bits)
    while place >= count:
        place = _mixed(place, keys, bits)
    return place


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _bits(count: Any) -> Any:
    bits = np.uint64(_LEAST_BITS)
    while bits < 64 and (np.uint64(1) << bits) < count:
        bits += np.uint64(1)
    return bits


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _mixed(place: Any, keys: Any, bits: Any) -> Any:
    mask = (np.uint64(1) << bits) - np.uint64(1)
    half = (bits + np.uint64(1)) // np.uint64(2)
    for key in range(0, 2 * ROUNDS, 2):
        place ^= place >> half
        place = (place * keys[key] + keys[key + 1]) & mask
    return place ^ (place >> half)
