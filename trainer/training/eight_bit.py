"""Moments in 8 bits: a code for each element and a float32 scale for each block of a row.

Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization", with its dynamic map. torchao has it too, in
a tensor of its own kind that safetensors cannot hold, and with blocks that run from one row into the next. Here a
block is a part of one row: ranks that share out rows share out whole blocks, and another number of ranks goes on
from the same codes.
"""

from functools import cache
from typing import Final

import torch
from torch import Tensor

# Dettmers et al.: 2,048 elements a block; bitsandbytes and torchao take 256, which costs 1.6% more and errs less.
_LARGEST_BLOCK: Final = 256
# Shorter blocks would spend more on scales than codes save.
_SMALLEST_BLOCK: Final = 16
_DECADES: Final = 7


def block_of(width: int) -> int | None:
    """How many elements of a row of `width` share a scale: as many as divide it; None where that is too few."""
    for size in range(min(width, _LARGEST_BLOCK), _SMALLEST_BLOCK - 1, -1):
        if width % size == 0:
            return size
    return None


@cache
def levels(signed: bool) -> tuple[float, ...]:
    """The 256 values from -1 (or 0) to 1 that codes stand for, in order: finer in each decade towards 1.

    Without a sign the lowest is 1e-7 and not 0: a second moment that was rounded to nothing would divide the
    first by epsilon (Li et al. 2023, "Memory Efficient Optimizers with 4-bit States", take 0 out likewise).
    """
    found = [0.0 if signed else 10.0**-_DECADES, 1.0]
    for decade in range(_DECADES):
        # Twice as many in each decade as in the one below: the middles of equal parts of 0.1 to 1.
        parts = 2**decade if signed else 2 ** (decade + 1)
        largest = 10.0 ** (decade - _DECADES + 1)
        for part in range(parts):
            value = largest * (0.1 + 0.9 * (part + 0.5) / parts)
            found += [value, -value] if signed else [value]
    return tuple(sorted(found))


def encode(values: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (blocks, size) uint8 and scales (blocks,) of float32 `values` (blocks, size).

    `table` are the `levels`, (256,) float32 on the values' device. Each value takes the nearest level of its
    block's greatest.
    """
    scales = values.abs().amax(dim=-1)
    normal = values / scales.clamp(min=torch.finfo(torch.float32).tiny).unsqueeze(-1)
    codes = torch.bucketize(normal, (table[1:] + table[:-1]) / 2, out_int32=True)
    return codes.to(torch.uint8), scales


def decode(codes: Tensor, scales: Tensor, table: Tensor) -> Tensor:
    """The float32 values, of the shape of `codes`."""
    return table[codes.int()] * scales.unsqueeze(-1)


@cache
def tables(device: torch.device) -> Tensor:
    """(2, 256) float32: the levels of a first moment and of a second, on `device`."""
    return torch.tensor([levels(signed=True), levels(signed=False)], dtype=torch.float32, device=device)
