"""What was met before, in memory that does not grow: the state of a stream of pairs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from filters.bitext.compiled_memory import meet_all
from sources.errors import BabelmixError

Hashes = npt.NDArray[np.uint64]
# Places in a bucket of the table; a power of two.
_WAYS: Final = 8


class Seen:
    """How often a sentence was met, for about as many sentences as there are places.

    A sentence is known by 24 bits of its hash in one of two buckets of eight places: one that is new is taken for
    an old one once in a million times. Where both buckets are full, the sentence that was met least is forgotten:
    too many sentences make copies pass, and no good pair fall.
    """

    def __init__(self, places: int) -> None:
        size = 2 * _WAYS
        while size < places:
            size *= 2
        # Written to at once, so that memory is the same from the first sentence to the last.
        self.table = np.full(size, 0, dtype=np.uint32)

    def meet(self, keys: Hashes) -> npt.NDArray[np.int64]:
        """How often each key was met before, those before it in `keys` included; up to 255."""
        met = np.zeros(len(keys), dtype=np.int64)
        meet_all(self.table, np.ascontiguousarray(keys), met)
        return met

    def write(self, path: Path) -> None:
        """Writes the memory to `path`, 4 bytes a place."""
        with path.open("wb") as file:
            np.save(file, self.table, allow_pickle=False)

    @classmethod
    def read(cls, path: Path) -> "Seen":
        """The memory that `write` wrote.

        Raises:
            BabelmixError: the file is no such memory.
        """
        try:
            with path.open("rb") as file:
                table = np.load(file, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BabelmixError(f"{path}: no memory of sentences ({error}); delete it and begin anew") from error
        size = table.size
        if table.dtype != np.uint32 or table.ndim != 1 or size < 2 * _WAYS or size & (size - 1):
            raise BabelmixError(f"{path}: no memory of sentences but {table.dtype} {table.shape}; delete it")
        seen = cls(1)
        seen.table = table
        return seen


@dataclass(frozen=True, slots=True)
class Memory:
    """The state of one language's stream."""

    pairs: Seen
    near: Seen
    english: Seen
    target: Seen

    @classmethod
    def of(cls, places: int) -> "Memory":
        """An empty memory of `places` sentences each: 16 bytes a place in all."""
        return cls(Seen(places), Seen(places), Seen(places), Seen(places))
