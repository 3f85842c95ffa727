"""Which document of which bucket a token of a mixture belongs to, and where in the mixture a document is read.

Nothing is stored for it. From a token, one of the noted positions is found by bisection, and the lengths of at
most 1,024 documents are added up from there. From a document, its place in each epoch's permutation is computed by
the permutation's inverse, and the noted counts lead to its entry of the order. Neither takes longer in a larger
mixture, but for the bisection.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.indexed import IndexedDataset
from mixtures.local_copy import copied
from mixtures.order import CHECKPOINT, COUNTS_FILE, DESCRIPTION_FILE
from mixtures.order_layout import EVERY
from mixtures.permutation import permutation_keys
from mixtures.reader import MixtureReader
from sources.errors import BabelmixError

# The permutation's fewest bits, as in `mixtures.compiled`; a test holds the inverse against it.
_LEAST_BITS: Final = 8
# Of an index of tokens, before the lengths of its documents (`mixtures.indexed`).
HEADER_BYTES: Final = 34


@dataclass(frozen=True, slots=True)
class Reading:
    """One time that a document is read: entry `entry` of the order.

    `bucket` is the bucket's number in the order, `document` the document's number in its bucket, `epoch` counts
    from 1. It is the mixture's tokens from `start` on, `length` of them, the end of the document included.
    """

    entry: int
    bucket: int
    document: int
    epoch: int
    start: int
    length: int

    @property
    def stop(self) -> int:
        """The first token after it."""
        return self.start + self.length

    def sequences(self, length: int) -> tuple[int, int]:
        """The first and the last sequence of `length` tokens that holds some of it."""
        return self.start // length, (self.stop - 1) // length


class Lineage:
    """Looks up documents by their tokens, and tokens by their documents, in the mixture in the folder `mixture`.

    `workspace` is the folder in which `tokens/` lies, by default the one that the mixture was built in.

    Raises:
        BabelmixError: the mixture or its tokens are missing or damaged.
    """

    def __init__(self, mixture: str | Path, workspace: str | Path | None = None) -> None:
        reader = MixtureReader(mixture, 1, workspace=workspace)
        self.folder, self.workspace, self.order = reader.folder, reader.workspace, reader.order
        self.totals: dict[str, Any] = reader.totals
        described = json.loads((self.folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))["buckets"]
        self.sizes: tuple[int, ...] = tuple(each["size"] for each in described)
        """Documents of each bucket."""
        self.given: tuple[int, ...] = tuple(each["documents"] for each in described)
        """Documents that are read of each bucket, repetitions counted."""
        # Joined as text, and looked at as text below: 10^9 documents are twenty thousand files.
        self._prefixes = [
            [f"{self.workspace}/{shard}" for shard in row["shards"]] for row in self.totals["buckets"]
        ]
        self._starts: dict[int, npt.NDArray[np.int64]] = {}
        self._epoch_keys: dict[tuple[int, int], list[int]] = {}
        shape = (self.order.documents // CHECKPOINT + 1, len(self.sizes))
        self._counts: npt.NDArray[np.uint64] = np.memmap(self.folder / COUNTS_FILE, "<u8", "r", shape=shape)

    @property
    def tokens(self) -> int:
        """Tokens of the mixture."""
        return self.order.tokens

    def between(self, start: int, stop: int) -> Iterator[Reading]:
        """The documents of which the tokens from `start` to `stop` of the mixture are, in their order.

        Raises:
            BabelmixError: there are no such tokens.
        """
        if not 0 <= start < stop <= self.tokens:
            raise BabelmixError(
                f"{self.folder}: no tokens {start} to {stop}; it has those from 0 to {self.tokens}"
            )
        mark = int(np.searchsorted(self.order.positions, start, side="right")) - 1
        entry, at = mark * EVERY, int(self.order.positions[mark])
        while at < stop:
            for found in self._from(entry, at, EVERY):
                entry, at = found.entry + 1, found.stop
                if at > start:
                    yield found
                if at >= stop:
                    return

    def at(self, token: int) -> Reading:
        """The document of which a token of the mixture is.

        Raises:
            BabelmixError: there is no such token.
        """
        return next(self.between(token, token + 1))

    def readings(self, bucket: int, document: int) -> list[Reading]:
        """Every time that a document of a bucket is read, in the order of the epochs."""
        found = []
        for number in self._numbers(bucket, document):
            entry = self._entry(bucket, number)
            mark = entry // EVERY
            block = self._from(mark * EVERY, int(self.order.positions[mark]), entry - mark * EVERY + 1)
            *_, reading = block
            found.append(reading)
        return found

    def times(self, bucket: int, documents: Sequence[int]) -> npt.NDArray[np.int64]:
        """How often each of a bucket's documents is read, of shape (documents,)."""
        counts = [len(self._numbers(bucket, document)) for document in documents]
        return np.array(counts, dtype=np.int64)

    def length(self, bucket: int, document: int) -> int:
        """Tokens of a document of a bucket, its end included."""
        number, place = self._place(bucket, document)
        # Only these four bytes: a mixture has thousands of files, and a question touches hundreds.
        with Path(copied(f"{self._prefixes[bucket][number]}.idx")).open("rb", buffering=0) as file:
            file.seek(HEADER_BYTES + 4 * place)
            return int.from_bytes(file.read(4), "little")

    def prefixes(self, bucket: int) -> list[str]:
        """The files of tokens of a bucket, in their order, as paths without their endings."""
        return self._prefixes[bucket]

    def starts(self, bucket: int) -> npt.NDArray[np.int64]:
        """How many documents of a bucket come before each of its files of tokens, and before the end of all.

        Raises:
            BabelmixError: a file is missing or is no index.
        """
        found = self._starts.get(bucket)
        if found is None:
            counts = [_documents(f"{prefix}.idx") for prefix in self._prefixes[bucket]]
            found = np.cumsum([0, *counts])
            if found[-1] != self.sizes[bucket]:
                name = self.order.names[bucket]
                raise BabelmixError(
                    f"{self.folder}: bucket {name} had {self.sizes[bucket]:,} documents, its tokens have"
                    f" {found[-1]:,}; build the mixture again"
                )
            self._starts[bucket] = found
        return found

    def shard_of(self, bucket: int, document: int) -> tuple[IndexedDataset, int]:
        """The file of tokens that holds a document of a bucket, and which of its sequences the document is."""
        number, place = self._place(bucket, document)
        return IndexedDataset(self._prefixes[bucket][number]), place

    def _place(self, bucket: int, document: int) -> tuple[int, int]:
        starts = self.starts(bucket)
        number = int(np.searchsorted(starts, document, side="right")) - 1
        return number, document - int(starts[number])

    def _numbers(self, bucket: int, document: int) -> list[int]:
        """How many documents of its bucket come before each reading of a document."""
        size, given = self.sizes[bucket], self.given[bucket]
        if not 0 <= document < size:
            raise BabelmixError(f"{self.folder}: bucket {self.order.names[bucket]} has no document {document}")
        whole, rest = divmod(given, size)
        # In the order of a curriculum's later stage a bucket goes on: what went before is not read here.
        first = int(self._counts[0, bucket])
        found = []
        for epoch in range(whole + bool(rest)):
            # Of a whole epoch every document is read, wherever its place is.
            place = place_of(self._keys(bucket, epoch), size, document)
            if (epoch < whole or place < rest) and epoch * size + place >= first:
                found.append(epoch * size + place)
        return found

    def _entry(self, bucket: int, number: int) -> int:
        """The entry of the order that is a bucket's `number`-th document."""
        column = self._counts[:, bucket]
        checkpoint = int(np.searchsorted(column, number, side="right")) - 1
        start = checkpoint * CHECKPOINT
        own = np.flatnonzero(self.order.buckets[start : start + CHECKPOINT] == bucket)
        return start + int(own[number - int(column[checkpoint])])

    def _from(self, entry: int, at: int, most: int) -> Iterator[Reading]:
        """At most so many readings from an entry on, of which the first token is `at`."""
        checkpoint = entry // CHECKPOINT
        before = np.bincount(self.order.buckets[checkpoint * CHECKPOINT : entry], minlength=len(self.sizes))
        counts = (self._counts[checkpoint].astype(np.int64) + before).tolist()
        for each in self.order.buckets[entry : entry + most].tolist():
            epoch, place = divmod(counts[each], self.sizes[each])
            # By whole numbers, not by the compiled loop: for so few that takes longer to load.
            document = document_at(self._keys(each, epoch), self.sizes[each], place)
            length = self.length(each, document)
            yield Reading(entry, each, document, epoch + 1, at, length)
            counts[each] += 1
            entry, at = entry + 1, at + length

    def _keys(self, bucket: int, epoch: int) -> list[int]:
        found = self._epoch_keys.get((bucket, epoch))
        if found is None:
            found = permutation_keys(self.order.seed, self.order.names[bucket], epoch).tolist()
            self._epoch_keys[bucket, epoch] = found
        return found


def _documents(index: str) -> int:
    """How many documents an index of tokens has, by its size: 4 and 8 bytes a document, and 8 a boundary."""
    try:
        size = os.path.getsize(copied(index)) - HEADER_BYTES - 8  # noqa: PTH202
    except OSError as error:
        raise BabelmixError(f"{index}: cannot be read ({error.strerror}); tokenise again") from error
    if size < 0 or size % 20:
        raise BabelmixError(
            f"{index}: its {size} bytes after the head are no whole number of documents; tokenise again"
        )
    return size // 20


def document_at(keys: Sequence[int], count: int, place: int) -> int:
    """The document at a place of the permutation of `count` documents: `mixtures.permutation.permuted` for one."""
    bits = max(_LEAST_BITS, (count - 1).bit_length())
    half, modulus = (bits + 1) // 2, 1 << bits
    while True:
        for at in range(0, len(keys), 2):
            place ^= place >> half
            place = (place * keys[at] + keys[at + 1]) % modulus
        place ^= place >> half
        if place < count:
            return place


def place_of(keys: Sequence[int], count: int, document: int) -> int:
    """The place of `document` in the permutation of `count` documents that `keys` name.

    The inverse of `mixtures.permutation.permuted`: the steps of a round backwards, a multiplication by that of its
    inverse modulo a power of 2. A shift by half of the bits or more with exclusive or is its own inverse. Numbers
    that are no documents are passed over, as they are forwards.
    """
    bits = max(_LEAST_BITS, (count - 1).bit_length())
    half, modulus = (bits + 1) // 2, 1 << bits
    rounds = [(pow(keys[at], -1, modulus), keys[at + 1]) for at in range(len(keys) - 2, -1, -2)]
    place = document
    while True:
        place ^= place >> half
        for inverse, added in rounds:
            place = (place - added) * inverse % modulus
            place ^= place >> half
        if place < count:
            return place
