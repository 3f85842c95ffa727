"""The model as it is trained: its weights filled in, one parameter at a time, and spread over the ranks."""

from collections.abc import Callable
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

from trainer.configuration import ModelConfig
from trainer.model.transformer import Transformer
from trainer.training.distributed import Ranks
from trainer.training.settings import TrainSettings
from trainer.training.sharding import shard


def build_model(config: ModelConfig, settings: TrainSettings, ranks: Ranks) -> Transformer:
    """The model on the ranks' devices with room for its weights, which are still to be filled in."""
    with torch.device("meta"):
        model = Transformer(config)
    in_types(model, settings)
    model.recompute = settings.recompute
    shard(model, settings, ranks)
    model.to_empty(device=ranks.device)
    for name, buffer in model.named_buffers():
        if name.endswith("balance_bias"):
            buffer.zero_()
    if settings.compile:
        layers: Any = model.model.layers
        uncompiled: Any = torch.compiler.disable
        for layer in layers:
            if config.sparse:
                # The grouped product of float32 rows is unknown to the compiler (torch 2.13).
                layer.mlp.forward = uncompiled(layer.mlp.forward)
            layer.compile()
    return model


def in_types(model: Transformer, settings: TrainSettings) -> None:
    """Gives the parameters of a model on the meta device the types that `settings` ask for.

    Router weights stay in float32 where the rest is bfloat16: they are few, and what they choose is sensitive.
    """
    if settings.optimizer.weights == "float32":
        return
    for name, module in model.named_modules():
        if not name.endswith("mlp.gate"):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(torch.bfloat16)


@torch.no_grad()
def fill(model: Any, make: Callable[[str, torch.Size], torch.Tensor]) -> None:
    """Fills every parameter with what `make` gives for its name and shape; a rank keeps its part only.

    No more than one whole parameter is held at a time. All ranks must be given the same.
    """
    for name, parameter in model.named_parameters():
        whole = make(name, parameter.shape)
        if isinstance(parameter, DTensor):
            # Every rank has the whole: no communication is needed to take a part.
            part: Any = distribute_tensor(
                whole.to(parameter.device), parameter.device_mesh, parameter.placements, src_data_rank=None
            )
            parameter.to_local().copy_(part.to_local())
        else:
            parameter.copy_(whole)


def random_weights(config: ModelConfig, seed: int) -> Callable[[str, torch.Size], torch.Tensor]:
    """Weights as `Transformer.initialise` draws them, the same on any number of ranks and any device."""
    draw = torch.Generator().manual_seed(seed)

    def make(name: str, shape: torch.Size) -> torch.Tensor:
        if len(shape) == 1:
            return torch.ones(shape)
        return torch.empty(shape).normal_(0.0, config.initializer_range, generator=draw)

    return make
