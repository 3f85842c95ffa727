"""Test 3 of the trainer: grouped products, the loop and a dense reference agree, whatever the routing."""

import pytest
import torch
from torch.nn import functional

from trainer.configuration import ModelConfig
from trainer.model import experts as experts_module
from trainer.model.experts import Order, SparseLayer, grouped, one_by_one, usable

torch.set_num_threads(1)

EXPERTS, PER_TOKEN, WIDTH, HIDDEN, TOKENS = 6, 2, 8, 16, 20
CONFIG = ModelConfig(
    hidden_size=HIDDEN, num_experts=EXPERTS, num_experts_per_tok=PER_TOKEN, moe_intermediate_size=WIDTH
)


def layer() -> SparseLayer:
    made = SparseLayer(CONFIG)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return made


def inputs(kind: str) -> torch.Tensor:
    """Tokens that are routed evenly, that leave experts empty, or that all want the same experts."""
    generator = torch.Generator().manual_seed(6)
    if kind == "spread":
        return torch.randn(1, TOKENS, HIDDEN, generator=generator)
    one = torch.randn(1, 1, HIDDEN, generator=generator)
    return one.repeat(1, TOKENS, 1) * torch.linspace(0.5, 2, TOKENS).view(1, -1, 1)


def by_mask(made: SparseLayer, x: torch.Tensor) -> torch.Tensor:
    """Every expert on every token, weighted with zero where it was not chosen."""
    flat = x.view(-1, HIDDEN)
    routing = made.gate(flat)
    weights = torch.zeros(flat.shape[0], EXPERTS).scatter(1, routing.chosen, routing.weights)
    total = torch.zeros_like(flat)
    for number in range(EXPERTS):
        gate, up = functional.linear(flat, made.experts.gate_up_proj[number]).chunk(2, dim=-1)
        output = functional.linear(functional.silu(gate) * up, made.experts.down_proj[number])
        total = total + weights[:, number, None] * output
    return total.view_as(x)


def outcome(made: SparseLayer, x: torch.Tensor, how: str) -> list[torch.Tensor]:
    """The output and the gradients of the input and all parameters."""
    made.zero_grad()
    x = x.clone().requires_grad_()
    y = by_mask(made, x) if how == "mask" else made(x)[0]
    y.square().sum().backward()
    grads = [parameter.grad for parameter in made.parameters()]
    assert x.grad is not None and all(grad is not None for grad in grads)
    return [y.detach(), x.grad, *(grad.clone() for grad in grads if grad is not None)]


@pytest.mark.parametrize("kind", ["spread", "one choice for all"])
def test_grouped_loop_and_mask_agree_forward_and_backward(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, x = layer(), inputs(kind)
    if kind != "spread":
        counts = made(x)[2]
        assert int((counts == 0).sum()) == EXPERTS - PER_TOKEN and int(counts.max()) == TOKENS
    wanted = outcome(made, x, "mask")
    fast = outcome(made, x, "grouped")
    monkeypatch.setattr(experts_module, "usable", lambda *_: False)
    slow = outcome(made, x, "loop")
    for each in (fast, slow):
        for found, right in zip(each, wanted, strict=True):
            assert (found - right).norm().item() <= 1e-5 * right.norm().item()


def test_an_expert_without_tokens_has_a_gradient_of_zeros() -> None:
    made, x = layer(), inputs("one choice for all")
    grads = outcome(made, x, "grouped")
    empty = made(x)[2] == 0
    gate_up = grads[3]
    assert bool((gate_up[empty] == 0).all()) and bool((gate_up[~empty] != 0).any())
    assert all(bool(grad.isfinite().all()) for grad in grads)


def test_a_gradient_of_stride_zero_is_taken() -> None:
    made, x = layer(), inputs("spread")
    made(x)[0].sum().backward()
    assert made.experts.down_proj.grad is not None and bool(made.experts.down_proj.grad.isfinite().all())


@pytest.mark.parametrize("width", [8, 6])
def test_the_grouped_product_wants_rows_of_sixteen_bytes_and_gives_way_else(width: int) -> None:
    rows, matrices = torch.randn(10, width), torch.randn(3, 12, width)
    ends = torch.tensor([4, 4, 10], dtype=torch.int32)
    assert usable(rows, matrices) == (width == 8)
    torch.testing.assert_close(grouped(rows, matrices, ends), one_by_one(rows, matrices, ends))


def test_the_order_is_a_permutation_and_counts_pairs() -> None:
    chosen = torch.tensor([[2, 0], [2, 1], [5, 2]])
    order = Order.of(chosen, EXPERTS)
    assert order.counts().tolist() == [1, 1, 3, 0, 0, 1]
    assert order.pairs[order.rows.reshape(-1)].tolist() == list(range(6))
    assert chosen.reshape(-1)[order.pairs].tolist() == [0, 1, 2, 2, 2, 5]


def test_two_passes_are_equal_to_the_last_bit() -> None:
    made, x = layer(), inputs("spread")
    for once, again in zip(outcome(made, x, "grouped"), outcome(made, x, "grouped"), strict=True):
        assert torch.equal(once, again)


def test_a_bias_changes_the_choice_but_not_the_weights() -> None:
    made, x = layer(), inputs("spread").view(-1, HIDDEN)
    plain = made.gate(x)
    made.gate.balance_bias[3] = 10.0
    pushed = made.gate(x)
    assert bool((pushed.chosen == 3).any(dim=1).all()) and not bool((plain.chosen == 3).any(dim=1).all())
    scores = pushed.logits.softmax(-1).gather(1, pushed.chosen)
    torch.testing.assert_close(pushed.weights, scores / scores.sum(-1, keepdim=True))
