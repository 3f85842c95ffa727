"""A model's config.json: what transformers wrote, or what it is to read."""

import json
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import ValidationError

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError

# What must have this value, or be absent, for a checkpoint to be a model that ours computes.
_FIXED: Final[dict[str, tuple[Any, ...]]] = {
    "hidden_act": ("silu",),
    "attention_bias": (False,),
    "use_sliding_window": (False,),
    "decoder_sparse_step": (1,),
    "mlp_only_layers": ([], None),
    "rope_scaling": (None,),
    "quantization_config": (None,),
}
_NAMES: Final = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
    "rms_norm_eps",
    "initializer_range",
    "tie_word_embeddings",
    "bos_token_id",
    "eos_token_id",
)
_SPARSE_NAMES: Final = ("num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob")


def config_json(config: ModelConfig, dtype: torch.dtype) -> dict[str, Any]:
    """What transformers and vLLM read: the keys of their version 4 and those of 5 that differ."""
    sparse = config.sparse
    kind = "qwen3_moe" if sparse else "qwen3"
    content: dict[str, Any] = {
        "architectures": ["Qwen3MoeForCausalLM" if sparse else "Qwen3ForCausalLM"],
        "model_type": kind,
        **{name: getattr(config, name) for name in _NAMES},
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "use_cache": True,
        "torch_dtype": str(dtype).removeprefix("torch."),
    }
    if sparse:
        content |= {
            "num_experts": config.num_experts,
            **{name: getattr(config, name) for name in _SPARSE_NAMES},
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
            "output_router_logits": False,
        }
    return content


def read_config(folder: Path) -> ModelConfig:
    """The sizes in the config.json of `folder`.

    Raises:
        TrainerError: it is missing or no JSON, of another architecture, or has a setting that ours has not.
    """
    path = folder / "config.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainerError(f"{path}: cannot be read ({error.strerror}); name a folder of safetensors") from error
    except ValueError as error:
        raise TrainerError(f"{path}: not JSON ({error}); download it again") from error
    kind = content.get("model_type") if isinstance(content, dict) else None
    if kind not in ("qwen3", "qwen3_moe"):
        raise TrainerError(f"{path}: model_type {kind!r}; only qwen3 and qwen3_moe are read")
    for name, allowed in _FIXED.items():
        if name in content and content[name] not in allowed:
            raise TrainerError(f"{path}: {name} {content[name]!r} is not supported; only {allowed[0]!r} is")
    rope = content.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        raise TrainerError(f"{path}: rope_type {rope['rope_type']!r} is not supported; only 'default' is")
    values = {name: content[name] for name in _NAMES if name in content}
    # transformers leaves out what is its default; these are its defaults, not ours.
    values["rope_theta"] = rope.get("rope_theta", content.get("rope_theta", 10_000.0))
    values.setdefault("tie_word_embeddings", False)
    if isinstance(values.get("eos_token_id"), list):
        values["eos_token_id"] = values["eos_token_id"][0]
    if kind == "qwen3_moe":
        values["num_experts"] = content.get("num_experts", content.get("num_local_experts", 128))
        values |= {name: content[name] for name in _SPARSE_NAMES if name in content}
        values.setdefault("norm_topk_prob", False)
    try:
        return ModelConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise TrainerError(f"{path}: {where} {first['msg']}") from error
