"""What a person writes to train: the keys of `trainer/configs/<name>.yaml`.

Marco-MoE publishes its stages and their tokens; its learning rates, batch, optimiser and balance loss it does
not. Defaults here are other people's practice; each says whose.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.loading import load_yaml


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScheduleSettings(_Settings):
    """The learning rate of one stage, over the stage's tokens.

    It rises over `warmup_tokens` from `start` to `peak`. `wsd` then stays there and falls to `final` over the
    last `decay_tokens` (Hu et al. 2024, MiniCPM); `cosine` falls to `final` from the end of the warm-up on.
    """

    kind: Literal["wsd", "cosine", "constant"] = "wsd"
    peak: float = Field(gt=0)
    start: float = Field(default=0.0, ge=0)
    final: float = Field(default=0.0, ge=0)
    warmup_tokens: int = Field(default=0, ge=0)
    decay_tokens: int = Field(default=0, ge=0)
    decay_shape: Literal["linear", "sqrt", "cosine"] = "linear"


class StageSettings(_Settings):
    """One stage of the curriculum: which mixture, how many tokens of it, and at which learning rate."""

    name: str = Field(min_length=1)
    tokens: int = Field(gt=0)
    schedule: ScheduleSettings
    mixture: Path | None = None
    """The mixture's folder; by default the one that the command names."""
    max_passes: float = Field(default=1.0, gt=0)
    """How often the mixture may be read from its beginning again. Its own repetitions count besides."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        schedule = self.schedule
        if schedule.warmup_tokens + schedule.decay_tokens > self.tokens:
            raise ValueError(
                f"warmup_tokens {schedule.warmup_tokens} and decay_tokens {schedule.decay_tokens} are more than"
                f" the stage's {self.tokens} tokens; lower them"
            )
        return self


class BatchSettings(_Settings):
    """How many sequences of how many tokens one step takes, over all ranks."""

    sequence_length: int = Field(default=4096, ge=2)
    sequences: int = Field(default=128, ge=1)
    """Of one step, over all ranks. 128 x 4,096 tokens is about 0.5M tokens."""
    micro_sequences: int = Field(default=4, ge=1)
    """That one rank computes at once; the rest of a step is accumulated."""


class OptimizerSettings(_Settings):
    """The optimiser and the memory it takes.

    Bytes a parameter by the moments' type, with float32 gradients; bfloat16 ones take 2 less
    (`trainer/training/memory.py` counts exactly):

    | weights  | update     | float32 | bfloat16 | 8-bit |
    | float32  | exact      |      16 |       12 |    10 |
    | bfloat16 | master     |      18 |       14 |    12 |
    | bfloat16 | stochastic |      14 |       10 |     8 |
    """

    kind: Literal["adamw", "muon"] = "adamw"
    # Betas, decay and clipping: the Drop-Upcycling scripts' values, which are Llama 2's.
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    weights: Literal["float32", "bfloat16"] = "float32"
    update: Literal["exact", "master", "stochastic"] = "exact"
    """Of bfloat16 weights: `master` keeps a float32 copy, `stochastic` rounds at random so that small updates
    are right on average; `exact` is for float32 weights."""
    moments: Literal["float32", "bfloat16", "8-bit"] = "float32"
    """`8-bit`: Dettmers et al. 2022, a scale for 256 elements; embeddings, router and vectors keep float32."""
    gradients: Literal["float32", "bfloat16"] = "float32"
    """Of bfloat16 weights: the type in which a step's batches are summed. Megatron-LM's practice is float32."""
    # Jordan et al. 2024 (Muon): momentum 0.95, Nesterov; the scale that matches AdamW's is Moonlight's (2025).
    momentum: float = Field(default=0.95, ge=0, lt=1)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.weights == "float32") != (self.update == "exact"):
            right = "exact" if self.weights == "float32" else "master or stochastic"
            raise ValueError(f"update {self.update} does not go with {self.weights} weights; write {right}")
        if self.weights == "float32" and self.gradients != "float32":
            raise ValueError("gradients bfloat16 do not go with float32 weights; write float32")
        if self.kind == "muon" and self.moments == "8-bit":
            raise ValueError("moments 8-bit are AdamW's; for muon write bfloat16 or float32")
        return self


class BalanceSettings(_Settings):
    """What keeps the experts evenly loaded.

    The auxiliary loss is counted so that it is 1 a layer when balanced, over the tokens of the whole step on
    all ranks (Qiu et al. 2025). Units: 8e-3 here is what transformers calls `router_aux_loss_coef` 1e-3 with 8
    experts a token, Qwen3-MoE's value.
    """

    auxiliary: float = Field(default=8e-3, ge=0)
    z: float = Field(default=1e-3, ge=0)
    """Weight of the router's z-loss: Zoph et al. 2022 (ST-MoE)."""
    bias: float = Field(default=0.0, ge=0)
    """Step of the loss-free bias (Wang et al. 2024); DeepSeek-V3 takes 1e-3. 0 is off."""


class SpikeSettings(_Settings):
    """Steps whose loss or gradient stands out are not taken: OLMo-core's rule and values."""

    window: int = Field(default=128, ge=8)
    sigmas: float = Field(default=6.0, gt=0)
    most_in_a_row: int = Field(default=10, ge=1)
    """After so many skipped steps in a row the run ends with an error: it is no spike any more."""


class CheckpointSettings(_Settings):
    """When the run is saved and what is kept."""

    every_steps: int = Field(default=1000, ge=1)
    keep_last: int = Field(default=2, ge=1)
    keep_every_steps: int | None = Field(default=None, ge=1)
    """Checkpoints at multiples of this are kept for good; so is the last one of every stage."""
    asynchronous: bool = True


class EvaluationSettings(_Settings):
    """Held-out loss by language and category."""

    every_steps: int = Field(default=500, ge=0)
    """0 is never."""
    documents: int = Field(default=4, ge=0)
    """Of every bucket, kept from training: their tokens carry no loss there. At most half of a bucket."""
    tokens_per_document: int = Field(default=1024, ge=2)
    """Of a document, from its beginning, that are looked at."""


class TrainSettings(_Settings):
    """A whole run; see `load_settings`."""

    model: Path
    """The model's configuration, relative to this file."""
    start_from: Path | None = None
    """A folder of Hugging Face safetensors to start from, such as `babelmix upcycle` writes; without it the
    weights are random."""
    tokenizer: str = "Qwen/Qwen3-0.6B-Base"
    """The tokenizer that the mixtures must have been made with."""
    seed: int = Field(default=0, ge=0)
    stages: tuple[StageSettings, ...] = Field(min_length=1)
    batch: BatchSettings = BatchSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    balance: BalanceSettings = BalanceSettings()
    spikes: SpikeSettings = SpikeSettings()
    checkpoint: CheckpointSettings = CheckpointSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    document_mask: bool = True
    """Whether a document sees only itself."""
    recompute: bool = False
    """Activation checkpointing: a block's activations are computed again in the backward pass."""
    compile: bool = False
    expert_parallel: int = Field(default=1, ge=1)
    """Ranks that share one copy of the experts."""
    threads: int | None = Field(default=None, ge=1)
    """Of the CPU; by default as many as torch takes."""
    rank_timeout_minutes: float = Field(default=10.0, gt=0)
    """How long a rank waits for another before the run ends."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError(f"stages: two have the same name in {', '.join(names)}; rename one")
        if self.optimizer.kind == "muon" and self.optimizer.update == "stochastic":
            raise ValueError("optimizer: muon does not round stochastically; write update: master")
        return self


def load_settings(path: Path) -> TrainSettings:
    """The settings in the file at `path`, with the paths in it made relative to its folder.

    Raises:
        BabelmixError: the file cannot be read, has an unknown key or a value out of range.
    """
    settings = load_yaml(path, TrainSettings)
    folder = path.parent
    stages = tuple(
        stage.model_copy(update={"mixture": folder / stage.mixture if stage.mixture else None})
        for stage in settings.stages
    )
    start = folder / settings.start_from if settings.start_from else None
    return settings.model_copy(update={"model": folder / settings.model, "stages": stages, "start_from": start})
