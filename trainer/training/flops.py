"""What a token costs and what a device can do: the formula behind MFU."""

from dataclasses import dataclass
from typing import Final

import torch

from trainer.configuration import ModelConfig

# Dense bfloat16 peaks in FLOP/s, from NVIDIA's data sheets (without sparsity).
_PEAKS: Final = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "B200": 2250e12, "L40S": 362e12}


@dataclass(frozen=True, slots=True)
class Cost:
    """FLOPs of one token, forward and backward, and how they were counted."""

    flops: float
    formula: str


def token_cost(config: ModelConfig, length: int) -> Cost:
    """The FLOPs of one token in a sequence of `length` tokens.

    6 for each parameter that a token meets (2 forward, 4 backward), where the tied embedding counts once, as the
    head. Attention's scores and sums are 6 x layers x heads x head size x length, half of the full square because
    a token sees only what lies before it; what document masks save is not deducted. Recomputation is not counted.
    """
    active = config.parameters().active
    if not config.tie_word_embeddings:
        active -= config.vocab_size * config.hidden_size
    width = config.num_attention_heads * config.head_dim
    attention = 6 * config.num_hidden_layers * width * length
    flops = 6.0 * active + attention
    formula = (
        f"6 x {active:,} active parameters + 6 x {config.num_hidden_layers} layers x {width} x {length} positions"
        f" = {flops / 1e9:.3g} GFLOP a token"
    )
    return Cost(flops, formula)


def peak_flops(device: torch.device) -> tuple[str, float] | None:
    """The device's name and its dense bfloat16 peak in FLOP/s; None where it is not known, as for CPUs."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next(((name, peak) for key, peak in _PEAKS.items() if key in name), None)
