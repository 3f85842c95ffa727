"""Tests 7 and 10 of the trainer, and that the chunked cross-entropy is the plain one."""

import pytest
import torch
from torch.nn import functional

from trainer.configuration import ModelConfig
from trainer.model.loss import IGNORED, balance_loss, cross_entropy
from trainer.model.transformer import Transformer

torch.set_num_threads(1)

CONFIG = ModelConfig(
    vocab_size=60,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    num_experts=8,
    num_experts_per_tok=2,
    moe_intermediate_size=16,
)


def model(config: ModelConfig = CONFIG) -> Transformer:
    made = Transformer(config.model_copy(update={"initializer_range": 0.2}))
    made.initialise(1)
    return made


def batch(sequences: int = 4, length: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(0, 60, (sequences, length + 1), generator=torch.Generator().manual_seed(8))
    return tokens[:, :-1], tokens[:, 1:].clone()


def grads(made: Transformer) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in made.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_chunked_cross_entropy_is_the_plain_one(chunk: int) -> None:
    generator = torch.Generator().manual_seed(2)
    hidden = torch.randn(23, 16, generator=generator, requires_grad=True)
    head = torch.randn(40, 16, generator=generator, requires_grad=True)
    labels = torch.randint(0, 40, (23,), generator=generator)
    labels[3:7] = IGNORED
    wanted = functional.cross_entropy(functional.linear(hidden, head), labels, reduction="sum")
    right = torch.autograd.grad(wanted * 0.3, (hidden, head))
    found = cross_entropy(hidden, head, labels, chunk)
    torch.testing.assert_close(found, wanted)
    for each, other in zip(torch.autograd.grad(found * 0.3, (hidden, head)), right, strict=True):
        torch.testing.assert_close(each, other)


def test_a_token_without_label_carries_no_loss() -> None:
    tokens, labels = batch()
    made = model()
    labels[0] = IGNORED
    parts = made.loss(tokens, labels)
    assert int(parts.labelled) == 36
    torch.testing.assert_close(parts.cross_entropy, made.loss(tokens[1:], labels[1:]).cross_entropy)


def test_balance_is_one_when_even_and_rises_with_skew() -> None:
    even = balance_loss(torch.full((1, 8), 1 / 8), torch.full((1, 8), 5))
    assert float(even) == pytest.approx(1.0)
    losses = []
    for skew in (0.0, 1.0, 3.0):
        shares = torch.linspace(0, skew, 8).softmax(-1).unsqueeze(0)
        losses.append(float(balance_loss(shares, shares * 1000)))
    assert losses == sorted(losses) and losses[0] == pytest.approx(1.0, abs=1e-5) and losses[2] > 1.5


def test_skew_that_cancels_across_layers_is_still_counted() -> None:
    one = torch.tensor([0.9, 0.1])
    both = torch.stack([one, one.flip(0)])
    assert float(balance_loss(both, both * 100)) == pytest.approx(2 * (0.81 + 0.01))


@pytest.mark.parametrize("part", ["balance", "z"])
def test_the_routers_losses_reach_the_router_by_themselves(part: str) -> None:
    made = model()
    getattr(made.loss(*batch()), part).backward()
    for layer in made.model.layers:
        gradient = layer.mlp.gate.weight.grad
        assert gradient is not None and float(gradient.abs().max()) > 0


def test_four_batches_make_the_gradient_of_one_four_times_as_large() -> None:
    tokens, labels = batch()
    made = model()
    whole = made.loss(tokens, labels)
    (whole.cross_entropy / whole.labelled + whole.balance + whole.z).backward()
    wanted = grads(made)
    made.zero_grad()
    for row, label in zip(tokens.split(1), labels.split(1), strict=True):
        part = made.loss(row, label, load=lambda _: whole.counts)
        (part.cross_entropy / whole.labelled + (part.balance + part.z) / 4).backward()
    for name, gradient in grads(made).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("experts", [0, 8])
def test_a_documents_logits_do_not_change_with_its_neighbours(experts: int) -> None:
    made = model(CONFIG.model_copy(update={"num_experts": experts}))
    tokens, _ = batch(1, 20)
    documents = torch.tensor([[1] * 6 + [2] * 8 + [3] * 6], dtype=torch.int32)
    before = made.logits(tokens, documents)
    other = tokens.clone()
    other[:, :6] = (tokens[:, :6] + 1) % 60
    other[:, 14:] = (tokens[:, 14:] + 7) % 60
    after = made.logits(other, documents)
    torch.testing.assert_close(after[:, 6:14], before[:, 6:14])
    assert not torch.allclose(after[:, :6], before[:, :6])
    assert not torch.allclose(made.logits(tokens)[:, 6:14], before[:, 6:14])


def test_recomputed_layers_give_the_same_gradients_and_count_once() -> None:
    made = model()
    results = []
    for recompute in (False, True):
        made.recompute = recompute
        made.zero_grad()
        parts = made.loss(*batch())
        (parts.cross_entropy + parts.balance + parts.z).backward()
        results.append((parts.counts, grads(made)))
    assert torch.equal(results[0][0], results[1][0])
    for name, gradient in results[0][1].items():
        assert torch.equal(gradient, results[1][1][name]), name


def test_loss_falls_below_the_unigram_entropy() -> None:
    """Test 14 in small: text whose next token is known from the one before it."""
    made = model()
    tokens = (torch.arange(4 * 25) * 7 % 60).view(4, 25)
    optimizer = torch.optim.AdamW(made.parameters(), 5e-3)
    for _ in range(40):
        parts = made.loss(tokens[:, :-1], tokens[:, 1:])
        optimizer.zero_grad()
        (parts.cross_entropy / parts.labelled + 8e-3 * parts.balance).backward()
        optimizer.step()
    shares = torch.bincount(tokens[:, 1:].flatten(), minlength=60).float() / 96
    entropy = float(torch.special.entr(shares).sum())
    assert float(parts.cross_entropy.detach() / parts.labelled) < 0.5 * entropy
