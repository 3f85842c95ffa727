"""What a run holds on each rank before the first activation: weights, gradients and the optimiser's states."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.model.transformer import Transformer
from trainer.training.building import in_types
from trainer.training.distributed import Ranks
from trainer.training.optimizer import Optimizer
from trainer.training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes over all ranks, each of which holds an equal part."""

    parameters: int
    weights: int
    gradients: int
    states: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.states

    def line(self, ranks: int) -> str:
        """One line, of what each of `ranks` holds."""
        weights, gradients, states = (
            f"{part / ranks / 2**30:.2f}" for part in (self.weights, self.gradients, self.states)
        )
        each = "" if ranks == 1 else " a rank"
        return (
            f"memory{each}: weights {weights}, gradients {gradients}, optimiser {states} GiB"
            f" ({self.total / self.parameters:.2f} bytes a parameter); activations come on top"
        )


def needed(config: ModelConfig, settings: TrainSettings) -> Memory:
    """What a run of `config` will hold, counted on tensors that take no memory."""
    with torch.device("meta"):
        model = Transformer(config)
    in_types(model, settings)
    named = list(model.named_parameters())
    weights = _bytes(weight for _, weight in named)
    summed = settings.optimizer.gradients == "float32"
    gradients = sum(weight.numel() * (4 if summed else weight.element_size()) for _, weight in named)
    states = _bytes(tensor for _, tensor in Optimizer(named, settings.optimizer).tensors())
    return Memory(sum(weight.numel() for _, weight in named), weights, gradients, states)


def must_fit(memory: Memory, ranks: Ranks) -> None:
    """Refuses a run whose states alone are more than a GPU holds, before it takes any of it.

    Raises:
        TrainerError: they are; says what takes less.
    """
    if ranks.device.type != "cuda":
        return
    there = torch.cuda.get_device_properties(ranks.device).total_memory
    if memory.total / ranks.count > there:
        raise TrainerError(
            f"optimizer: {memory.line(ranks.count)}; a GPU has {there / 2**30:.0f} GiB: take more GPUs, or"
            " `update: stochastic`, `moments: 8-bit` and `gradients: bfloat16`"
        )


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
