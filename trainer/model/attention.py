"""Grouped-query attention with normalised queries and keys, as Qwen3 has it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from trainer.configuration import ModelConfig
from trainer.model.positions import positions_of, rotary, rotate, seen


@dataclass(frozen=True, slots=True)
class Places:
    """What attention needs to know of a batch's positions, the same for all layers.

    `mask` is None where every token sees all before it, a bool tensor (batch, 1, queries, keys) on a CPU, and
    a block mask on a GPU.
    """

    cosine: Tensor
    sine: Tensor
    mask: Tensor | BlockMask | None

    @classmethod
    def of(cls, tokens: Tensor, documents: Tensor | None, config: ModelConfig, dtype: torch.dtype) -> "Places":
        """The places of `tokens` (batch, length); `documents` gives each token's document, or None."""
        if documents is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
            return cls(*rotary(positions, config.head_dim, config.rope_theta, dtype), None)
        cosine, sine = rotary(positions_of(documents), config.head_dim, config.rope_theta, dtype)
        # A mask of length squared is fine for a CPU's lengths; a GPU skips the blocks in which nothing is seen.
        mask = block_mask(documents) if tokens.is_cuda else seen(documents)
        return cls(cosine, sine, mask)


def block_mask(documents: Tensor) -> BlockMask:
    """What `seen` says, as flex attention wants it."""

    def sees(batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (documents[batch, query] == documents[batch, key])

    batch, length = documents.shape
    return create_block_mask(sees, batch, None, length, length, device=documents.device)


class Attention(nn.Module):
    """One layer's attention; parameter names are transformers'."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden, width = config.hidden_size, config.head_dim
        self.head_dim = width
        self.grouped = config.num_key_value_heads != config.num_attention_heads
        self.q_proj = nn.Linear(hidden, config.num_attention_heads * width, bias=False)
        self.k_proj = nn.Linear(hidden, config.num_key_value_heads * width, bias=False)
        self.v_proj = nn.Linear(hidden, config.num_key_value_heads * width, bias=False)
        self.o_proj = nn.Linear(config.num_attention_heads * width, hidden, bias=False)
        self.q_norm = nn.RMSNorm(width, eps=config.rms_norm_eps)
        self.k_norm = nn.RMSNorm(width, eps=config.rms_norm_eps)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        """`x` and the result are (batch, length, hidden)."""
        batch, length, _ = x.shape
        heads = (batch, length, -1, self.head_dim)
        query = rotate(self.q_norm(self.q_proj(x).view(heads)).transpose(1, 2), places.cosine, places.sine)
        key = rotate(self.k_norm(self.k_proj(x).view(heads)).transpose(1, 2), places.cosine, places.sine)
        value = self.v_proj(x).view(heads).transpose(1, 2)
        mixed = attend(query, key, value, places.mask, grouped=self.grouped)
        result: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
        return result


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | BlockMask | None, *, grouped: bool) -> Tensor:
    """Attention of (batch, heads, length, head_dim), with fewer heads of keys and values where `grouped`."""
    if isinstance(mask, BlockMask):
        flex: Any = _compiled_flex() if query.is_cuda else flex_attention
        mixed: Tensor = flex(query, key, value, block_mask=mask, enable_gqa=grouped)
        return mixed
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None, enable_gqa=grouped
    )


_compiled: list[Any] = []


def _compiled_flex() -> Any:
    """Flex attention compiled once: uncompiled it holds the whole matrix of scores."""
    if not _compiled:
        _compiled.append(torch.compile(flex_attention, dynamic=False))
    return _compiled[0]
