"""Which documents of which buckets a sequence of a mixture holds, and which of them are held out."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.order_layout import EVERY
from mixtures.reader import MixtureReader

# Blocks of 1,024 documents whose lengths are remembered; about 24 KB each.
_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class Spans:
    """The documents of one sequence, in order; arrays of shape (documents,).

    `starts` is where each begins in the sequence, `buckets` and `numbers` say which document of which bucket of
    the mixture's order it is.
    """

    starts: npt.NDArray[np.int64]
    buckets: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]

    def lengths(self, length: int) -> npt.NDArray[np.int64]:
        """The tokens of each document that lie in the sequence of `length` tokens."""
        return np.diff(self.starts, append=length)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Which documents of a bucket of `size` are kept from training: `count` of them, evenly spread.

    At most half of a bucket is held out. The same for the same size, so that all stages hold out the same
    documents of a bucket.
    """

    size: int
    count: int

    @classmethod
    def of(cls, size: int, wanted: int) -> "HeldOut":
        """`wanted` documents of a bucket of `size`, or as many as half of it."""
        return cls(size, min(wanted, size // 2))

    @property
    def period(self) -> int:
        return self.size // self.count if self.count else self.size + 1

    def numbers(self) -> list[int]:
        """The documents that are held out."""
        return [(turn + 1) * self.period - 1 for turn in range(self.count)]

    def holds(self, number: int) -> bool:
        """Whether document `number` is held out."""
        return (number + 1) % self.period == 0 and number < self.period * self.count


class DocumentFinder:
    """Finds the documents of any sequence of a mixture without reading their tokens."""

    def __init__(self, reader: MixtureReader) -> None:
        self._reader = reader
        self._blocks: OrderedDict[int, tuple[npt.NDArray[Any], ...]] = OrderedDict()

    def spans(self, number: int) -> Spans:
        """The documents of sequence `number`."""
        length = self._reader.length
        begin, end = number * length, (number + 1) * length
        positions = self._reader.order.positions
        mark = int(np.searchsorted(positions, begin, side="right")) - 1
        starts, buckets, numbers = [], [], []
        while mark < len(positions) and int(positions[mark]) < end:
            ends, block_buckets, block_numbers = self._block(mark)
            first = int(np.searchsorted(ends, begin, side="right"))
            last = min(int(np.searchsorted(ends, end, side="left")) + 1, len(ends))
            starts.append(np.concatenate(([int(positions[mark])], ends))[first:last])
            buckets.append(block_buckets[first:last])
            numbers.append(block_numbers[first:last])
            mark += 1
        return Spans(
            np.maximum(np.concatenate(starts) - begin, 0), np.concatenate(buckets), np.concatenate(numbers)
        )

    def _block(self, mark: int) -> tuple[npt.NDArray[Any], ...]:
        """Where the documents from the `mark`-th noted position on end, their buckets and their numbers."""
        if mark in self._blocks:
            self._blocks.move_to_end(mark)
            return self._blocks[mark]
        reader = self._reader
        buckets, numbers = reader.order.entries(mark * EVERY, (mark + 1) * EVERY)
        lengths = [
            reader.bucket(int(bucket)).length(int(each)) for bucket, each in zip(buckets, numbers, strict=True)
        ]
        ends = int(reader.order.positions[mark]) + np.cumsum(lengths, dtype=np.int64)
        self._blocks[mark] = (ends, buckets.astype(np.int64), numbers.astype(np.int64))
        if len(self._blocks) > _BLOCKS:
            self._blocks.popitem(last=False)
        return self._blocks[mark]
