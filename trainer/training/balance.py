"""The experts' load: what the balance is measured against, the loss-free bias, and figures of the load."""

from dataclasses import dataclass
from typing import Any

import torch

from trainer.training.distributed import Ranks


@dataclass(frozen=True, slots=True)
class Load:
    """How evenly the experts were used, from the counts of one step.

    `worst` is the busiest expert's load over the mean, the largest of all layers, and `mean_worst` its mean over
    layers; 1 is even. `variation` is the coefficient of variation, `idle` the share of experts that took nothing.
    """

    worst: float
    mean_worst: float
    variation: float
    idle: float


def measured_load(counts: torch.Tensor) -> Load | None:
    """The load of `counts` (layers, experts); None for a model without experts."""
    if not counts.numel():
        return None
    load = counts.double()
    mean = load.mean(dim=1, keepdim=True).clamp(min=1e-9)
    worst = (load / mean).amax(dim=1)
    variation = (load.std(dim=1, correction=0) / mean.squeeze(1)).mean()
    return Load(float(worst.max()), float(worst.mean()), float(variation), float((load == 0).double().mean()))


class StepLoad:
    """The counts of a step so far, over all ranks and the batches that were computed.

    It is what `Transformer.loss` takes as `load`. The auxiliary loss of a batch is measured against the load of
    the whole step up to it (Qiu et al. 2025, "Demons in the Detail"): against a single batch it would force
    every batch, and so every language, to use all experts alike.
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self.counts: torch.Tensor | None = None

    def __call__(self, counts: torch.Tensor) -> torch.Tensor:
        """Adds a batch's counts (layers, experts) of all ranks; the step's counts so far."""
        counts = self._ranks.sum(counts.clone())
        self.counts = counts if self.counts is None else self.counts + counts
        return self.counts


@torch.no_grad()
def move_bias(biases: list[torch.Tensor], counts: torch.Tensor, step: float) -> None:
    """Moves each layer's bias (experts,) by `step` towards the experts that took less than their share.

    Wang et al. 2024, "Auxiliary-loss-free load balancing". `counts` are (layers, experts).
    """
    for bias, load in zip(biases, counts.to(torch.float32), strict=True):
        bias.add_(torch.sign(load.mean() - load).to(bias.device), alpha=step)


def biases_of(model: Any) -> list[torch.Tensor]:
    """The router biases of `model`'s layers, in order."""
    return [buffer for name, buffer in model.named_buffers() if name.endswith("balance_bias")]
