"""A layer of experts: tokens sorted by expert, one grouped matrix product for all of them, and back again."""

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.configuration import ModelConfig
from trainer.model.router import Router, Routing

_GROUPED_MM: Final[Any] = getattr(functional, "grouped_mm", None)


@dataclass(frozen=True, slots=True)
class Order:
    """Where each of T x K pairs of token and expert stands when they are sorted by expert.

    `pairs` (T*K,) the pair at each sorted row, `rows` (T, K) the sorted row of each pair, `ends` (E,) int32
    the row after each expert's last.
    """

    pairs: Tensor
    rows: Tensor
    ends: Tensor

    @classmethod
    def of(cls, chosen: Tensor, experts: int) -> "Order":
        """The order of `chosen` (T, K). All on the device, without waiting for it."""
        by_expert, pairs = chosen.reshape(-1).sort(stable=True)
        rows = torch.empty_like(pairs)
        rows[pairs] = torch.arange(pairs.numel(), device=pairs.device)
        every = torch.arange(experts, device=pairs.device)
        return cls(pairs, rows.view_as(chosen), torch.searchsorted(by_expert, every, right=True, out_int32=True))

    def counts(self) -> Tensor:
        """(E,) int64: how many rows each expert has."""
        return self.ends.long().diff(prepend=self.ends.new_zeros(1, dtype=torch.long))


class _Spread(torch.autograd.Function):
    """Tokens (T, hidden) to their rows (T*K, hidden); its gradient is `_Gather`'s sum in a fixed order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pairs: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(pairs, rows)
        return x.index_select(0, pairs // rows.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        _, rows = ctx.saved_tensors
        return _summed(gradients[0], rows), None, None


class _Gather(torch.autograd.Function):
    """Rows (T*K, hidden) summed for each token to (T, hidden), always in the same order: no atomic additions."""

    @staticmethod
    def forward(ctx: Any, outputs: Tensor, pairs: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(pairs, rows)
        return _summed(outputs, rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        pairs, rows = ctx.saved_tensors
        return gradients[0].index_select(0, pairs // rows.shape[1]), None, None


def _summed(values: Tensor, rows: Tensor) -> Tensor:
    # A bag sums as it reads, in order. Gathered first, T x K rows would be written and read again: on a CPU
    # 3 to 30 times as long.
    return functional.embedding_bag(rows, values, mode="sum")


class _Gated(torch.autograd.Function):
    """silu(gate) x up x weight, keeping for its gradient what came in and nothing in between."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up, weights)
        gate, up = gate_up.chunk(2, dim=-1)
        return functional.silu(gate).mul_(up).mul_(weights.unsqueeze(-1))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        gate_up, weights = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=-1)
        active = functional.silu(gate)
        slope = gradients[0]
        of_weights = (slope * active).mul_(up).sum(dim=-1, dtype=weights.dtype)
        slope = slope * weights.unsqueeze(-1)
        of_gate_up = torch.empty_like(gate_up)
        of_gate, of_up = of_gate_up.chunk(2, dim=-1)
        torch.mul(slope, active, out=of_up)
        of_gate.copy_(torch.ops.aten.silu_backward(slope.mul_(up), gate))
        return of_gate_up, of_weights


spread: Final[Any] = _Spread.apply
gather: Final[Any] = _Gather.apply
gated: Final[Any] = _Gated.apply


class Experts(nn.Module):
    """The SwiGLU experts of a layer, as transformers holds them: gates and ups in one tensor, downs in another.

    `forward` takes rows that are sorted by expert, which is also what an exchange between ranks delivers.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        experts, width, hidden = config.num_experts, config.moe_intermediate_size, config.hidden_size
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * width, hidden))
        self.down_proj = nn.Parameter(torch.empty(experts, hidden, width))

    def forward(self, rows: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
        """The experts' outputs, each times its weight.

        Args:
            rows: (R, hidden), sorted by expert.
            weights: (R,) float32, the router's.
            ends: (experts held here,) int32, the row after each expert's last.

        Returns:
            (R, hidden).
        """
        gate_up = grouped(rows, self.gate_up_proj, ends)
        # Weighted before the last product: its output need not be kept for the weights' gradient.
        inner = gated(gate_up, weights.to(gate_up.dtype))
        return grouped(inner, self.down_proj, ends)


def grouped(rows: Tensor, matrices: Tensor, ends: Tensor) -> Tensor:
    """Each row times its expert's matrix, transposed: (R, inner) and (E, outer, inner) to (R, outer)."""
    if usable(rows, matrices):
        product: Tensor = _GROUPED_MM(rows, matrices.to(rows.dtype).transpose(-2, -1), offs=ends)
        return product
    return one_by_one(rows, matrices, ends)


def usable(rows: Tensor, matrices: Tensor) -> bool:
    """Whether torch's grouped product takes these: it wants 16-byte rows, and bfloat16 on a GPU."""
    taken = (torch.bfloat16,) if rows.is_cuda else (torch.bfloat16, torch.float32)
    if _GROUPED_MM is None or rows.dtype not in taken:
        return False
    size = rows.element_size()
    return rows.shape[1] * size % 16 == 0 and matrices.shape[1] * size % 16 == 0


def one_by_one(rows: Tensor, matrices: Tensor, ends: Tensor) -> Tensor:
    """As `grouped`, a product for each expert.

    `unbind` and not indexing: the gradient of `matrices[e]` is a tensor as large as all of `matrices`, for
    each e anew.
    """
    sizes = ends.long().diff(prepend=ends.new_zeros(1, dtype=torch.long)).tolist()
    parts = torch.split(rows, sizes)
    return torch.cat(
        [
            functional.linear(part, matrix)
            for part, matrix in zip(parts, matrices.to(rows.dtype).unbind(0), strict=True)
        ]
    )


class SparseLayer(nn.Module):
    """Router and experts in the place of a dense feed-forward layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate = Router(config)
        self.experts = Experts(config)
        self.number = config.num_experts

    def forward(self, x: Tensor) -> tuple[Tensor, Routing, Tensor]:
        """`x` (batch, length, hidden) to the same shape, the routing, and (E,) how many pairs each expert took."""
        flat = x.reshape(-1, x.shape[-1])
        routing = self.gate(flat)
        order = Order.of(routing.chosen, self.number)
        rows = spread(flat, order.pairs, order.rows)
        weights = routing.weights.reshape(-1).index_select(0, order.pairs)
        outputs = self.experts(rows, weights, order.ends)
        mixed = gather(outputs, order.pairs, order.rows).view_as(x)
        return mixed, routing, order.counts()
