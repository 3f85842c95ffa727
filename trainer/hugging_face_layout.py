"""Which tensors a Hugging Face checkpoint of a model holds, in which order and in which file."""

from typing import Final

from trainer.configuration import ModelConfig
from trainer.tensor_stream import Planned

ATTENTION: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
MATRICES: Final = ("gate_proj", "up_proj", "down_proj")


def planned_shards(config: ModelConfig) -> list[list[Planned]]:
    """The tensors of each file: embedding, last norm and head in the first, then a layer a file.

    Each expert's three matrices stand by themselves, as transformers saves `qwen3_moe` and vLLM reads it.
    """
    hidden = config.hidden_size
    first = [
        Planned("model.embed_tokens.weight", (config.vocab_size, hidden)),
        Planned("model.norm.weight", (hidden,)),
    ]
    if not config.tie_word_embeddings:
        first.append(Planned("lm_head.weight", (config.vocab_size, hidden)))
    return [first, *(planned_layer(config, layer) for layer in range(config.num_hidden_layers))]


def planned_layer(config: ModelConfig, layer: int) -> list[Planned]:
    """The tensors of one layer in the order in which they are written: attention, norms, then what is left."""
    hidden, width = config.hidden_size, config.head_dim
    queries, keys = config.num_attention_heads * width, config.num_key_value_heads * width
    shapes = ((queries, hidden), (keys, hidden), (keys, hidden), (hidden, queries), (width,), (width,))
    prefix = f"model.layers.{layer}."
    planned = [
        Planned(f"{prefix}self_attn.{name}.weight", shape) for name, shape in zip(ATTENTION, shapes, strict=True)
    ]
    planned += [
        Planned(f"{prefix}{name}.weight", (hidden,)) for name in ("input_layernorm", "post_attention_layernorm")
    ]
    if not config.sparse:
        return planned + _matrices(f"{prefix}mlp.", config.intermediate_size, hidden)
    planned.append(Planned(f"{prefix}mlp.gate.weight", (config.num_experts, hidden)))
    for expert in range(config.num_experts):
        planned += _matrices(f"{prefix}mlp.experts.{expert}.", config.moe_intermediate_size, hidden)
    return planned


def _matrices(prefix: str, inner: int, hidden: int) -> list[Planned]:
    shapes = ((inner, hidden), (inner, hidden), (hidden, inner))
    return [Planned(f"{prefix}{name}.weight", shape) for name, shape in zip(MATRICES, shapes, strict=True)]
