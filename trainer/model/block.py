"""One layer of the model: attention, then a dense feed-forward layer or experts, each on the normalised stream."""

from torch import Tensor, nn
from torch.nn import functional

from trainer.configuration import ModelConfig
from trainer.model.attention import Attention, Places
from trainer.model.experts import SparseLayer
from trainer.model.router import Routing


class DenseLayer(nn.Module):
    """The SwiGLU feed-forward layer of the dense Qwen3."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`x` and the result are (..., hidden)."""
        result: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return result


class Block(nn.Module):
    """A layer; parameter names are transformers'."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp: DenseLayer | SparseLayer = SparseLayer(config) if config.sparse else DenseLayer(config)
        self.input_layernorm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(self, x: Tensor, places: Places) -> tuple[Tensor, Routing | None, Tensor | None]:
        """`x` (batch, length, hidden) to the same shape; the routing and the experts' counts (E,), if sparse."""
        x = x + self.self_attn(self.input_layernorm(x), places)
        normed = self.post_attention_layernorm(x)
        if isinstance(self.mlp, SparseLayer):
            mixed, routing, counts = self.mlp(normed)
            return x + mixed, routing, counts
        return x + self.mlp(normed), None, None
