"""The order of a stage whose buckets go on where earlier stages of a curriculum left them.

A bucket's documents are one endless row: its first epoch's permutation, then the second's, and so on. The order
of a mixture takes it from the beginning; here a bucket is taken from any document of that row on. The files are
those of `order.py`, read by `Order` as they are: what `counts.bin` counts begins at the documents that went
before, and `documents` of a bucket in `order.json` includes them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mixtures.order import (
    CHECKPOINT,
    COUNTS_FILE,
    ORDER_FILE,
    POSITIONS_FILE,
    OrderBucket,
    OrderTotals,
    _describe,
    _entry_type,
    _Stream,
    _Turns,
)
from mixtures.order_layout import EVERY

# Documents whose lengths are added up at once.
_PART = 1 << 16


def write_continued_order(
    buckets: Sequence[OrderBucket], starts: Sequence[int], seed: int, folder: Path
) -> OrderTotals:
    """Writes the order of `buckets` into `folder`, each from its `starts`-th document on.

    As `order.write_order`, which it equals where all of `starts` are 0. The totals count the documents of this
    order alone, without those that went before.

    Raises:
        BabelmixError: as `write_order`.
    """
    from mixtures.compiled import TOKENS, interleave

    turns = _ContinuedTurns(buckets, starts, seed)
    order = np.empty(CHECKPOINT, dtype=_entry_type(len(buckets)))
    positions = np.empty(CHECKPOINT // EVERY, dtype="<u8")
    begin = documents = 0
    with (
        (folder / ORDER_FILE).open("wb") as entries,
        (folder / COUNTS_FILE).open("wb") as counts,
        (folder / POSITIONS_FILE).open("wb") as marks,
    ):
        turns.documents.tofile(counts)
        while True:
            begin, empty = interleave(*turns.arrays, order, positions, begin)
            if empty >= 0:
                turns.refill(int(empty))
            if begin == order.size or empty < 0:
                order[:begin].tofile(entries)
                positions[: -(-begin // EVERY)].tofile(marks)
                documents += begin
                if begin < order.size:
                    break
                turns.documents.tofile(counts)
                begin = 0
    tokens = tuple(map(int, turns.given))
    described = OrderTotals(documents, int(turns.state[TOKENS]), tokens, tuple(map(int, turns.documents)))
    _describe(buckets, seed, described, folder)
    own = zip(described.bucket_documents, starts, strict=True)
    return OrderTotals(documents, described.tokens, tokens, tuple(count - start for count, start in own))


class _ContinuedTurns(_Turns):
    """Where each bucket stands, from the documents on that went before."""

    def __init__(self, buckets: Sequence[OrderBucket], starts: Sequence[int], seed: int) -> None:
        super().__init__(buckets, seed)
        self.streams = [_ContinuedStream(each, start, seed) for each, start in zip(buckets, starts, strict=True)]
        wanted = [stream.tokens for stream in self.streams]
        self.inverse = np.array([sum(wanted) / tokens for tokens in wanted])
        self.places[:] = 0
        self.used[:] = starts
        for number in range(len(buckets)):
            self.refill(number)


class _ContinuedStream(_Stream):
    """A bucket's documents from one of them on, until the bucket has its tokens."""

    def __init__(self, bucket: OrderBucket, start: int, seed: int) -> None:
        super().__init__(bucket, seed)
        if not start:
            return
        size, epoch_tokens = len(bucket.lengths), int(bucket.lengths.sum(dtype=np.int64))
        self.epoch, self.place = divmod(start, size)
        self._keys = self._epoch_keys(self.epoch)
        left = epoch_tokens - self._tokens_before(self.place)
        if bucket.tokens < left:
            self.epochs = self.epoch
            self.last, self.tokens = self._nearest_from(self.place, bucket.tokens)
            if self.last == self.place:  # one document at least
                self.tokens = int(self._lengths(self._keys, self.place, 1)[0])
                self.last += 1
            return
        whole, rest = divmod(bucket.tokens - left, epoch_tokens)
        self.epochs = self.epoch + 1 + whole
        self.last, tokens = self._nearest(rest) if rest else (0, 0)
        self.tokens = left + whole * epoch_tokens + tokens

    def _tokens_before(self, place: int) -> int:
        """Tokens of the epoch's documents before a place."""
        parts = range(0, place, _PART)
        self._ids = np.empty(_PART, dtype=np.uint64)
        return sum(int(self._lengths(self._keys, at, min(_PART, place - at)).sum(dtype=np.int64)) for at in parts)

    def _nearest_from(self, place: int, wanted: int) -> tuple[int, int]:
        """The place of the epoch up to which, from `place` on, there are nearest to `wanted` tokens; and those."""
        tokens = 0
        while len(lengths := self._lengths(self._keys, place, len(self._ids))):
            ends = tokens + np.cumsum(lengths, dtype=np.int64)
            # A document is taken if more than half of it is wanted.
            taken = int(np.searchsorted(ends - lengths // 2, wanted, side="left"))
            if taken:
                tokens = int(ends[taken - 1])
            place += taken
            if taken < len(lengths):
                break
        return place, tokens
