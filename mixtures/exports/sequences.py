"""The packed sequences of a row of tokens, one after the other, as exports of sequences write them."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mixtures.packed import TokenRow
from sources.errors import BabelmixError


def packed_sequences(
    row: TokenRow, length: int, start: int = 0, stop: int | None = None
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
    """The sequences from `start` to `stop`: their tokens, of shape (length,), and where documents begin.

    What is left at the end and fills no sequence is not given.
    """
    last = sequence_count(row, length)
    for number in range(start, last if stop is None else min(stop, last)):
        tokens = np.empty(length, dtype=np.int32)
        yield tokens, row.fill(number * length, tokens)


def sequence_count(row: TokenRow, length: int) -> int:
    """How many whole sequences of `length` tokens a row has.

    Raises:
        BabelmixError: `length` is below 1, or there is none.
    """
    if length < 1:
        raise BabelmixError(f"--length {length}: a sequence has 1 token at least; write 4096, for example")
    if row.tokens < length:
        raise BabelmixError(f"--length {length}: the mixture holds {row.tokens} tokens, not one sequence")
    return row.tokens // length
