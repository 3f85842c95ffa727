"""Muon's update: the momentum's matrices made orthogonal (Jordan et al. 2024).

torch's own Muon takes matrices only. An expert layer's parameter is a stack of them, here orthogonalised at once.
"""

from typing import Any, Final

import torch
from torch.distributed.tensor import DTensor, Replicate, Shard

# Jordan et al. 2024: a quintic whose five iterations bring singular values to about 1.
_COEFFICIENTS: Final = (3.4445, -4.7750, 2.0315)
_ITERATIONS: Final = 5


def matrices(name: str, weight: torch.Tensor) -> tuple[int, ...] | None:
    """The shape in which a parameter's last two axes are the matrices that Muon takes; None: it is AdamW's.

    Embeddings, router and vectors are AdamW's, as Jordan advises. `gate_up_proj` (experts, 2 f, d) is two
    matrices an expert.
    """
    if weight.ndim < 2 or "embed_tokens" in name or "lm_head" in name or ".mlp.gate." in name:
        return None
    shape = tuple(weight.shape)
    if name.endswith("gate_up_proj"):
        return (*shape[:-2], 2, shape[-2] // 2, shape[-1])
    return shape


def orthogonal_update(name: str, momentum: torch.Tensor) -> torch.Tensor:
    """The update for this rank's part of a parameter, of the shape of that part.

    Its root mean square is about 0.2, as AdamW's is: scaled by 0.2 sqrt(max(rows, columns)) (Liu et al. 2025,
    Moonlight), so that learning rate and decay mean the same. A matrix that is spread over ranks is gathered.
    """
    if isinstance(momentum, DTensor):
        whole = momentum.ndim > 2 and all(
            isinstance(each, Replicate) or each == Shard(0) for each in momentum.placements
        )
        if not whole:
            full = orthogonal_update(name, momentum.full_tensor())
            replicated = DTensor.from_local(full, momentum.device_mesh, [Replicate()] * momentum.device_mesh.ndim)
            local: torch.Tensor = replicated.redistribute(placements=momentum.placements).to_local()
            return local
        momentum = momentum.to_local()
    shape: Any = matrices(name, momentum)
    stacked = momentum.reshape(shape)
    scale = 0.2 * max(stacked.shape[-2:]) ** 0.5
    update: torch.Tensor = (orthogonalised(stacked) * scale).reshape(momentum.shape)
    return update


def orthogonalised(stacked: torch.Tensor) -> torch.Tensor:
    """Matrices of shape (..., rows, columns) with singular values near 1, by Newton-Schulz iterations.

    In bfloat16 where the device is a GPU, else in the matrices' own type.
    """
    a, b, c = _COEFFICIENTS
    matrix: Any = stacked.bfloat16() if stacked.is_cuda else stacked
    tall = matrix.shape[-2] > matrix.shape[-1]
    matrix = matrix.mT if tall else matrix
    matrix = matrix / matrix.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(_ITERATIONS):
        square = matrix @ matrix.mT
        matrix = a * matrix + (b * square + c * square @ square) @ matrix
    result: torch.Tensor = matrix.mT if tall else matrix
    return result
