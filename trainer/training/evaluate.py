"""Held-out loss by language and category, and lm-evaluation-harness' tasks where it is installed."""

import importlib.util
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from trainer.errors import TrainerError
from trainer.training.data import NO_LABEL, Batch, Bucket
from trainer.training.distributed import Ranks
from trainer.training.exporting import export_checkpoint
from trainer.training.saved import STATE_FILE

# Rows are padded to a multiple of this.
_ROUND: Final = 16


@dataclass(frozen=True, slots=True)
class HeldOutLoss:
    """Nats a token, by `language/<code>` and `category/<name>`, and over all tokens as `all`."""

    losses: dict[str, float]
    tokens: dict[str, int]


class HeldOutDocuments:
    """The held-out documents of all buckets, packed into rows; buckets are dealt out to the ranks."""

    def __init__(
        self,
        buckets: Iterable[tuple[Bucket, Sequence[npt.NDArray[np.uint32]]]],
        length: int,
        rows: int,
        most: int,
        ranks: Ranks,
    ) -> None:
        self._ranks = ranks
        self._buckets: list[Bucket] = []
        self._batches: list[list[Batch]] = []
        for bucket, documents in buckets:
            self._buckets.append(bucket)
            cut = [document[: min(most, length)].astype(np.int64) for document in documents]
            self._batches.append(list(_packed(cut, length, rows)))

    def __len__(self) -> int:
        return len(self._buckets)

    @torch.no_grad()
    def losses(self, model: Any) -> HeldOutLoss:
        """The losses of `model`; all ranks must call it."""
        ranks = self._ranks
        # Every rank computes as many batches as any other, as ranks that gather each other's weights must.
        mine = [place for place in range(len(self)) if place % ranks.count == ranks.rank]
        work = [(place, batch) for place in mine for batch in self._batches[place]]
        most = max(
            sum(len(self._batches[place]) for place in range(rank, len(self), ranks.count))
            for rank in range(ranks.count)
        )
        found = torch.zeros(len(self), 2, dtype=torch.float64, device=ranks.device)
        for turn in range(most):
            place, batch = work[turn] if turn < len(work) else (None, self._batches[0][0])
            tokens, labels, documents = (
                part.to(ranks.device) for part in (batch.tokens, batch.labels, batch.documents)
            )
            parts = model.loss(tokens, labels, documents)
            if place is not None:
                found[place, 0] += parts.cross_entropy.double()
                found[place, 1] += parts.labelled
        ranks.sum(found)
        nats: dict[str, float] = defaultdict(float)
        count: dict[str, int] = defaultdict(int)
        for bucket, (loss, tokens) in zip(self._buckets, found.tolist(), strict=True):
            for name in (f"language/{bucket.language}", f"category/{bucket.category}", "all"):
                nats[name] += loss
                count[name] += int(tokens)
        losses = {name: nats[name] / count[name] for name in sorted(nats) if count[name]}
        return HeldOutLoss(losses, {name: count[name] for name in losses})


def _packed(documents: list[npt.NDArray[np.int64]], length: int, rows: int) -> Iterable[Batch]:
    """Documents in rows of at most `length` tokens, the longest first, `rows` rows a batch."""
    filled: list[list[npt.NDArray[np.int64]]] = []
    for document in sorted(documents, key=len, reverse=True):
        room = (row for row in filled if sum(map(len, row)) + len(document) <= length)
        if (row := next(room, None)) is not None:
            row.append(document)
        elif len(document) > 1:
            filled.append([document])
    for start in range(0, len(filled), rows):
        part = filled[start : start + rows]
        width = min(length, -(-max(sum(map(len, row)) for row in part) // _ROUND) * _ROUND)
        tokens = np.zeros((len(part), width), dtype=np.int64)
        labels = np.full((len(part), width), NO_LABEL, dtype=np.int64)
        numbers = np.full((len(part), width), -1, dtype=np.int32)  # what pads a row is a document of its own
        for place, row in enumerate(part):
            at = 0
            for number, document in enumerate(row):
                tokens[place, at : at + len(document)] = document
                labels[place, at : at + len(document) - 1] = document[1:]
                numbers[place, at : at + len(document)] = number
                at += len(document)
        yield Batch(*map(torch.from_numpy, (tokens, labels, numbers)))


def run_tasks(model: Path, tasks: Sequence[str], task_folder: Path | None = None, limit: int | None = None) -> Any:
    """lm-evaluation-harness' results of `tasks` on an exported model, as its `simple_evaluate` returns them.

    `model` is a folder that transformers opens, or a training checkpoint, which is exported to a folder that is
    gone again afterwards; `task_folder` one with task files of one's own, whose data may lie on disk. Nothing is
    fetched that the tasks do not ask for.

    Raises:
        TrainerError: lm-evaluation-harness is not installed, the folder is neither, or a task is unknown.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise TrainerError("evaluate: lm-evaluation-harness is not installed; pip install 'babelmix[evaluate]'")
    if (model / STATE_FILE).is_file():
        with tempfile.TemporaryDirectory() as folder:
            exported = Path(folder) / model.name
            export_checkpoint(model, exported)
            return run_tasks(exported, tasks, task_folder, limit)
    if not (model / "config.json").is_file():
        raise TrainerError(f"{model}: neither a model (config.json) nor a training checkpoint ({STATE_FILE})")
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(task_folder) if task_folder else None)
    if unknown := [task for task in tasks if task not in manager.all_tasks]:
        raise TrainerError(f"evaluate: no task {unknown[0]!r}; `lm_eval ls tasks` shows them")
    arguments = f"pretrained={model},trust_remote_code=False"
    return simple_evaluate(
        model="hf",
        model_args=arguments,
        tasks=list(tasks),
        task_manager=manager,
        limit=limit,
        # Its own default asks a CUDA that is not there.
        device="cuda" if torch.cuda.is_available() else "cpu",
    )
