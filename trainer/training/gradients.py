"""Gradients of bfloat16 weights summed in float32, over the batches of a step and over ranks."""

from typing import Any

import torch
from torch.distributed.tensor import DTensor


class GradientSums:
    """Adds each batch's gradients of `model` into float32 sums, on every rank for the part that it holds.

    bfloat16 has 8 bits: a sum loses what comes to it once it is some hundred times as large. Megatron-LM
    accumulates in float32 for the same reason. Two bytes a parameter more than gradients of the weights' type.
    """

    def __init__(self, model: Any) -> None:
        self._sums: dict[torch.Tensor, torch.Tensor] = {}
        self._parameters = [each for each in model.parameters() if each.dtype == torch.bfloat16]
        for each in self._parameters:
            each.grad_dtype = None  # of any type
            each.register_post_accumulate_grad_hook(self._add)

    def finish(self) -> None:
        """Puts the sums in the gradients' place, after a step's last batch."""
        for each in self._parameters:
            each.grad = self._sums.pop(each, None)

    def _add(self, parameter: torch.Tensor) -> None:
        gradient: Any = parameter.grad
        parameter.grad = None
        if (held := self._sums.get(parameter)) is None:
            self._sums[parameter] = gradient.float()
        else:
            _local(held).add_(_local(gradient))


def _local(tensor: torch.Tensor) -> torch.Tensor:
    local: torch.Tensor = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return local
