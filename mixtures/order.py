"""The order of a mixture: which document of which bucket is read when.

A bucket's documents are permuted, anew in every epoch (`permutation`). Buckets take turns so that every prefix of
the mixture holds each bucket's share of its tokens as nearly as whole documents allow: of the buckets that
have not had more than their share of the tokens so far, the one whose next document would be due first goes.
That is Tijdeman's rule for the chairman assignment problem (1980) with items of different lengths, known from
packet scheduling as WF2Q (Bennett and Zhang 1996). With `w` a bucket's share, `l` its longest document and `L`
the longest of all, at every prefix the bucket is ahead of its share by `l + w L / 32` at most, and behind it by
`l + w (L + L / 32)` at most; the 32nd part is for clocks that are read in whole units, which makes them quick.
Where `w L <= l`, that is about two of its own longest documents.

On disk, in the mixture's folder, little-endian:

- `order.bin`: the bucket of each document in the order in which they are read, one byte (two for more than 256);
- `counts.bin`: how many documents of each bucket come before every 65,536th, uint64, one row a checkpoint;
- `positions.bin`: the tokens before every 1024th document, uint64;
- `order.json`: seed, totals, and the buckets with their numbers of documents.

Which document of its bucket an entry is follows from how many came before and from the permutation. It is an
index over `tokens/`, not a copy.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.local_copy import copied
from mixtures.order_layout import EVERY
from sources.errors import BabelmixError

# Raised when the same plan and seed give another order.
ORDER_VERSION: Final = 1
MAX_BUCKETS: Final = 1 << 16
CHECKPOINT: Final = 1 << 16
ORDER_FILE: Final = "order.bin"
COUNTS_FILE: Final = "counts.bin"
POSITIONS_FILE: Final = "positions.bin"
DESCRIPTION_FILE: Final = "order.json"

# Documents of a bucket whose lengths are looked up at once.
_BUFFER: Final = 4096


@dataclass(frozen=True, slots=True)
class OrderBucket:
    """A bucket to be ordered: the tokens of each of its documents, and how many tokens are wanted of it."""

    name: str
    lengths: npt.NDArray[np.int32]
    tokens: int


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """What an order holds."""

    documents: int
    tokens: int
    # Tokens and documents, repetitions counted, of each bucket in the order in which they were given.
    bucket_tokens: tuple[int, ...]
    bucket_documents: tuple[int, ...]


def write_order(buckets: Sequence[OrderBucket], seed: int, folder: Path) -> OrderTotals:
    """Writes the order of `buckets` into `folder`; the same for the same buckets and seed on every machine.

    Of each bucket come as many documents as bring it nearest to its tokens, one at least; all documents of an
    epoch come before any of the next. Memory does not grow with the number of documents.

    Raises:
        BabelmixError: there is no bucket, there are too many, or one has no documents or tokens.
    """
    from mixtures.compiled import TOKENS, interleave

    turns = _Turns(buckets, seed)
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
    given, count = map(int, turns.given), map(int, turns.documents)
    totals = OrderTotals(documents, int(turns.state[TOKENS]), tuple(given), tuple(count))
    _describe(buckets, seed, totals, folder)
    return totals


def _describe(buckets: Sequence[OrderBucket], seed: int, totals: OrderTotals, folder: Path) -> None:
    rows = zip(buckets, totals.bucket_tokens, totals.bucket_documents, strict=True)
    description = {
        "version": ORDER_VERSION,
        "seed": seed,
        "documents": totals.documents,
        "tokens": totals.tokens,
        "buckets": [
            {"name": each.name, "size": len(each.lengths), "documents": documents, "tokens": tokens}
            for each, tokens, documents in rows
        ],
    }
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


class _Turns:
    """Where each bucket stands, and the lengths of its next documents."""

    def __init__(self, buckets: Sequence[OrderBucket], seed: int) -> None:
        if not buckets:
            raise BabelmixError("order: no bucket has tokens; plan some")
        if len(buckets) > MAX_BUCKETS:
            raise BabelmixError(f"order: {len(buckets)} buckets, at most {MAX_BUCKETS} can be ordered")
        for bucket in buckets:
            if not len(bucket.lengths) or bucket.tokens <= 0:
                raise BabelmixError(f"order: bucket {bucket.name}: no documents or no tokens; leave it out")
        count = len(buckets)
        self.streams = [_Stream(bucket, seed) for bucket in buckets]
        wanted = [stream.tokens for stream in self.streams]
        self.inverse = np.array([sum(wanted) / tokens for tokens in wanted])
        self.bits = max(1, (count - 1).bit_length())
        # The clocks' unit: a 64th of the longest document, so that they fit into 32 bits with a bucket's number.
        longest = max(int(bucket.lengths.max()) for bucket in buckets)
        self.shift = max(0, (longest // 64).bit_length() - 1)
        self.state = np.zeros(3, dtype=np.int64)
        self.starts = np.zeros(count, dtype=np.int32)
        self.ends = np.zeros(count, dtype=np.int32)
        self.given = np.zeros(count, dtype=np.int64)
        self.lengths = np.zeros((count, _BUFFER), dtype=np.int32)
        self.places = np.zeros(count, dtype=np.int64)
        self.filled = np.zeros(count, dtype=np.int64)
        self.used = np.zeros(count, dtype=np.int64)
        for number in range(count):
            self.refill(number)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What `interleave` takes before its output."""
        return (
            self.starts, self.ends, self.given, self.inverse, self.bits, self.shift,
            self.lengths, self.places, self.filled, self.state,
        )  # fmt: skip

    @property
    def documents(self) -> npt.NDArray[np.uint64]:
        """How many documents each bucket has given, of shape (buckets,)."""
        return (self.used + self.places).astype("<u8")

    def refill(self, number: int) -> None:
        """Gets the next lengths of a bucket whose buffer is used up, or ends its turns."""
        from mixtures.compiled import BASE, NEVER, due

        self.used[number] += self.places[number]
        found = self.streams[number].read(self.lengths[number])
        self.places[number], self.filled[number] = 0, found
        if not found:
            self.starts[number] = self.ends[number] = NEVER
            return
        due(
            self.starts, self.ends, number, self.given[number], self.lengths[number, 0], self.inverse[number],
            self.bits, self.shift, self.state[BASE],
        )  # fmt: skip


class _Stream:
    """A bucket's documents, epoch after epoch, each in an order of its own, until the bucket has its tokens."""

    def __init__(self, bucket: OrderBucket, seed: int) -> None:
        self.name, self.seed, self.lengths = bucket.name, seed, bucket.lengths
        self.epoch = self.place = 0
        self._keys = self._epoch_keys(0)
        self._ids = np.empty(_BUFFER, dtype=np.uint64)
        epoch_tokens = int(bucket.lengths.sum(dtype=np.int64))
        self.epochs, rest = divmod(bucket.tokens, epoch_tokens)
        self.last, tokens = self._nearest(rest) if rest else (0, 0)
        if not self.epochs and not self.last:
            self.last, tokens = 1, int(self._lengths(self._keys, 0, 1)[0])
        self.tokens = self.epochs * epoch_tokens + tokens
        """Tokens that it gives in all: as near to those that are wanted as whole documents come."""

    def read(self, lengths: npt.NDArray[np.int32]) -> int:
        """Fills `lengths` and returns how far; 0 at the end."""
        from mixtures.compiled import next_lengths

        stop = len(self.lengths) if self.epoch < self.epochs else self.last
        if self.place == stop:
            if self.epoch >= self.epochs:
                return 0
            self.epoch, self.place = self.epoch + 1, 0
            self._keys = self._epoch_keys(self.epoch)
            return self.read(lengths)
        count = min(len(lengths), stop - self.place)
        next_lengths(self._keys, self.place, self.lengths, self._ids, lengths[:count])
        self.place += count
        return count

    def _nearest(self, wanted: int) -> tuple[int, int]:
        """How many documents of the last epoch come nearest to `wanted` tokens, and their tokens."""
        keys = self._epoch_keys(self.epochs)
        count = tokens = 0
        while len(lengths := self._lengths(keys, count, _BUFFER)):
            ends = tokens + np.cumsum(lengths, dtype=np.int64)
            # A document is taken if more than half of it is wanted.
            taken = int(np.searchsorted(ends - lengths // 2, wanted, side="left"))
            if taken < len(lengths):
                return count + taken, int(ends[taken - 1]) if taken else tokens
            count, tokens = count + taken, int(ends[-1])
        return count, tokens

    def _lengths(self, keys: npt.NDArray[np.uint64], start: int, most: int) -> npt.NDArray[np.int32]:
        from mixtures.compiled import next_lengths

        lengths = np.empty(min(most, len(self.lengths) - start), dtype=np.int32)
        next_lengths(keys, start, self.lengths, self._ids, lengths)
        return lengths

    def _epoch_keys(self, epoch: int) -> npt.NDArray[np.uint64]:
        from mixtures.permutation import permutation_keys

        return permutation_keys(self.seed, self.name, epoch)


class Order:
    """An order on disk, mapped into memory.

    Raises BabelmixError where a file of it is missing, of another version, or of another size than it should be.
    """

    def __init__(self, folder: Path) -> None:
        path = Path(copied(str(folder / DESCRIPTION_FILE)))
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BabelmixError(
                f"{path}: no description of an order ({error}); build the mixture again"
            ) from error
        if description.get("version") != ORDER_VERSION:
            raise BabelmixError(f"{path}: not version {ORDER_VERSION} of an order; build the mixture again")
        self.seed: int = description["seed"]
        self.documents: int = description["documents"]
        self.tokens: int = description["tokens"]
        self.names: tuple[str, ...] = tuple(each["name"] for each in description["buckets"])
        self._sizes = np.array([each["size"] for each in description["buckets"]], dtype=np.uint64)
        given = np.array([each["documents"] for each in description["buckets"]], dtype=np.uint64)
        self._epochs = int((-(-given.astype(np.int64) // self._sizes.astype(np.int64))).max(initial=0))
        kind = _entry_type(len(self.names))
        self.buckets: npt.NDArray[Any] = _mapped(folder / ORDER_FILE, kind, self.documents)
        """The bucket of every document, of shape (documents,)."""
        self.positions: npt.NDArray[np.uint64] = _mapped(
            folder / POSITIONS_FILE, "<u8", -(-self.documents // EVERY)
        )
        """The tokens before every 1024th document."""
        checkpoints = self.documents // CHECKPOINT + 1
        counts = _mapped(folder / COUNTS_FILE, "<u8", checkpoints * len(self.names))
        self._counts: npt.NDArray[np.uint64] = counts.reshape(checkpoints, len(self.names))

    def entries(self, start: int, stop: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint64]]:
        """The buckets of the documents from `start` to `stop`, and which document of its bucket each is."""
        from mixtures.compiled import resolve

        stop = min(stop, self.documents)
        checkpoint = start // CHECKPOINT
        before = checkpoint * CHECKPOINT
        documents = np.empty(max(0, stop - start), dtype=np.uint64)
        counts = np.array(self._counts[checkpoint])
        order = np.asarray(self.buckets[before:stop])
        resolve(order, counts, self._sizes, self._keys, start - before, documents)
        return order[start - before :], documents

    @cached_property
    def _keys(self) -> npt.NDArray[np.uint64]:
        from mixtures.permutation import permutation_keys

        epochs = range(self._epochs)
        return np.array([[permutation_keys(self.seed, name, epoch) for epoch in epochs] for name in self.names])


def _entry_type(buckets: int) -> str:
    return "u1" if buckets <= 256 else "<u2"


def _mapped(path: Path, kind: str, count: int) -> npt.NDArray[Any]:
    wanted = count * np.dtype(kind).itemsize
    path = Path(copied(str(path)))
    size = path.stat().st_size if path.is_file() else None
    if size != wanted:
        found = "missing" if size is None else f"{size} bytes"
        raise BabelmixError(f"{path}: {found}, should be {wanted} bytes; build the mixture again")
    return np.memmap(path, dtype=kind, mode="r", shape=(count,)) if count else np.empty(0, dtype=kind)
