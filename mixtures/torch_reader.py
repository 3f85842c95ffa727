"""A mixture or a curriculum as a PyTorch dataset: packed batches with document masks, for any ranks and workers.

    dataset = MixtureDataset(PackedReader(folder), length=4096, batch=8, rank=rank, ranks=ranks)
    loader = DataLoader(dataset, batch_size=None, num_workers=4)      # or torchdata's StatefulDataLoader

All ranks together read the sequences in their one order: step s of a run that begins at sequence `start` reads
the `ranks * batch` sequences from `start + s * ranks * batch` on, and of them rank r every `ranks`-th. So a run
that goes on with another number of ranks, workers or sequences a batch reads on where the last one stopped: every
batch says as `resume` which sequence comes after its step on all ranks; give it as `start`.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from mixtures.compiled_packing import mask
from mixtures.packed import TokenRow
from sources.errors import BabelmixError

try:
    import torch
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise BabelmixError("mixtures.torch_reader: torch is missing; pip install 'babelmix[train]'") from error

Ids: TypeAlias = npt.NDArray[np.int64]

# Marks a state of ours among those that a loader keeps of its workers.
_KIND: Final = "babelmix.MixtureDataset"
_VERSION: Final = 1
_MEANING: Final = ("fingerprint", "length")
_PLACE: Final = ("batch", "rank", "ranks", "worker", "workers")


class MixtureDataset(IterableDataset[dict[str, Any]]):
    """Batches of `batch` sequences of `length` tokens, those of `rank` of `ranks`, from sequence `start` on.

    A batch is a dict:

    - `tokens`: ids, int64, of shape (batch, length);
    - `position_ids`: each token's distance from the beginning of its document, or of the sequence where the
      document began before it; int64, of shape (batch, length);
    - `cu_seqlens`: where documents begin in the batch's sequences laid end to end, and their end, int32, of shape
      (documents + 1,), as attention over documents of varying length takes it;
    - `max_seqlen`: tokens of the longest of those;
    - `sequences`: the sequences' numbers, int64, of shape (batch,);
    - `resume`: the first sequence that no rank has read once all have taken this step.

    What is left at the end and is no whole step of all ranks is not read, so ranks end together. Workers of a
    loader take steps in turn; give the loader `batch_size=None`, which leaves batches as they are.

    Raises:
        BabelmixError: a number is out of range.
    """

    def __init__(
        self, row: TokenRow, length: int, batch: int = 1, rank: int = 0, ranks: int = 1, start: int = 0
    ) -> None:
        super().__init__()
        if length < 1 or batch < 1 or start < 0 or not 0 <= rank < ranks:
            raise BabelmixError(
                f"reader: length {length}, batch {batch}, rank {rank} of {ranks}, start {start}; rank and start"
                " count from 0, length and batch from 1"
            )
        self.row = row
        self.length, self.batch, self.rank, self.ranks, self.start = length, batch, rank, ranks, start
        self._next: int | None = None
        # Compiled code is loaded here, before a loader forks its workers: they share its pages.
        self._laid_out(range(1), 1)
        self._loaded: dict[str, Any] | None = None

    @property
    def steps(self) -> int:
        """Batches that each rank reads, over all its workers."""
        return max(0, self.row.tokens // self.length - self.start) // (self.ranks * self.batch)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        start, first = self._begin()
        _, workers = _worker()
        whole = self.ranks * self.batch
        steps = max(0, self.row.tokens // self.length - start) // whole
        self._next = first
        for step in range(first, steps, workers):
            # Said before the batch is handed out: a loader asks for the state while it holds it.
            self._next = step + workers
            yield self._batch(start + step * whole)

    def state_dict(self) -> dict[str, Any]:
        """Where this worker of this rank stands, as plain numbers and text."""
        worker, workers = _worker()
        return {
            "kind": _KIND,
            "version": _VERSION,
            "fingerprint": self.row.fingerprint,
            "length": self.length,
            "batch": self.batch,
            "rank": self.rank,
            "ranks": self.ranks,
            "worker": worker,
            "workers": workers,
            "start": self.start,
            # The next step that this worker takes.
            "step": worker if self._next is None else self._next,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from `state` the next time that the dataset is iterated over.

        Raises:
            BabelmixError: the state is of another row or length, or of one worker of several and not of this one;
                `resume_point` finds the place to go on from whatever the number of ranks and workers.
        """
        _check(state, self.row.fingerprint, self.length)
        here = (self.batch, self.rank, self.ranks, *_worker())
        there = tuple(state[name] for name in _PLACE)
        if there != here and state["workers"] > 1:
            said = ", ".join(f"{name} {number}" for name, number in zip(_PLACE, there, strict=True))
            raise BabelmixError(
                f"reader: a state of {said} cannot be gone on from with other numbers; begin a new reader at"
                " start=resume_point(the loader's state)"
            )
        if there == here:
            self._loaded = {"start": state["start"], "step": state["step"]}
        else:
            self._loaded = {"start": _resume(state), "step": _worker()[0]}
        self.start, self._next = self._loaded["start"], self._loaded["step"]

    def _begin(self) -> tuple[int, int]:
        """The sequence that steps count from, and the first step of this worker."""
        loaded, self._loaded = self._loaded, None
        worker, _ = _worker()
        return (loaded["start"], loaded["step"]) if loaded else (self.start, worker)

    def _batch(self, first: int) -> dict[str, Any]:
        numbers = range(first + self.rank, first + self.ranks * self.batch, self.ranks)
        tokens, positions, bounds, longest = self._laid_out(numbers, self.length)
        return {
            "tokens": torch.from_numpy(tokens),
            "position_ids": torch.from_numpy(positions),
            "cu_seqlens": torch.from_numpy(bounds),
            "max_seqlen": longest,
            "sequences": torch.tensor(numbers),
            "resume": first + self.ranks * self.batch,
        }

    def _laid_out(self, numbers: range, length: int) -> tuple[Ids, Ids, npt.NDArray[np.int32], int]:
        """Sequences of `length` tokens by their numbers: tokens, position ids, bounds and the longest document."""
        size = len(numbers) * length
        tokens = np.empty((len(numbers), length), dtype=np.int64)
        positions = np.empty((len(numbers), length), dtype=np.int64)
        bounds = np.empty(size + 1, dtype=np.int32)
        documents = longest = 0
        for place, number in enumerate(numbers):
            begins = self.row.fill(number * length, tokens[place])
            documents, most = mask(begins, place * length, positions[place], bounds, documents)
            longest = max(longest, most)
        bounds[documents] = size
        return tokens, positions, bounds[: documents + 1].copy(), longest


def resume_point(state: Any) -> int:
    """The first sequence that a rank's loader has not handed out, from the state that the loader gives.

    `state` is a dataset's `state_dict()`, or anything that holds those of all its workers at any depth, as the
    state of torchdata's StatefulDataLoader does. A `MixtureDataset` with it as `start` goes on with any number of
    ranks, workers and sequences a batch.

    Raises:
        BabelmixError: there is no such state, or one of a worker is missing.
    """
    found = {each["worker"]: each for each in _states(state)}
    counts = {each["workers"] for each in found.values()}
    if not found or counts != {len(found)}:
        raise BabelmixError(
            f"reader: the state holds {len(found)} of {max(counts, default=1)} workers; give the whole state of a"
            " loader"
        )
    # Workers take steps in turn: the first that is missing is the one to go on with.
    return min(_resume(each) for each in found.values())


def _resume(state: dict[str, Any]) -> int:
    return int(state["start"] + state["step"] * state["ranks"] * state["batch"])


def _states(state: Any) -> Iterator[dict[str, Any]]:
    if isinstance(state, dict):
        if state.get("kind") == _KIND:
            yield state
        else:
            for inner in state.values():
                yield from _states(inner)
    elif isinstance(state, (list, tuple)):
        for inner in state:
            yield from _states(inner)


def _check(state: dict[str, Any], fingerprint: str, length: int) -> None:
    if state.get("kind") != _KIND or state.get("version") != _VERSION:
        raise BabelmixError(f"reader: not version {_VERSION} of the state of a MixtureDataset")
    for name, own in zip(_MEANING, (fingerprint, length), strict=True):
        if state[name] != own:
            raise BabelmixError(f"reader: the state is of {name} {state[name]}, this is {own}; give the same")


def _worker() -> tuple[int, int]:
    """The number of this worker of a loader, and of how many."""
    info = get_worker_info()
    return (info.id, info.num_workers) if info else (0, 1)
