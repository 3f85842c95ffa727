"""AdamW and Muon with a choice of what they remember, so that a model's states fit where it is trained.

Kingma and Ba 2015, Loshchilov and Hutter 2019 (AdamW). What a step needs is made when the optimiser is: its
tensors have names and can be saved and loaded in place. Everything but Muon's orthogonalisation is done element
by element, so shards of a parameter are updated where they lie.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch.distributed.tensor import DTensor
from torch.optim.adamw import adamw

from trainer.training.eight_bit import block_of, decode, encode, tables
from trainer.training.muon import matrices, orthogonal_update
from trainer.training.settings import OptimizerSettings

# Elements that are updated at once: bounds the float32 copies that live beside the states, to some 500 MB.
_SLICE: Final = 1 << 24
_MEAN: Final = "exp_avg"
_SQUARE: Final = "exp_avg_sq"
_SCALE: Final = "_scale"


@dataclass(slots=True)
class _Parameter:
    name: str
    weight: torch.Tensor
    decays: bool
    state: dict[str, torch.Tensor] = field(default_factory=dict)


class Optimizer:
    """Updates `parameters` (name and tensor, sharded or not) by `settings`.

    Norms, biases, router and embeddings do not decay. `steps` counts the steps taken; with the named tensors of
    `tensors` it is all that a checkpoint needs.
    """

    def __init__(
        self, parameters: Iterable[tuple[str, torch.Tensor]], settings: OptimizerSettings, seed: int = 0
    ) -> None:
        self.steps = 0
        self._settings, self._seed = settings, seed
        self._parameters = [_Parameter(name, weight, decays(name, weight)) for name, weight in parameters]
        for each in self._parameters:
            each.state = self._new_state(each)
        self._update: Any = _update
        self._update_codes: Any = _update_codes

    def compile(self) -> None:
        """Fuses each slice's update into one kernel; for GPUs."""
        self._update = torch.compile(_update, dynamic=True)
        self._update_codes = torch.compile(_update_codes, dynamic=True)

    def tensors(self) -> Iterator[tuple[str, torch.Tensor]]:
        """The states by name, such as `exp_avg.model.norm.weight`."""
        for each in self._parameters:
            for kind, tensor in each.state.items():
                yield f"{kind}.{each.name}", tensor

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for each in self._parameters:
            each.weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Takes one step at learning rate `rate` with the gradients that the parameters hold."""
        self.steps += 1
        with_gradient = [each for each in self._parameters if each.weight.grad is not None]
        by_muon = [each for each in with_gradient if "momentum" in each.state]
        by_adam = [each for each in with_gradient if "momentum" not in each.state]
        settings = self._settings
        if settings.update == "exact" and settings.moments == "float32":
            self._fused(by_adam, rate)
        else:
            self._in_slices(by_adam, rate)
        for each in by_muon:
            self._muon(each, rate)
        if settings.update == "master":
            for each in with_gradient:
                _local(each.weight).copy_(_local(each.state["master"]))

    def _new_state(self, each: _Parameter) -> dict[str, torch.Tensor]:
        kind = torch.bfloat16 if self._settings.moments == "bfloat16" else torch.float32
        if self._settings.kind == "muon" and matrices(each.name, each.weight) is not None:
            state = {"momentum": torch.zeros_like(each.weight, dtype=kind)}
        elif self._settings.moments == "8-bit" and (block := _block(each)):
            # A scale of 0 is a moment of 0, whatever the code.
            state = {part: torch.zeros_like(each.weight, dtype=torch.uint8) for part in (_MEAN, _SQUARE)}
            state |= {part + _SCALE: _scales_of(each.weight, block) for part in (_MEAN, _SQUARE)}
        else:
            state = {part: torch.zeros_like(each.weight, dtype=kind) for part in (_MEAN, _SQUARE)}
        if self._settings.update == "master":
            state["master"] = each.weight.detach().to(torch.float32, copy=True)
        return state

    def _fused(self, parameters: list[_Parameter], rate: float) -> None:
        """torch's own kernel, one for all parameters that decay and one for those that do not."""
        beta1, beta2 = self._settings.betas
        for decay in (True, False):
            chosen = [each for each in parameters if each.decays is decay and _local(each.weight).numel()]
            if not chosen:
                continue
            weights = [_local(each.weight) for each in chosen]
            adamw(
                weights,
                [_local(_gradient(each)) for each in chosen],
                [_local(each.state[_MEAN]) for each in chosen],
                [_local(each.state[_SQUARE]) for each in chosen],
                [],
                [torch.tensor(float(self.steps - 1), device=weight.device) for weight in weights],
                fused=True,
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=rate,
                weight_decay=self._settings.weight_decay if decay else 0.0,
                eps=self._settings.epsilon,
                maximize=False,
            )

    def _in_slices(self, parameters: list[_Parameter], rate: float) -> None:
        settings, device = self._settings, parameters[0].weight.device if parameters else "cpu"
        # Seeded by the step: a resumed run rounds as the uninterrupted one would have.
        noise = torch.Generator(device).manual_seed(self._seed * 1_000_003 + self.steps)
        beta1, beta2 = settings.betas
        scale = (1 - beta1**self.steps, math.sqrt(1 - beta2**self.steps))
        for each in parameters:
            decay = 1.0 - rate * settings.weight_decay if each.decays else 1.0
            update = self._update_codes if _in_codes(each) else self._update
            for row in _slices(each):
                random = None
                if row[0].dtype == torch.bfloat16:  # with a master it is float32
                    random = torch.randint(
                        0, 1 << 16, row[0].shape, generator=noise, dtype=torch.int32, device=device
                    )
                update(*row, random, rate, decay, beta1, beta2, settings.epsilon, *scale)

    def _muon(self, each: _Parameter, rate: float) -> None:
        """Momentum, orthogonalised; the weight moves as far as AdamW's would at the same learning rate."""
        settings = self._settings
        gradient, momentum = _gradient(each), each.state["momentum"]
        _local(momentum).lerp_(_local(gradient).to(_local(momentum).dtype), 1 - settings.momentum)
        nesterov = gradient.lerp(momentum.to(gradient.dtype), settings.momentum)
        update = orthogonal_update(each.name, nesterov)
        weight = _local(each.state.get("master", each.weight))
        if each.decays:
            weight.mul_(1 - rate * settings.weight_decay)
        weight.add_(update.to(weight.dtype), alpha=-rate)


def decays(name: str, weight: torch.Tensor) -> bool:
    """Whether weight decay applies: matrices do, but for embeddings and router."""
    return weight.ndim >= 2 and "embed_tokens" not in name and "lm_head" not in name and ".mlp.gate." not in name


def _block(each: _Parameter) -> int | None:
    """Elements that share a scale where the moments are in 8 bits; None where they stay in float32.

    That is in vectors, embeddings and router: few, and the embedding is where Dettmers et al. saw 8 bits fail.
    """
    return block_of(each.weight.shape[-1]) if each.decays else None


def _scales_of(weight: torch.Tensor, block: int) -> torch.Tensor:
    """Zeros, one a block, spread over ranks as `weight`'s rows are."""
    shape = (*weight.shape[:-1], weight.shape[-1] // block)
    own = _local(weight)
    scales = own.new_zeros(*own.shape[:-1], shape[-1], dtype=torch.float32)
    if not isinstance(weight, DTensor):
        return scales
    whole = torch.empty(shape, device="meta")
    return DTensor.from_local(
        scales, weight.device_mesh, weight.placements, run_check=False, shape=whole.shape, stride=whole.stride()
    )


def _in_codes(each: _Parameter) -> bool:
    """Whether the moments are kept in 8 bits."""
    return _MEAN + _SCALE in each.state


def _slices(each: _Parameter) -> Iterator[tuple[torch.Tensor, ...]]:
    """What `_update` or `_update_codes` takes of a parameter, a slice after the other, as views."""
    weight = _local(each.state.get("master", each.weight))
    parts = [weight, _local(_gradient(each)).contiguous(), _local(each.state[_MEAN]), _local(each.state[_SQUARE])]
    if not _in_codes(each):
        yield from zip(*(part.view(-1).split(_SLICE) for part in parts), strict=True)
        return
    scales = [_local(each.state[part + _SCALE]) for part in (_MEAN, _SQUARE)]
    block = weight.shape[-1] // scales[0].shape[-1]
    blocks = [part.view(-1, block).split(_SLICE // block) for part in parts]
    blocks += [part.view(-1).split(_SLICE // block) for part in scales]
    for row in zip(*blocks, strict=True):
        yield (*row, tables(weight.device))


def _update(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    mean: torch.Tensor,
    square: torch.Tensor,
    random: torch.Tensor | None,
    rate: float,
    decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    mean_scale: float,
    root_scale: float,
) -> None:
    """AdamW on one slice, computed in float32 whatever the tensors are kept in."""
    gradient = gradient.float()
    new_mean = mean.float() * beta1 + gradient * (1 - beta1)
    new_square = square.float() * beta2 + gradient * gradient * (1 - beta2)
    moved = weight.float() * decay - rate * (new_mean / mean_scale) / (new_square.sqrt() / root_scale + epsilon)
    mean.copy_(new_mean)
    square.copy_(new_square)
    weight.copy_(moved if random is None else rounded_at_random(moved, random))


def _update_codes(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    mean: torch.Tensor,
    square: torch.Tensor,
    mean_scales: torch.Tensor,
    square_scales: torch.Tensor,
    both: torch.Tensor,
    *rest: Any,
) -> None:
    """As `_update` of blocks (blocks, size), with moments in codes and a scale (blocks,) for each; `both` are the
    `tables`."""
    signed, unsigned = both.unbind(0)
    means, squares = decode(mean, mean_scales, signed), decode(square, square_scales, unsigned)
    _update(weight, gradient, means, squares, *rest)
    for codes, scales, values, table in (
        (mean, mean_scales, means, signed),
        (square, square_scales, squares, unsigned),
    ):
        new_codes, new_scales = encode(values, table)
        codes.copy_(new_codes)
        scales.copy_(new_scales)


def rounded_at_random(values: torch.Tensor, random: torch.Tensor) -> torch.Tensor:
    """float32 `values` as ones that bfloat16 holds, up or down with the odds that keep the mean.

    `random` is int32 of the same shape, uniform from 0 to 65,535: what bfloat16 cuts off plus that carries into
    what it keeps just as often as it should.
    """
    return ((values.view(torch.int32) + random) & -65536).view(torch.float32)


def _gradient(each: _Parameter) -> torch.Tensor:
    gradient = each.weight.grad
    assert gradient is not None
    return gradient


def _local(tensor: torch.Tensor) -> torch.Tensor:
    """This rank's part of a tensor, the same memory."""
    local: torch.Tensor = tensor.to_local() if isinstance(tensor, DTensor) else tensor.detach()
    return local
