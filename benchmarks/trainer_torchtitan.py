"""torchtitan's Qwen3-MoE of the same sizes, as a peer of `benchmarks/trainer.py` on a GPU.

    pip install --no-deps torchtitan==0.3.0 tyro spmd_types==0.2.3 torchdata torch_checkpointing einops \\
        docstring_parser

torchtitan 0.3.0 imports triton at once, which torch's CPU build lacks, and knows no attention but flex and varlen:
it does not run on a CPU, and what stands here was not run yet. Its own trainer wants a registry of configurations,
a tokenizer and datasets < 4.8; here its model, flex attention, grouped experts and chunked loss run in the loop of
all others.
"""

from collections.abc import Callable
from typing import Any

import torch

from trainer.configuration import ModelConfig

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# Of the sequence, as torchtitan's own ChunkedLossWrapper has it.
CHUNKS = 8


def torchtitan_model(
    config: ModelConfig, length: int, dtype: torch.dtype, device: torch.device, balanced: bool
) -> tuple[Any, Loss]:
    """Its model with random weights in `dtype`, and the loss of a batch."""
    from torchtitan.models import qwen3
    from torchtitan.models.common import CosSinRoPE, Embedding, Linear

    part: Any = qwen3
    hidden, head = config.hidden_size, config.head_dim
    layers = part._build_qwen3_moe_layers(
        n_layers=config.num_hidden_layers,
        dim=hidden,
        n_heads=config.num_attention_heads,
        n_kv_heads=config.num_key_value_heads,
        head_dim=head,
        moe_hidden_dim=config.moe_intermediate_size,
        num_experts=config.num_experts,
        top_k=config.num_experts_per_tok,
        attn_backend="flex",
        moe_comm_backend="standard",
        rope=CosSinRoPE.Config(dim=head, max_seq_len=length, theta=config.rope_theta),
    )
    for layer in layers:
        layer.moe.router._debug_force_load_balance = balanced
    whole = part.Qwen3Model.Config(
        vocab_size=config.vocab_size,
        dim=hidden,
        norm=part._qwen3_norm(hidden),
        enable_weight_tying=True,
        tok_embeddings=Embedding.Config(
            num_embeddings=config.vocab_size, embedding_dim=hidden, param_init=part._EMBEDDING_SKIP_INIT
        ),
        lm_head=Linear.Config(in_features=hidden, out_features=config.vocab_size, param_init=part._LINEAR_INIT),
        layers=layers,
    )
    with torch.device("meta"):
        model = whole.build().to(dtype)
    model.to_empty(device=device)
    model.init_states(buffer_device=device)
    for layer in model.layers.values():
        layer.compile()
    model._skip_lm_head = True

    def loss(tokens: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(tokens.shape[1], device=device).expand_as(tokens)
        states = model(tokens, positions, model.get_attention_masks(positions))
        rows, wanted = states.flatten(0, 1).chunk(CHUNKS), labels.flatten().chunk(CHUNKS)
        total = torch.zeros((), device=device)
        for row, label in zip(rows, wanted, strict=True):
            total = total + torch.utils.checkpoint.checkpoint(
                _nats, model.lm_head, row, label, use_reentrant=False
            )
        return total / labels.numel()

    return model, loss


def _nats(head: Any, rows: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The chunk's cross-entropy, whose logits are made again in the backward pass and not kept."""
    result: torch.Tensor = torch.nn.functional.cross_entropy(head(rows).float(), labels, reduction="sum")
    return result
