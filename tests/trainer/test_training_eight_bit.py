"""Moments in 8 bits: the codes, what they take, and that training with them goes as with float32."""

import importlib.util
from typing import Any

import pytest
import torch
from torch.nn import functional

from trainer.training.eight_bit import block_of, decode, encode, levels, tables
from trainer.training.optimizer import Optimizer
from trainer.training.settings import OptimizerSettings

torch.set_num_threads(1)
CPU = torch.device("cpu")


def settings_of(**changes: Any) -> OptimizerSettings:
    return OptimizerSettings.model_validate(changes)


@pytest.mark.parametrize("signed", [True, False])
def test_levels_are_256_and_finer_towards_the_greatest_in_proportion(signed: bool) -> None:
    found = torch.tensor(levels(signed), dtype=torch.float64)
    assert len(found) == 256 and bool((found.diff() > 0).all())
    assert found[-1] == 1.0 and (found[0] > 0 or signed)
    if signed:
        assert 0.0 in found.tolist()
    # In the highest decade no value is further from a level than this share of itself; at 0.1 it is farthest.
    values = torch.linspace(0.1, 1.0, 10_001, dtype=torch.float64)
    nearest = (values.unsqueeze(1) - found).abs().amin(dim=1) / values
    assert float(nearest.max()) < (0.065 if signed else 0.035)


@pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="torchao is not installed")
@pytest.mark.parametrize("signed", [True, False])
def test_levels_are_torchaos_but_for_the_lowest_without_a_sign(signed: bool) -> None:
    from torchao.optim.quant_utils import create_dynamic_map

    theirs = torch.tensor(create_dynamic_map(signed=signed))
    first = 0 if signed else 1
    torch.testing.assert_close(torch.tensor(levels(signed))[first:], theirs[first:], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("signed", [True, False])
def test_a_value_takes_the_nearest_level_of_its_block(signed: bool) -> None:
    table = tables(CPU)[0 if signed else 1]
    values = torch.randn(9, 64, generator=torch.Generator().manual_seed(0)) ** 3
    values = values if signed else values.square()
    values[4] = 0.0
    codes, scales = encode(values, table)
    assert codes.dtype == torch.uint8 and scales.shape == (9,)
    assert torch.equal(scales, values.abs().amax(dim=1))
    found = decode(codes, scales, table)
    nearest = (values.unsqueeze(-1) - table * scales.view(-1, 1, 1)).abs().amin(dim=-1)
    torch.testing.assert_close((found - values).abs(), nearest, rtol=0, atol=1e-7 * float(scales.max()))
    assert torch.equal(found[4], torch.zeros(64))
    if not signed:
        assert bool((found[torch.arange(9) != 4] > 0).all())


@pytest.mark.parametrize(
    ("width", "size"),
    [(1024, 256), (384, 192), (768, 256), (2048, 256), (100, 100), (16, 16), (514, None), (15, None)],
)
def test_blocks_are_parts_of_a_row(width: int, size: int | None) -> None:
    assert block_of(width) == size


def test_a_matrix_takes_a_byte_a_moment_and_what_is_few_or_fragile_keeps_float32() -> None:
    shapes = {
        "model.layers.0.mlp.experts.gate_up_proj": (4, 64, 512),
        "model.layers.0.self_attn.q_proj.weight": (64, 512),
        "model.embed_tokens.weight": (100, 512),
        "model.layers.0.mlp.gate.weight": (4, 512),
        "model.norm.weight": (512,),
    }
    weights = {name: torch.zeros(shape) for name, shape in shapes.items()}
    states = dict(Optimizer(weights.items(), settings_of(moments="8-bit")).tensors())
    for name, weight in weights.items():
        own = [tensor for kind, tensor in states.items() if kind.endswith(f".{name}")]
        taken = sum(tensor.numel() * tensor.element_size() for tensor in own) / weight.numel()
        assert taken == (2 + 2 * 4 / 256 if "experts" in name or "q_proj" in name else 8), name


def learned(seed: int, **optimizer: Any) -> tuple[list[float], torch.Tensor]:
    """Losses of a two-layer network that learns another's outputs, and its first weights in the end."""
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(512, 64, generator=draw)
    teacher = [torch.randn(128, 64, generator=draw) / 8, torch.randn(10, 128, generator=draw) / 8]
    student = [torch.randn(weight.shape, generator=draw) / 8 for weight in teacher]
    dtype = torch.bfloat16 if optimizer.get("weights") == "bfloat16" else torch.float32
    weights = [weight.to(dtype).requires_grad_(True) for weight in student]
    settings = settings_of(weight_decay=0.01, **optimizer)
    ours = Optimizer([("first.weight", weights[0]), ("second.weight", weights[1])], settings)

    def through(layers: list[torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
        hidden = functional.silu(functional.linear(rows, layers[0].float()))
        return functional.linear(hidden, layers[1].float())

    losses = []
    for step in range(300):
        rows = inputs[(step * 64) % 512 :][:64]
        loss = functional.mse_loss(through(weights, rows), through(teacher, rows))
        ours.zero_grad()
        torch.autograd.backward(loss)
        ours.step(3e-3 * min(1.0, (300 - step) / 150))
        losses.append(float(loss.detach()))
    return losses, weights[0].detach().float()


@pytest.mark.parametrize(
    "optimizer",
    [
        {"moments": "8-bit"},
        {"weights": "bfloat16", "update": "master", "moments": "8-bit"},
        {"weights": "bfloat16", "update": "stochastic", "moments": "8-bit"},
    ],
)
def test_it_learns_as_with_float32_moments(optimizer: dict[str, Any]) -> None:
    exact, coded = learned(0)[0], learned(0, **optimizer)[0]
    assert exact[-1] < 0.05 * exact[0]
    for until in (50, 100, 200, 300):
        ours, theirs = sum(coded[until - 20 : until]) / 20, sum(exact[until - 20 : until]) / 20
        assert ours == pytest.approx(theirs, rel=0.15, abs=0.004 * exact[0]), until


def test_it_is_the_same_to_the_last_bit_every_time() -> None:
    options = {"weights": "bfloat16", "update": "stochastic", "moments": "8-bit"}
    assert torch.equal(learned(1, **options)[1], learned(1, **options)[1])


def test_a_gradient_that_fades_does_not_make_a_step_that_leaps() -> None:
    """A second moment far below its block's greatest is never taken for 0: the step stays near the rate."""
    weight = torch.zeros(1, 256, requires_grad=True)
    ours = Optimizer([("a.weight", weight)], settings_of(moments="8-bit", weight_decay=0))
    gradient = torch.full((1, 256), 1e-5)
    gradient[0, 0] = 1.0
    for step in range(20):
        weight.grad = gradient if step == 0 else gradient * torch.tensor([1.0, *[1e-6] * 255])
        before = weight.detach().clone()
        ours.step(1.0)
        assert float((weight.detach() - before).abs().max()) < 3.0, step


@pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="torchao is not installed")
def test_it_goes_where_torchaos_adamw_goes() -> None:
    from torchao.optim import AdamW8bit

    draw = torch.Generator().manual_seed(0)
    start = torch.randn(64, 256, generator=draw)
    exact, ours, theirs = (start.clone().requires_grad_(True) for _ in range(3))
    plain = Optimizer([("a.weight", exact)], settings_of())
    coded = Optimizer([("a.weight", ours)], settings_of(moments="8-bit"))
    reference = AdamW8bit([theirs], lr=0.01, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    for _ in range(20):
        gradient = torch.randn(start.shape, generator=draw)
        exact.grad, ours.grad, theirs.grad = gradient.clone(), gradient.clone(), gradient.clone()
        plain.step(0.01)
        coded.step(0.01)
        reference.step()
    moved = (exact.detach() - start).norm()
    assert float((theirs.detach() - ours.detach()).norm() / moved) < 0.05
    # No further from float32 moments than torchao's is.
    assert float((ours.detach() - exact.detach()).norm()) < 1.1 * float((theirs.detach() - exact.detach()).norm())


@pytest.mark.slow
def test_compiled_it_takes_the_same_steps_without_being_compiled_again() -> None:
    weights = []
    for compiled in (False, True):
        weight = torch.ones(8, 64, dtype=torch.bfloat16, requires_grad=True)
        settings = settings_of(weights="bfloat16", update="stochastic", moments="8-bit")
        ours = Optimizer([("a.weight", weight)], settings)
        if compiled:
            torch._dynamo.reset()
            torch._dynamo.utils.counters.clear()
            ours.compile()
        for step in range(6):
            weight.grad = torch.randn(8, 64, generator=torch.Generator().manual_seed(step)).bfloat16()
            ours.step(1e-3 * (step + 1))
        weights.append(weight.detach())
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-2, atol=0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 3
