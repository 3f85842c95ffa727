"""How parameters are spread over ranks: all of them by `fully_shard`, experts also by expert.

Losses are divided by the step's tokens before they are differentiated, so gradients are added up over ranks and
not averaged.
"""

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.utils import _pytree as pytree

from trainer.model.loss import LossParts
from trainer.model.router import Routing
from trainer.training.distributed import Ranks
from trainer.training.settings import TrainSettings

# `fully_shard` finds the tensors that gradients come back through only in what it can take apart.
for _part in (LossParts, Routing):
    pytree.register_dataclass(_part)


def shard(model: Any, settings: TrainSettings, ranks: Ranks) -> None:
    """Spreads `model`, which may still be on the meta device, over all ranks; one rank keeps it whole.

    Parameter names stay as they are.
    """
    if ranks.count == 1:
        return
    mesh = init_device_mesh(ranks.device.type, (ranks.count,))
    half = settings.optimizer.weights == "float32" and ranks.device.type == "cuda"
    policy = MixedPrecisionPolicy(torch.bfloat16 if half else None, torch.float32)
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    register_fsdp_forward_method(model, "loss")
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
