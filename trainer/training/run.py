"""`babelmix train`: a configuration and a mixture to a trained model."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import torch

from trainer.configuration import ModelConfig, load_model_config
from trainer.errors import TrainerError
from trainer.hugging_face import Checkpoint
from trainer.training.building import build_model, fill, random_weights
from trainer.training.checkpoint import Checkpoints
from trainer.training.cpu_memory import keep_freed_memory
from trainer.training.data import Curriculum
from trainer.training.distributed import Ranks, started
from trainer.training.evaluate import HeldOutDocuments
from trainer.training.flops import peak_flops, token_cost
from trainer.training.loop import Loop
from trainer.training.memory import Memory, must_fit, needed
from trainer.training.optimizer import Optimizer
from trainer.training.progress import METRICS_FILE, Progress
from trainer.training.settings import TrainSettings, load_settings

# Of a model's configuration: what does not say which weights it has.
_MAY_DIFFER: Final = (
    "max_position_embeddings",
    "initializer_range",
    "intermediate_size",
    "bos_token_id",
    "eos_token_id",
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run left: its folder, the steps done, and whether it came to its end."""

    folder: Path
    steps: int
    finished: bool

    @property
    def metrics(self) -> Path:
        """The JSON lines, a row a step."""
        return self.folder / METRICS_FILE

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"


def train(
    config: Path, mixture: Path | Sequence[Path], output: Path | None = None, out: TextIO | None = None
) -> Trained:
    """Trains what the file `config` says on `mixture`: one folder for all stages, or one for each.

    `output` is the run's folder, by default `training/<name of the configuration>` in the mixture's workspace. A
    run that is there goes on from its last whole checkpoint. Asked to end (Ctrl-C, SIGTERM) it saves first. On
    several GPUs: `torchrun --standalone --nproc-per-node 8 --no-python babelmix train ...`; on several machines
    with torchrun's `--nnodes` and `--rdzv-endpoint`.

    Raises:
        BabelmixError: the configuration, a mixture or a checkpoint is not what it should be, or training cannot
            go on; one line.
    """
    settings = load_settings(config)
    mixtures = [mixture] if isinstance(mixture, str | Path) else list(mixture)
    return run(settings, [Path(each) for each in mixtures], output, config.stem, out)


def run(
    settings: TrainSettings,
    mixtures: Sequence[Path],
    output: Path | None = None,
    name: str = "run",
    out: TextIO | None = None,
) -> Trained:
    """As `train`, of settings that are loaded; `name` is the default folder's."""
    model_config = load_model_config(settings.model)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    with started(settings.rank_timeout_minutes) as ranks:
        if ranks.device.type == "cpu":
            keep_freed_memory()
        curriculum = Curriculum(settings, mixtures)
        folder = output or curriculum.workspace / "training" / name
        # Only the first rank speaks.
        quiet = None if ranks.first else Path(os.devnull).open("w")  # noqa: SIM115 (as long as the process)
        out = quiet or out or sys.stdout
        return _run(settings, model_config, curriculum, folder, ranks, out)


def _run(
    settings: TrainSettings,
    config: ModelConfig,
    curriculum: Curriculum,
    folder: Path,
    ranks: Ranks,
    out: TextIO,
) -> Trained:
    def say(line: str) -> None:
        print(line, file=out, flush=True)

    curriculum.read(0, ranks.rank, ranks.count)  # whether ranks and batch fit is known before anything is made
    checkpoints = Checkpoints(folder / "checkpoints", settings.checkpoint, ranks, say)
    saved = checkpoints.newest()
    memory = needed(config, settings)
    must_fit(memory, ranks)
    model = build_model(config, settings, ranks)
    if saved is None:
        fill(model, _start(settings, config))
    optimizer = Optimizer(model.named_parameters(), settings.optimizer, settings.seed + ranks.rank)
    if settings.compile and ranks.device.type == "cuda":
        optimizer.compile()
    held_out = None
    if settings.evaluation.every_steps:
        held_out = HeldOutDocuments(
            curriculum.held_out(),
            settings.batch.sequence_length,
            settings.batch.micro_sequences,
            settings.evaluation.tokens_per_document,
            ranks,
        )
    loop = Loop(settings, model, optimizer, curriculum, checkpoints, held_out, ranks)
    if saved is not None:
        loop.resume(saved)
        say(f"goes on from {saved.folder}")
    if loop.step >= curriculum.steps:
        say(f"{folder}: finished already, {loop.step} steps; give another --output to train anew")
        return Trained(folder, loop.step, True)
    for line in _said_first(settings, config, curriculum, ranks, memory):
        say(line)
    batch = settings.batch
    cost, peak = token_cost(config, batch.sequence_length), peak_flops(ranks.device)
    progress = Progress(
        folder if ranks.first else None,
        loop.step,
        curriculum.steps,
        batch.sequences * batch.sequence_length,
        cost,
        peak[1] * ranks.count if peak else None,
        out,
    )
    try:
        finished = loop.run(progress)
    finally:
        progress.close()
    if not finished:
        say(f"stopped after step {loop.step}, which is saved; the same command goes on from there")
    return Trained(folder, loop.step, finished)


def _start(settings: TrainSettings, config: ModelConfig) -> Callable[[str, torch.Size], torch.Tensor]:
    """What gives a new run's weights by name: random ones, or those of the model that it starts from."""
    if settings.start_from is None:
        return random_weights(config, settings.seed)
    checkpoint = Checkpoint(settings.start_from)
    for key, wanted in config.model_dump().items():
        found = getattr(checkpoint.config, key)
        if found != wanted and key not in _MAY_DIFFER:
            raise TrainerError(
                f"{settings.start_from}: {key} is {found}, {settings.model} says {wanted}; start from a model of"
                " that configuration"
            )
    return lambda name, _: checkpoint.read(name)


def _said_first(
    settings: TrainSettings, config: ModelConfig, curriculum: Curriculum, ranks: Ranks, memory: Memory
) -> list[str]:
    """What the run will do, before it does it."""
    parameters = config.parameters()
    batch = settings.batch
    cost, peak = token_cost(config, batch.sequence_length), peak_flops(ranks.device)
    tokens = curriculum.steps * batch.sequences * batch.sequence_length
    measure = f"MFU = tokens/s x that / {peak[1] / 1e12:,.0f} TFLOP/s ({peak[0]}, bfloat16)" if peak else "no MFU"
    return [
        f"{parameters.total:,} parameters, {parameters.active:,} active; {curriculum.steps} steps of"
        f" {batch.sequences} x {batch.sequence_length} tokens, {tokens:,} in all, on {ranks.count} x"
        f" {ranks.device.type}",
        f"{cost.formula}; {measure}",
        memory.line(ranks.count),
    ]
