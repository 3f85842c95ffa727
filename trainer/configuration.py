"""What a model is: its sizes, named as transformers' `Qwen3MoeConfig` names them, and its parameters counted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.loading import load_yaml


@dataclass(frozen=True, slots=True)
class Parameters:
    """How many parameters a model has, and how many of them one token meets.

    `active` counts the embedding once where it is tied, and the routers.
    """

    total: int
    active: int


class ModelConfig(BaseModel):
    """The sizes of a Qwen3 or Qwen3-MoE model; with `num_experts` 0 it is the dense Qwen3.

    Defaults are Qwen3-0.6B-Base's. Three of transformers' own defaults for `qwen3_moe` would be wrong here:
    `norm_topk_prob` false, `rope_theta` 10,000 and untied embeddings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocab_size: int = Field(default=151_936, ge=2)
    hidden_size: int = Field(default=1024, ge=1)
    intermediate_size: int = Field(default=3072, ge=1)
    """Of a dense feed-forward layer. A model of experts keeps it as the width it was upcycled from."""
    num_hidden_layers: int = Field(default=28, ge=1)
    num_attention_heads: int = Field(default=16, ge=1)
    num_key_value_heads: int = Field(default=8, ge=1)
    head_dim: int = Field(default=128, ge=2)
    max_position_embeddings: int = Field(default=32_768, ge=1)
    rope_theta: float = Field(default=1e6, gt=0)
    rms_norm_eps: float = Field(default=1e-6, gt=0)
    initializer_range: float = Field(default=0.02, gt=0)
    """Standard deviation of random weights, transformers' value."""
    tie_word_embeddings: bool = True
    num_experts: int = Field(default=0, ge=0)
    num_experts_per_tok: int = Field(default=8, ge=1)
    moe_intermediate_size: int = Field(default=384, ge=1)
    norm_topk_prob: bool = True
    """Whether the weights of a token's experts add up to 1. The scale N^(1/3) of upcycling presumes it."""
    bos_token_id: int | None = 151_643
    eos_token_id: int | None = 151_643

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_attention_heads {self.num_attention_heads} is no multiple of num_key_value_heads"
                f" {self.num_key_value_heads}; make it one"
            )
        if self.head_dim % 2:
            raise ValueError(f"head_dim {self.head_dim} is odd; rotary positions need an even one")
        if 0 < self.num_experts < self.num_experts_per_tok:
            raise ValueError(
                f"num_experts_per_tok {self.num_experts_per_tok} is more than num_experts {self.num_experts};"
                " lower it"
            )
        return self

    @property
    def sparse(self) -> bool:
        """Whether the feed-forward layers are experts."""
        return self.num_experts > 0

    def parameters(self) -> Parameters:
        """The parameters in total, and those that one token meets, by arithmetic."""
        hidden, heads = self.hidden_size, self.num_attention_heads + self.num_key_value_heads
        attention = 2 * hidden * heads * self.head_dim + 2 * self.head_dim
        one_expert = 3 * hidden * self.moe_intermediate_size
        router = hidden * self.num_experts
        if self.sparse:
            total_layer, active_layer = one_expert * self.num_experts, one_expert * self.num_experts_per_tok
        else:
            total_layer = active_layer = 3 * hidden * self.intermediate_size
        embeddings = self.vocab_size * hidden * (1 if self.tie_word_embeddings else 2)
        shared = embeddings + hidden + self.num_hidden_layers * (attention + 2 * hidden + router)
        return Parameters(
            total=shared + self.num_hidden_layers * total_layer,
            active=shared + self.num_hidden_layers * active_layer,
        )


def load_model_config(path: Path) -> ModelConfig:
    """The model's sizes in the YAML file at `path`.

    Raises:
        BabelmixError: the file cannot be read, has an unknown key or sizes that do not fit together.
    """
    return load_yaml(path, ModelConfig)
