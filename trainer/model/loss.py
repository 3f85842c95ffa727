"""The losses: cross-entropy without ever holding all logits, load balance and the router's z-loss."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

IGNORED: Final = -100
"""The label of a token that carries no loss."""

# Logits held at once, in float32 elements: 64 MB on a CPU; on a GPU 2 GB, for products of a few thousand rows.
_ELEMENTS: Final = {"cpu": 1 << 24, "cuda": 1 << 29}


@dataclass(frozen=True, slots=True)
class LossParts:
    """What a batch's loss is made of; the first three carry gradients.

    `cross_entropy` is the sum over labelled tokens, in nats, and `labelled` their number, so that a step over
    many batches and ranks can divide by all of its tokens. `balance` is 1 at even load, the mean over layers;
    `z` is the mean over tokens and layers. `counts` (layers, experts) int64 is how many pairs of token and
    expert each expert took. A dense model has balance and z 0 and counts of shape (0, 0).
    """

    cross_entropy: Tensor
    labelled: Tensor
    balance: Tensor
    z: Tensor
    counts: Tensor


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Sum of the cross-entropies of `hidden @ head.T`, with the gradients made beside the logits.

    So a chunk's logits are computed once and forgotten, at the price of the gradients held from the forward
    pass on: one tensor like `hidden` and one like `head`.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor, chunk: int) -> Tensor:
        wanted = any(ctx.needs_input_grad)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        of_hidden = torch.empty_like(hidden) if wanted else None
        # Summed over chunks in float32, as a product over all tokens at once would be.
        of_head = torch.zeros_like(head, dtype=torch.float32) if wanted else None
        for start in range(0, hidden.shape[0], chunk):
            part, label = hidden[start : start + chunk], labels[start : start + chunk]
            labelled = label != IGNORED
            target = label.clamp(min=0).unsqueeze(1)
            scores = functional.log_softmax(functional.linear(part, head), dim=-1, dtype=torch.float32)
            losses = scores.gather(1, target).squeeze(1).neg_()
            total += torch.where(labelled, losses, 0.0).sum()
            if of_hidden is None or of_head is None:
                continue
            # Softmax minus the label's one, in the scores' own memory.
            slope = scores.exp_()
            slope.scatter_add_(1, target, torch.full_like(target, -1, dtype=slope.dtype))
            slope = slope.mul_(labelled.unsqueeze(1)).to(hidden.dtype)
            torch.mm(slope, head, out=of_hidden[start : start + chunk])
            if head.dtype == torch.float32:
                of_head.addmm_(slope.T, part)
            else:
                of_head.add_(torch.mm(slope.T, part))
        ctx.save_for_backward(of_hidden, of_head)
        ctx.types = hidden.dtype, head.dtype
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        of_hidden, of_head = ctx.saved_tensors
        hidden_type, head_type = ctx.types
        # In place: nothing else holds them, and the head's is as large as the embedding.
        return of_hidden.mul_(gradients[0]).to(hidden_type), of_head.mul_(gradients[0]).to(head_type), None, None


def cross_entropy(hidden: Tensor, head: Tensor, labels: Tensor, chunk: int | None = None) -> Tensor:
    """The sum over labelled tokens of the cross-entropy in nats, float32.

    Args:
        hidden: (T, hidden), after the last norm.
        head: (vocabulary, hidden).
        labels: (T,) int64, the token to be foretold; `IGNORED` where there is none.
        chunk: tokens whose logits are held at once; by default as many as make 64M logits.
    """
    summed: Any = _ChunkedCrossEntropy.apply
    result: Tensor = summed(
        hidden, head, labels, chunk or max(1, _ELEMENTS.get(hidden.device.type, 1 << 24) // head.shape[0])
    )
    return result


def balance_loss(probabilities: Tensor, counts: Tensor) -> Tensor:
    """How uneven the load is: experts x sum of share of pairs x mean probability; 1 when even.

    Fedus et al. 2021 (Switch) for one layer, with shares that add up to 1 as Megatron and OLMo-core count them;
    transformers' value is num_experts_per_tok times as large. The gradient goes through the probabilities.

    Args:
        probabilities: (layers, experts), the mean over the tokens here.
        counts: (layers, experts), pairs that each expert took, here or over a whole step on all ranks.
    """
    shares = counts.float() / counts.sum(dim=-1, keepdim=True).clamp(min=1)
    return counts.shape[-1] * (shares * probabilities).sum(dim=-1).mean()


def z_loss(logits: Tensor) -> Tensor:
    """The mean squared log of the router's normaliser (Zoph et al. 2022); `logits` are (T, experts)."""
    return logits.logsumexp(dim=-1).square().mean()
