"""Where a token stands in its document: rotary positions, and which tokens may see which."""

import torch
from torch import Tensor


def positions_of(documents: Tensor) -> Tensor:
    """Each token's place in its document, from 0; a document begins where the id changes.

    Args:
        documents: (batch, length) integer ids; a document's tokens stand together.

    Returns:
        (batch, length) int64.
    """
    places = torch.arange(documents.shape[1], device=documents.device).expand(documents.shape)
    begins = torch.ones_like(documents, dtype=torch.bool)
    begins[:, 1:] = documents[:, 1:] != documents[:, :-1]
    first = torch.where(begins, places, 0).cummax(dim=1).values
    return places - first


def seen(documents: Tensor) -> Tensor:
    """Which key each query sees: earlier tokens of its own document, and itself.

    Args:
        documents: (batch, length) integer ids.

    Returns:
        (batch, 1, queries, keys) bool.
    """
    length = documents.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=documents.device).tril()
    same = documents.unsqueeze(2) == documents.unsqueeze(1)
    return (same & causal).unsqueeze(1)


def rotary(positions: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosine and sine of rotary positions (Su et al. 2021), halves rotated as Llama and Qwen do.

    Args:
        positions: (length,) or (batch, length).

    Returns:
        Two tensors (1 or batch, 1, length, head_dim) of `dtype`, computed in float32. The sine of the first half
        is negated, so that rotating is one multiplication with the halves swapped.
    """
    exponents = torch.arange(0, head_dim, 2, device=positions.device, dtype=torch.float32) / head_dim
    frequencies = 1.0 / theta**exponents
    angles = positions.float().unsqueeze(-1) * frequencies
    if angles.dim() == 2:
        angles = angles.unsqueeze(0)
    cosine, sine = angles.cos().unsqueeze(1), angles.sin().unsqueeze(1)
    return torch.cat((cosine, cosine), -1).to(dtype), torch.cat((-sine, sine), -1).to(dtype)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """`x` (batch, heads, length, head_dim) turned by the angles of `rotary`."""
    low, high = x.chunk(2, dim=-1)
    return x * cosine + torch.cat((high, low), dim=-1) * sine
