"""Permutations of any number of documents that need no memory: the place of each is computed.

The numbers below 2^k, with 2^k at least the number of documents, are mixed by a bijection of k bits; a result
that is no document is mixed again until it is one (cycle walking, Black and Rogaway 2002): twice at most on
average, where there are more than 2^7 documents.
"""

import hashlib

import numpy as np
import numpy.typing as npt

from mixtures.order_layout import ROUNDS


def permutation_keys(*names: str | int) -> npt.NDArray[np.uint64]:
    """The keys of one permutation, of shape (8,), from what names it: a seed, a bucket, an epoch."""
    digest = hashlib.blake2b("\x1f".join(map(str, names)).encode(), digest_size=16 * ROUNDS).digest()
    keys = np.frombuffer(digest, dtype="<u8").copy()
    keys[::2] |= np.uint64(1)  # a multiplication is a bijection if it is by an odd number
    return keys


def permuted(keys: npt.NDArray[np.uint64], count: int, start: int, stop: int) -> npt.NDArray[np.uint64]:
    """The documents at the places from `start` to `stop` of the permutation of `count` that `keys` name."""
    from mixtures.compiled import fill_permuted

    out = np.empty(max(0, stop - start), dtype=np.uint64)
    fill_permuted(keys, np.uint64(count), np.uint64(start), out)
    return out
