"""Which experts a token goes to, and with which weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.configuration import ModelConfig


@dataclass(frozen=True, slots=True)
class Routing:
    """A layer's decision for T tokens, K experts each of E.

    `logits` (T, E) float32, `chosen` (T, K) int64, `weights` (T, K) float32.
    """

    logits: Tensor
    chosen: Tensor
    weights: Tensor


class Router(nn.Module):
    """Softmax over all experts, the K greatest kept, their weights normalised where the configuration says so.

    In float32 whatever the model's type: rows that are equal by design, as a copy's slices are after upcycling,
    must not tie with others by rounding.
    """

    balance_bias: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.per_token = config.num_experts_per_tok
        self.normalised = config.norm_topk_prob
        self.weight = nn.Parameter(torch.empty(config.num_experts, config.hidden_size))
        # Wang et al. 2024: added for the choice only, moved after each step against the load. Zero is off.
        self.register_buffer("balance_bias", torch.zeros(config.num_experts))

    def forward(self, x: Tensor) -> Routing:
        """`x` is (T, hidden)."""
        # Autocast would make it bfloat16 again.
        with torch.autocast(x.device.type, enabled=False):
            logits = functional.linear(x.float(), self.weight.float())
        scores = logits.softmax(dim=-1)
        # The order of equal scores must not depend on the sort of a device, hence no topk of biased scores
        # without need: without a bias the choice is the plain one.
        chosen = (scores.detach() + self.balance_bias.float()).topk(self.per_token, dim=-1).indices
        weights = scores.gather(1, chosen)
        if self.normalised:
            weights = weights / weights.sum(dim=-1, keepdim=True)
        return Routing(logits, chosen, weights)
