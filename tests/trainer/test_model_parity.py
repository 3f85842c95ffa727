"""Test 2 of the trainer: the same logits and gradients as transformers on the same weights."""

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3MoeConfig
from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func

from trainer.configuration import ModelConfig
from trainer.model.transformer import Transformer

torch.set_num_threads(1)

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
EXPERTS = {"num_experts": 12, "num_experts_per_tok": 4, "moe_intermediate_size": 16}


def pair(sparse: bool, tied: bool, normalised: bool = True) -> tuple[Transformer, torch.nn.Module]:
    """Ours and transformers' with the same weights, large enough for every part to matter."""
    config = ModelConfig(
        **SIZES, **(EXPERTS if sparse else {}), tie_word_embeddings=tied, norm_topk_prob=normalised
    )
    ours = Transformer(config)
    ours.initialise(3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    shared = dict(SIZES, tie_word_embeddings=tied, rope_theta=1e6)
    stock = Qwen3MoeConfig(**shared, **EXPERTS, norm_topk_prob=normalised) if sparse else Qwen3Config(**shared)
    theirs = AutoModelForCausalLM.from_config(stock, attn_implementation="sdpa").float().eval()
    weights = {name: tensor for name, tensor in ours.state_dict().items() if "balance_bias" not in name}
    if tied:
        weights["lm_head.weight"] = ours.head.detach()
    theirs.load_state_dict(weights)
    return ours, theirs


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float(((found - wanted).norm() / wanted.norm()).detach())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("sparse", "normalised"), [(True, True), (True, False), (False, True)])
def test_logits_and_gradients_equal_transformers(sparse: bool, normalised: bool, tied: bool) -> None:
    ours, theirs = pair(sparse, tied, normalised)
    tokens = torch.randint(0, 97, (2, 21), generator=torch.Generator().manual_seed(1))
    assert theirs.config.rope_parameters["rope_theta"] == 1e6
    logits = theirs(tokens).logits
    assert relative(ours.logits(tokens), logits) < 1e-5

    labels = tokens.roll(-1, 1)
    functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum").backward()
    ours.loss(tokens, labels).cross_entropy.backward()
    wanted = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None and wanted[name].grad is not None, name
        assert relative(parameter.grad, wanted[name].grad) < 1e-5, name


@pytest.mark.parametrize("sparse", [True, False])
def test_packed_documents_have_the_logits_transformers_gives_each_alone(sparse: bool) -> None:
    ours, theirs = pair(sparse, tied=True)
    tokens = torch.randint(0, 97, (1, 30), generator=torch.Generator().manual_seed(2))
    documents = torch.tensor([[7] * 4 + [8] * 15 + [9] * 11], dtype=torch.int32)
    packed = ours.logits(tokens, documents)
    for start, end in ((0, 4), (4, 19), (19, 30)):
        assert relative(packed[:, start:end], theirs(tokens[:, start:end]).logits) < 1e-5


def test_the_balance_loss_is_transformers_per_layer_in_units_of_one() -> None:
    ours, _ = pair(True, tied=True)
    tokens = torch.randint(0, 97, (2, 21), generator=torch.Generator().manual_seed(1))
    parts = ours.loss(tokens, tokens)
    each = [load_balancing_loss_func((logits,), 12, 4) for logits in ours(tokens).router_logits]
    assert parts.balance.item() == pytest.approx(torch.stack(each).mean().item() / 4, rel=1e-5)
