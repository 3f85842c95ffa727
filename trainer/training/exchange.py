"""Expert parallelism: each rank of a group holds some of the experts, and tokens travel to them and back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from trainer.model.experts import Experts


@dataclass(frozen=True, slots=True)
class _Held:
    """The experts of this rank, as `Experts.forward` reads them."""

    gate_up_proj: Tensor
    down_proj: Tensor


class _Exchange(torch.autograd.Function):
    """Rows to other ranks: the first `sent[0]` to rank 0 and so on; gradients go the same way back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sent: list[int], received: list[int], group: Any) -> Tensor:
        ctx.splits, ctx.group = (sent, received), group
        return _sent(rows, sent, received, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        sent, received = ctx.splits
        return _sent(gradients[0], received, sent, ctx.group), None, None, None


def _sent(rows: Tensor, sent: list[int], received: list[int], group: Any) -> Tensor:
    result = rows.new_empty(sum(received), *rows.shape[1:])
    dist.all_to_all_single(result, rows.contiguous(), received, sent, group=group)
    return result


def spread_experts(experts: nn.Module, mesh: DeviceMesh) -> None:
    """Keeps this rank's share of the experts of a layer and makes its `forward` send rows to where theirs are.

    `mesh` is the group's, of one dimension; its ranks hold equal numbers of consecutive experts. Results are those
    of one rank with all experts.
    """
    for name, parameter in list(experts.named_parameters()):
        setattr(
            experts, name, nn.Parameter(distribute_tensor(parameter.data, mesh, [Shard(0)], src_data_rank=None))
        )
    experts.forward = _travelling(experts, mesh.get_group(), mesh.size())


def _travelling(experts: Any, group: Any, ranks: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    def forward(rows: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
        """As `Experts.forward`, with rows sorted by all of the experts."""
        counts = ends.long().diff(prepend=ends.new_zeros(1, dtype=torch.long))
        # (ranks, experts here): how many rows each rank sends to each expert here.
        arriving = torch.empty_like(counts)
        dist.all_to_all_single(arriving, counts, group=group)
        arriving = arriving.view(ranks, -1)
        sent, received = counts.view(ranks, -1).sum(dim=1).tolist(), arriving.sum(dim=1).tolist()
        exchange: Any = _Exchange.apply
        here, here_weights = (exchange(each, sent, received, group) for each in (rows, weights))
        # They come sorted by rank, then expert; experts want them together.
        number = torch.arange(arriving.shape[1], device=rows.device).repeat(ranks)
        expert = number.repeat_interleave(arriving.reshape(-1))
        order = expert.argsort(stable=True)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order), device=rows.device)
        here_ends = arriving.sum(dim=0).cumsum(0).to(torch.int32)
        held: Any = _Held(_whole(experts.gate_up_proj), _whole(experts.down_proj))
        outputs = Experts.forward(held, here[order], here_weights[order], here_ends)
        result: Tensor = exchange(outputs[back], received, sent, group)
        return result

    return forward


def _whole(parameter: Tensor) -> Tensor:
    """What this rank holds of a parameter, with its gradient."""
    local: Tensor = parameter.to_local() if isinstance(parameter, DTensor) else parameter
    return local
