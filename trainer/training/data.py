"""The stages' mixtures as one row of sequences, cut into steps: which sequence comes when is a pure function.

All that a resumed run needs to know is how many sequences have been trained on. A stage ends at an exact
sequence; a step may hold the end of one stage and the beginning of the next. Ranks share out a step's sequences
in turn, so that any number of ranks trains on the same steps.
"""

import bisect
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from mixtures.reader import MixtureReader
from trainer.errors import TrainerError
from trainer.training.documents import DocumentFinder, HeldOut
from trainer.training.read_ahead import read_ahead
from trainer.training.settings import TrainSettings

NO_LABEL: Final = -100


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences that are computed at once; tensors of shape (sequences, length).

    `labels` are the tokens that follow, `NO_LABEL` at a document's last token, at the sequence's last and where
    the document that follows is held out. `documents` numbers a sequence's documents from 0.
    """

    tokens: torch.Tensor
    labels: torch.Tensor
    documents: torch.Tensor


@dataclass(frozen=True, slots=True)
class StepData:
    """What one rank takes of a step: `batches`, and `served`, the tokens of each bucket of each stage, of
    shape (all stages' buckets,), in the order of `Curriculum.buckets`."""

    number: int
    batches: tuple[Batch, ...]
    served: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a stage's mixture."""

    stage: int
    name: str
    category: str
    language: str
    planned: float
    """Its share of the stage's tokens, from 0 to 1."""


class _Stage:
    """One stage's mixture and the sequences that are taken of it."""

    def __init__(self, settings: TrainSettings, number: int, folder: Path) -> None:
        stage, length = settings.stages[number], settings.batch.sequence_length
        self.name, self.folder = stage.name, folder
        self.reader = MixtureReader(folder, length)
        totals = self.reader.totals
        if totals.get("tokenizer") != settings.tokenizer:
            raise TrainerError(
                f"{folder}: made with tokenizer {totals.get('tokenizer')!r}, the model's is"
                f" {settings.tokenizer!r}; name a mixture made with it, or set `tokenizer`"
            )
        self.sequences = -(-stage.tokens // length)
        held = self.reader.sequences
        if self.sequences > held * stage.max_passes:
            raise TrainerError(
                f"stage {stage.name}: {stage.tokens:,} tokens are {self.sequences / max(held, 1):.1f} passes of"
                f" {folder}, which holds {held * length:,}; lower tokens or raise max_passes {stage.max_passes:g}"
            )
        self.finder = DocumentFinder(self.reader)
        self.rows: list[dict[str, Any]] = totals["buckets"]
        wanted = settings.evaluation.documents if settings.evaluation.every_steps else 0
        self.held_out = [HeldOut.of(int(row["documents"]), wanted) for row in self.rows]
        self.fingerprint = _fingerprint(folder)


class Curriculum:
    """The sequences of all stages, one after the other.

    `mixtures` are the stages' folders; one is enough where all stages read the same.

    Raises:
        TrainerError: a mixture was made with another tokenizer, is too small for its stage, or holds other
            documents of a bucket than an earlier stage's; a stage has no mixture; a step is larger than all
            stages, or cannot be shared out to the ranks.
        BabelmixError: a mixture is missing or damaged.
    """

    def __init__(self, settings: TrainSettings, mixtures: Sequence[Path]) -> None:
        self._settings = settings
        folders = _folders(settings, mixtures)
        self._stages = [_Stage(settings, number, folder) for number, folder in enumerate(folders)]
        self._ends = list(accumulate(stage.sequences for stage in self._stages))
        self._offsets = [0, *accumulate(len(stage.rows) for stage in self._stages)]
        self.buckets = [bucket for number in range(len(self._stages)) for bucket in self._buckets(number)]
        self._same_documents()
        if not self.steps:
            raise TrainerError(
                f"batch.sequences: a step takes {settings.batch.sequences} sequences, all stages hold"
                f" {self._ends[-1]}; lower it or give the stages more tokens"
            )

    @property
    def steps(self) -> int:
        """Whole steps of all stages; what is left at the end and fills none is not trained on."""
        return self._ends[-1] // self._settings.batch.sequences

    @property
    def workspace(self) -> Path:
        """The folder that the first stage's mixture was built in."""
        return self._stages[0].reader.workspace

    def stage_of(self, step: int) -> tuple[int, int, int]:
        """The stage that `step` begins in, its tokens before the step, and all of its tokens."""
        stage, sequence = self._place(step * self._settings.batch.sequences)
        length = self._settings.batch.sequence_length
        return stage, sequence * length, self._stages[stage].sequences * length

    def last_stage(self, step: int) -> int:
        """The stage that `step` ends in."""
        return self._place((step + 1) * self._settings.batch.sequences - 1)[0]

    def identity(self, step: int) -> dict[str, Any]:
        """What must be the same when a run goes on after `step` steps: the stages begun, and the batch."""
        last, _ = self._place(step * self._settings.batch.sequences - 1)
        # The stage that is under way may be made longer.
        stages = [
            {
                "name": stage.name,
                "mixture": stage.fingerprint,
                "sequences": stage.sequences if number < last else None,
            }
            for number, stage in enumerate(self._stages[: last + 1])
        ]
        batch = self._settings.batch
        return {"stages": stages, "sequence_length": batch.sequence_length, "sequences": batch.sequences}

    def read(self, first: int, rank: int = 0, ranks: int = 1) -> Iterator[StepData]:
        """What `rank` takes of each step from step `first` on, read ahead by a thread."""
        size = self._settings.batch.sequences
        if size % ranks:
            raise TrainerError(
                f"batch.sequences: {size} sequences cannot be shared out to {ranks} ranks evenly; make it a"
                " multiple of the ranks, or start fewer"
            )
        return read_ahead(self._step(step, rank, ranks) for step in range(first, self.steps))

    def held_out(self) -> Iterator[tuple[Bucket, list[npt.NDArray[np.uint32]]]]:
        """Every bucket of any stage once, with its held-out documents."""
        seen: set[str] = set()
        for bucket, (stage, place) in zip(self.buckets, self._each_bucket(), strict=True):
            if bucket.name in seen:
                continue
            seen.add(bucket.name)
            documents = stage.reader.bucket(place)
            found = [documents.document(number) for number in stage.held_out[place].numbers()]
            if found:
                yield bucket, found

    def _step(self, step: int, rank: int, ranks: int) -> StepData:
        batch = self._settings.batch
        numbers = range(step * batch.sequences + rank, (step + 1) * batch.sequences, ranks)
        served = np.zeros(len(self.buckets), dtype=np.int64)
        rows = [self._sequence(number, served) for number in numbers]
        batches = []
        for start in range(0, len(rows), batch.micro_sequences):
            columns = zip(*rows[start : start + batch.micro_sequences], strict=True)
            batches.append(Batch(*(torch.from_numpy(np.stack(column)) for column in columns)))
        return StepData(step, tuple(batches), served)

    def _sequence(self, number: int, served: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], ...]:
        """Tokens, labels and document numbers of a sequence, each of shape (length,); counts into `served`."""
        place, local = self._place(number)
        stage = self._stages[place]
        length = self._settings.batch.sequence_length
        local %= stage.reader.sequences
        tokens = next(stage.reader.read(local)).tokens.astype(np.int64)
        spans = stage.finder.spans(local)
        lengths = spans.lengths(length)
        np.add.at(served, self._offsets[place] + spans.buckets, lengths)
        labels = np.full(length, NO_LABEL, dtype=np.int64)
        labels[:-1] = tokens[1:]
        labels[spans.starts[1:] - 1] = NO_LABEL
        for start, size, bucket, document in zip(spans.starts, lengths, spans.buckets, spans.numbers, strict=True):
            if stage.held_out[bucket].holds(int(document)):
                labels[start : start + size] = NO_LABEL
        return tokens, labels, np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)

    def _place(self, number: int) -> tuple[int, int]:
        """The stage of a sequence, and its number in that stage."""
        stage = min(bisect.bisect_right(self._ends, number), len(self._ends) - 1)
        return stage, number - (self._ends[stage - 1] if stage else 0)

    def _buckets(self, number: int) -> Iterator[Bucket]:
        rows = self._stages[number].rows
        planned = sum(row["tokens_planned"] for row in rows)
        for row in rows:
            name = f"{row['category']}/{row['source']}/{row['language']}"
            yield Bucket(number, name, row["category"], row["language"], row["tokens_planned"] / planned)

    def _each_bucket(self) -> Iterator[tuple[_Stage, int]]:
        for stage in self._stages:
            for place in range(len(stage.rows)):
                yield stage, place

    def _same_documents(self) -> None:
        """Held-out documents must be the same in all stages, or one stage trains on what another holds out."""
        first: dict[str, tuple[str, Any]] = {}
        for bucket, (stage, place) in zip(self.buckets, self._each_bucket(), strict=True):
            documents = stage.rows[place]["fingerprint"]
            before, known = first.setdefault(bucket.name, (stage.name, documents))
            if known != documents and stage.held_out[place].count:
                raise TrainerError(
                    f"stage {stage.name}: bucket {bucket.name} holds other documents than in stage {before}; build"
                    " both mixtures from one workspace, or set evaluation.documents to 0"
                )


def _folders(settings: TrainSettings, mixtures: Sequence[Path]) -> list[Path]:
    """The mixture of every stage: the one that it names, or the command's."""
    stages = settings.stages
    if len(mixtures) not in (0, 1, len(stages)):
        names = ", ".join(stage.name for stage in stages)
        raise TrainerError(f"--mixture: {len(mixtures)} folders for {len(stages)} stages ({names}); give 1 or all")
    given: list[Path | None] = list(mixtures) if mixtures else [None]
    if len(given) == 1:
        given *= len(stages)
    folders = []
    for stage, mixture in zip(stages, given, strict=True):
        folder = stage.mixture or mixture
        if folder is None:
            raise TrainerError(f"stage {stage.name}: no mixture; give --mixture, or set `mixture` in the stage")
        folders.append(folder)
    return folders


def _fingerprint(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["fingerprint"])
