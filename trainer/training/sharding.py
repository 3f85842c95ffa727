"""How parameters are spread over ranks: all of them by `fully_shard`, experts also by expert.

Losses are divided by the step's tokens before they are differentiated, so gradients are added up over ranks and
not averaged.
"""

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import Shard
from torch.utils import _pytree as pytree

from trainer.errors import TrainerError
from trainer.model.loss import LossParts
from trainer.model.router import Routing
from trainer.training.distributed import Ranks
from trainer.training.exchange import spread_experts
from trainer.training.settings import TrainSettings

# `fully_shard` finds the tensors that gradients come back through only in what it can take apart.
for _part in (LossParts, Routing):
    pytree.register_dataclass(_part)


def shard(model: Any, settings: TrainSettings, ranks: Ranks) -> None:
    """Spreads `model`, which may still be on the meta device, over all ranks; one rank keeps it whole.

    With `expert_parallel` e the ranks stand in groups of e, each of which holds every expert once; what a group's
    rank holds is spread again over the other groups. Parameter names stay as they are.

    Raises:
        TrainerError: `expert_parallel` does not divide the ranks and the experts.
    """
    groups = settings.expert_parallel
    experts = model.config.num_experts
    if ranks.count % groups or experts % groups:
        raise TrainerError(
            f"expert_parallel: {groups} does not divide {ranks.count} ranks and {experts} experts; make it divide"
            " both"
        )
    if ranks.count == 1:
        return
    device = ranks.device.type
    every = init_device_mesh(device, (ranks.count,))
    half = settings.optimizer.weights == "float32" and device == "cuda"
    options: dict[str, Any] = {"mp_policy": MixedPrecisionPolicy(torch.bfloat16 if half else None, torch.float32)}
    if groups > 1:
        mesh = init_device_mesh(device, (ranks.count // groups, groups), mesh_dim_names=("copies", "experts"))
        for layer in model.model.layers:
            spread_experts(layer.mlp.experts, mesh["experts"])
            # The second axis: the first is taken by the group.
            fully_shard(layer.mlp.experts, mesh=mesh["copies"], shard_placement_fn=lambda _: Shard(1), **options)
    for layer in model.model.layers:
        if experts and (half or settings.optimizer.weights == "bfloat16"):
            # The router stays in float32, and parameters that are gathered together must be of one type.
            fully_shard(layer.mlp.gate, mesh=every, mp_policy=MixedPrecisionPolicy(None, torch.float32))
        fully_shard(layer, mesh=every, **options)
    fully_shard(model, mesh=every, **options)
    register_fsdp_forward_method(model, "loss")
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo knows no other
