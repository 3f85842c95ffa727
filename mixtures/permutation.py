"""Permutations of any number of documents that need no memory: the place of each is computed.

The numbers below 2^k, with 2^k at least the number of documents, are mixed by a bijection of k bits; a result
that is no document is mixed again until it is one (cycle walking, Black and Rogaway 2002): twice at most on
average, where there are more than 2^7 documents.
"""

import hashlib
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

# Each round is a bijection on k bits: a shift with exclusive or, a multiplication by an odd number, an addition.
_ROUNDS: Final = 4
KEYS: Final = 2 * _ROUNDS
# Fewer bits than this are mixed too little by so many rounds.
_LEAST_BITS: Final = 8


def permutation_keys(*names: str | int) -> npt.NDArray[np.uint64]:
    """The keys of one permutation, of shape (KEYS,), from what names it: a seed, a bucket, an epoch."""
    digest = hashlib.blake2b("\x1f".join(map(str, names)).encode(), digest_size=8 * KEYS).digest()
    keys = np.frombuffer(digest, dtype="<u8").copy()
    keys[::2] |= np.uint64(1)
    return keys


def permuted(keys: npt.NDArray[np.uint64], count: int, start: int, stop: int) -> npt.NDArray[np.uint64]:
    """The documents at the places from `start` to `stop` of the permutation of `count` that `keys` name."""
    out = np.empty(max(0, stop - start), dtype=np.uint64)
    fill_permuted(keys, np.uint64(count), np.uint64(start), out)
    return out


@numba.njit(cache=True)  # type: ignore[misc]
def fill_permuted(keys: Any, count: Any, start: Any, out: Any) -> None:
    """Writes the documents at the places from `start` on into `out`, as many as it holds."""
    bits = _bits(count)
    # Two loops, so that the first, which every place takes, is one of vectors.
    for number in range(out.size):
        out[number] = _mixed(start + np.uint64(number), keys, bits)
    for number in range(out.size):
        while out[number] >= count:
            out[number] = _mixed(out[number], keys, bits)


@numba.njit(cache=True)  # type: ignore[misc]
def permuted_place(keys: Any, count: Any, place: Any) -> Any:
    """The document at one place of the permutation of `count` that `keys` name."""
    bits = _bits(count)
    place = _mixed(place, keys, bits)
    while place >= count:
        place = _mixed(place, keys, bits)
    return place


@numba.njit(cache=True)  # type: ignore[misc]
def _bits(count: Any) -> Any:
    bits = np.uint64(_LEAST_BITS)
    while bits < 64 and (np.uint64(1) << bits) < count:
        bits += np.uint64(1)
    return bits


@numba.njit(inline="always")  # type: ignore[misc]
def _mixed(place: Any, keys: Any, bits: Any) -> Any:
    mask = (np.uint64(1) << bits) - np.uint64(1)
    half = (bits + np.uint64(1)) // np.uint64(2)
    for key in range(0, KEYS, 2):
        place ^= place >> half
        place = (place * keys[key] + keys[key + 1]) & mask
    return place ^ (place >> half)
