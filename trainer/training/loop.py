"""The training loop: a step at a time, until the stages are through or someone asks it to stop."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainer.errors import TrainerError
from trainer.training.balance import StepLoad, biases_of, measured_load, move_bias
from trainer.training.checkpoint import Checkpoints
from trainer.training.data import NO_LABEL, Batch, Bucket, Curriculum, StepData
from trainer.training.distributed import Ranks
from trainer.training.evaluate import HeldOutDocuments
from trainer.training.gradients import GradientSums
from trainer.training.optimizer import Optimizer
from trainer.training.progress import Progress, StepFigures
from trainer.training.saved import Saved, load_tensors
from trainer.training.schedule import learning_rate
from trainer.training.served import served_line, served_row, stage_shares
from trainer.training.settings import TrainSettings
from trainer.training.spikes import SpikeDetector


@dataclass(frozen=True, slots=True)
class _Computed:
    """What a step's gradients came with, over all ranks; losses are means over the step."""

    loss: float
    balance: float
    z: float
    norm: float
    counts: torch.Tensor | None
    stop: bool


class Loop:
    """A run of `curriculum` with `model` and `optimizer`; what happens is told to `progress` and `checkpoints`."""

    def __init__(
        self,
        settings: TrainSettings,
        model: Any,
        optimizer: Optimizer,
        curriculum: Curriculum,
        checkpoints: Checkpoints,
        held_out: HeldOutDocuments | None,
        ranks: Ranks,
    ) -> None:
        self._settings, self._model, self._optimizer = settings, model, optimizer
        self._curriculum, self._checkpoints, self._ranks = curriculum, checkpoints, ranks
        self._held_out = held_out
        self._spikes = SpikeDetector(settings.spikes)
        self._sums = GradientSums(model) if settings.optimizer.gradients == "float32" else None
        self._served = np.zeros(len(curriculum.buckets), dtype=np.int64)
        self.step = 0
        """Steps done, skipped ones included."""
        self._vocabulary: int = model.config.vocab_size

    def resume(self, saved: Saved) -> None:
        """Goes on from a checkpoint.

        Raises:
            TrainerError: it was made with other data or another model, or cannot be read.
        """
        facts = saved.facts
        wanted = self._curriculum.identity(saved.step)
        if facts["identity"] != wanted:
            key = next(key for key in wanted if facts["identity"].get(key) != wanted[key])
            raise TrainerError(
                f"{saved.folder}: made with other {key} than this run's; use the same mixtures and batch, or"
                " another --output"
            )
        load_tensors(saved, self._tensors(), self._ranks)
        self._spikes.load(facts["spikes"])
        self._optimizer.steps = facts["optimizer_steps"]
        served = {(stage, name): tokens for stage, name, tokens in facts["served"]}
        names = [self._named(bucket) for bucket in self._curriculum.buckets]
        self._served[:] = [served.get(name, 0) for name in names]
        self.step = saved.step

    def run(self, progress: Progress) -> bool:
        """Trains to the end, or until the process is asked to stop; whether it came to the end.

        Raises:
            TrainerError: too many steps in a row were spikes; a token is outside the vocabulary; the last
                checkpoint could not be written.
        """
        curriculum, every = self._curriculum, self._settings.checkpoint.every_steps
        if self.step == 0:
            self._evaluate(progress)
        due = False
        with _asked_to_stop() as asked:
            for data in curriculum.read(self.step, self._ranks.rank, self._ranks.count):
                stage = curriculum.last_stage(data.number)
                stopped = self._take(data, progress, asked)
                last = self.step == curriculum.steps
                # A step that holds the end of a stage and the next one's beginning comes after the checkpoint:
                # another run can branch off there.
                stage_ends = last or curriculum.last_stage(self.step) != stage
                if self._settings.evaluation.every_steps and (
                    stage_ends or self.step % self._settings.evaluation.every_steps == 0
                ):
                    self._evaluate(progress)
                if stage_ends:
                    self._report_served(stage, progress)
                due = due or self.step % every == 0
                # What made steps be skipped may have spoiled the weights: until one is taken again, nothing that
                # is spoiled takes the place of a checkpoint that is not.
                if stage_ends or stopped or (due and not self._spikes.in_a_row):
                    self._save(progress, keep=stage_ends)
                    due = False
                self._checkpoints.poll()
                if stopped and not last:
                    break
        self._checkpoints.finish()
        return self.step == curriculum.steps

    def _take(self, data: StepData, progress: Progress, asked: threading.Event) -> bool:
        """Takes one step, or skips it; whether any rank was asked to stop."""
        settings = self._settings
        stage, seen, total = self._curriculum.stage_of(data.number)
        rate = learning_rate(settings.stages[stage].schedule, seen, total)
        computed = self._compute(data, asked)
        if data.number and self._curriculum.last_stage(data.number) != self._curriculum.last_stage(
            data.number - 1
        ):
            self._spikes.forget()
        spike = self._spikes.judge(computed.loss, computed.norm)
        if spike is None:
            self._clip(computed.norm)
            self._optimizer.step(rate)
            if settings.balance.bias and computed.counts is not None:
                move_bias(biases_of(self._model), computed.counts, settings.balance.bias)
        self._optimizer.zero_grad()
        self.step = data.number + 1
        counts = computed.counts
        tokens = self.step * settings.batch.sequences * settings.batch.sequence_length
        progress.step(
            StepFigures(
                step=self.step,
                tokens=tokens,
                stage=settings.stages[stage].name,
                loss=computed.loss,
                balance=computed.balance,
                z=computed.z,
                norm=computed.norm,
                rate=rate,
                load=None if counts is None else measured_load(counts),
                skipped=self._skipped(data.number, spike) if spike else None,
            )
        )
        if self._spikes.in_a_row > settings.spikes.most_in_a_row:
            self._checkpoints.finish()
            raise TrainerError(
                f"step {self.step}: {self._spikes.in_a_row} steps in a row were skipped, the last for {spike}; the"
                " checkpoints are as they were; lower the learning rate or look at these sequences"
            )
        return computed.stop

    def _skipped(self, step: int, spike: object) -> str:
        size = self._settings.batch.sequences
        return f"{spike} (sequences {step * size} to {(step + 1) * size - 1})"

    def _compute(self, data: StepData, asked: threading.Event) -> _Computed:
        """The gradients of a step, and what came with them."""
        balance, ranks = self._settings.balance, self._ranks
        batches = [self._moved(batch, data.number) for batch in data.batches]
        labelled = ranks.sum(torch.stack([(batch.labels != NO_LABEL).sum() for batch in batches]).sum())
        share = 1.0 / (len(batches) * ranks.count)
        load = StepLoad(ranks)
        sums = torch.zeros(4 + len(self._served), dtype=torch.float64, device=ranks.device)
        for batch in batches:
            documents = batch.documents if self._settings.document_mask else None
            parts = self._model.loss(batch.tokens, batch.labels, documents, load)
            loss = parts.cross_entropy / labelled.clamp(min=1)
            (loss + share * (balance.auxiliary * parts.balance + balance.z * parts.z)).backward()
            with torch.no_grad():
                sums[:3] += torch.stack([loss, share * parts.balance, share * parts.z]).double()
        if self._sums is not None:
            self._sums.finish()
        sums[3] = float(asked.is_set())
        sums[4:] = torch.from_numpy(data.served).to(ranks.device)
        ranks.sum(sums)
        figures = sums.tolist()
        self._served += np.array(figures[4:], dtype=np.int64)
        loss_sum, balance_sum, z_sum, stops = figures[:4]
        return _Computed(loss_sum, balance_sum, z_sum, self._norm(), load.counts, stops > 0)

    def _moved(self, batch: Batch, step: int) -> Batch:
        highest = int(batch.tokens.max())
        if highest >= self._vocabulary:
            raise TrainerError(
                f"step {step + 1}: token {highest} is outside the model's vocabulary of {self._vocabulary}; the"
                " mixture was made with another tokenizer"
            )
        device = self._ranks.device
        parts = (batch.tokens, batch.labels, batch.documents)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))

    def _norm(self) -> float:
        """The norm of all gradients; a parameter's parts lie on one rank each."""
        gradients = [_local(each.grad) for each in self._model.parameters() if each.grad is not None]
        norms = torch.stack(torch._foreach_norm([each for each in gradients if each.numel()], 2, torch.float32))
        return float(self._ranks.sum(norms.double().square().sum()).sqrt())

    def _clip(self, norm: float) -> None:
        limit = self._settings.optimizer.clip_norm
        if norm > limit:
            gradients = [_local(each.grad) for each in self._model.parameters() if each.grad is not None]
            torch._foreach_mul_(gradients, limit / norm)

    def _evaluate(self, progress: Progress) -> None:
        held_out = self._held_out
        if not self._settings.evaluation.every_steps or held_out is None or not len(held_out):
            return

        def evaluate() -> None:
            found = held_out.losses(self._model)
            losses = {name: round(loss, 5) for name, loss in found.losses.items()}
            progress.note({"kind": "held_out", "step": self.step, "losses": losses, "tokens": found.tokens})
            progress.held_out(self.step, losses)
            languages = {name: loss for name, loss in losses.items() if name.startswith("language/")}
            worst = max(languages, key=lambda name: languages[name])
            progress.say(
                f"step {self.step}  held out {losses['all']:.4f} over {found.tokens['all']:,} tokens of"
                f" {len(languages)} languages; highest {worst.removeprefix('language/')} {languages[worst]:.4f}"
            )

        progress.pause(evaluate)

    def _report_served(self, stage: int, progress: Progress) -> None:
        shares = stage_shares(self._curriculum.buckets, self._served, stage)
        name = self._settings.stages[stage].name
        progress.note(served_row(self.step, name, shares))
        progress.say(served_line(name, shares))

    def _save(self, progress: Progress, keep: bool) -> None:
        facts = {
            "tokens": self.step * self._settings.batch.sequences * self._settings.batch.sequence_length,
            "identity": self._curriculum.identity(self.step),
            "optimizer_steps": self._optimizer.steps,
            "spikes": self._spikes.state(),
            "served": [
                [*self._named(bucket), tokens]
                for bucket, tokens in zip(self._curriculum.buckets, self._served.tolist(), strict=True)
                if tokens
            ],
            "model": self._model.config.model_dump(),
            "settings": self._settings.model_dump(mode="json"),
            "ranks": self._ranks.count,
        }
        progress.pause(lambda: self._checkpoints.save(self.step, self._tensors(), facts, keep))

    def _named(self, bucket: Bucket) -> tuple[str, str]:
        return self._settings.stages[bucket.stage].name, bucket.name

    def _tensors(self) -> Mapping[str, torch.Tensor]:
        """All that is saved, by name: weights and router biases as the model names them, optimiser states."""
        model = {name: tensor.detach() for name, tensor in self._model.state_dict().items()}
        return model | {f"optimizer.{name}": tensor for name, tensor in self._optimizer.tensors()}


def _local(tensor: Any) -> torch.Tensor:
    local: torch.Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return local


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that is set when the process is asked to end: the step is finished and saved first."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    kinds = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(kind, lambda *_: asked.set()) for kind in kinds]
    try:
        yield asked
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)
