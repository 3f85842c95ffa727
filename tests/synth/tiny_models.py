"""Writes a tiny Qwen3 or Qwen3-MoE with random weights (float32), to drive a real server with.

    python tests/synth/tiny_models.py FOLDER {qwen3|qwen3-moe}

Its tokens are the 256 bytes and ChatML's marks, so that every text is within its vocabulary and a completion ends
by chance about once in 260 tokens.
"""

import sys
from pathlib import Path
from typing import Any, Final

_MARKS: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# The embedding has room for these; vocabularies are multiples of eight.
_VOCABULARY: Final = 264
_CONTEXT: Final = 4096
_CHATML: Final = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tokenizer(folder: Path) -> None:
    """A byte-level tokenizer without merges, with ChatML as its template."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    marks = (*_MARKS, *(f"<|unused_{number}|>" for number in range(_VOCABULARY - len(alphabet) - len(_MARKS))))
    tokenizer = Tokenizer(models.BPE({character: number for number, character in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(marks))
    made: Any = transformers.PreTrainedTokenizerFast
    fast = made(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=_CONTEXT
    )
    fast.chat_template = _CHATML
    fast.save_pretrained(folder)


def write_model(folder: Path, kind: str) -> None:
    """The weights of seed 0 and their configuration, and the tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "vocab_size": _VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": _CONTEXT,
        "eos_token_id": 258,
        "pad_token_id": 256,
        "bos_token_id": None,
        "tie_word_embeddings": False,
        "dtype": "float32",
    }
    model: Any
    if kind == "qwen3":
        model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**settings))
    elif kind == "qwen3-moe":
        experts: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
        model = transformers.Qwen3MoeForCausalLM(transformers.Qwen3MoeConfig(**settings, **experts))
    else:
        raise SystemExit(f"{kind}: not known; qwen3 or qwen3-moe")
    model.to(torch.float32).save_pretrained(folder)
    write_tokenizer(folder)


if __name__ == "__main__":
    write_model(Path(sys.argv[1]), sys.argv[2])
