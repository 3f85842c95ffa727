"""One expert, and one router, out of a dense layer. Each depends on the seed, its layer and its number alone."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.upcycle.options import Split, UpcycleOptions

# The place of the router's random numbers beside those of the experts, which are counted from 0.
_ROUTER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class DenseWeights:
    """A dense feed-forward layer in float32: `gate` and `up` (F, hidden), `down` (hidden, F)."""

    gate: Tensor
    up: Tensor
    down: Tensor


def expert_matrices(
    dense: DenseWeights, layer: int, expert: int, split: Split, options: UpcycleOptions
) -> tuple[Tensor, Tensor, Tensor]:
    """Gate and up (width, hidden) and down (hidden, width) of an expert, float32.

    A contiguous slice of the dense units; of them, `int(width * drop)` are drawn from a normal distribution
    with the mean and deviation that the dropped entries of that matrix have; then scaled.
    """
    which = expert % split.slices
    units = slice(which * split.width, (which + 1) * split.width)
    matrices = (dense.gate[units].clone(), dense.up[units].clone(), dense.down[:, units].clone())
    draw = _random(options.seed, layer, expert)
    count = int(split.width * options.drop)
    dropped = _indices(draw, split.width, count)
    for number, matrix in enumerate(matrices):
        if count and number and options.drop_indices == "separate":
            dropped = _indices(draw, split.width, count)
        if count:
            _redraw(matrix if number < 2 else matrix.T, dropped, draw)
    for matrix, factor in zip(matrices, split.factors(options), strict=True):
        matrix.mul_(factor)
    return matrices


def router_rows(layer: int, split: Split, options: UpcycleOptions, hidden: int, deviation: float) -> Tensor:
    """(experts, hidden) float32, normal with `deviation`; the slices of a copy share a row if so chosen."""
    shared = options.router == "shared"
    rows = split.copies if shared else split.copies * split.slices
    draw = _random(options.seed, layer, _ROUTER)
    drawn = torch.from_numpy(draw.standard_normal((rows, hidden), dtype=np.float32)).mul_(deviation)
    return drawn.repeat_interleave(split.slices, dim=0) if shared else drawn


def _random(seed: int, layer: int, number: int) -> np.random.Generator:
    # Philox through a seed sequence gives the same numbers on every machine, whatever came before.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, layer, number))))


def _indices(draw: np.random.Generator, width: int, count: int) -> Tensor:
    return torch.from_numpy(np.sort(draw.permutation(width)[:count]))


def _redraw(matrix: Tensor, rows: Tensor, draw: np.random.Generator) -> None:
    """Replaces the `rows` of `matrix` by normal numbers of the same mean and deviation."""
    old = matrix[rows]
    new = torch.from_numpy(draw.standard_normal(tuple(old.shape), dtype=np.float32))
    matrix[rows] = new.mul_(old.std()).add_(old.mean())
