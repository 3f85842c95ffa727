"""The optimisers against torch's own, and what their memory options keep."""

import math
from typing import Any

import pytest
import torch

from trainer.training.muon import orthogonalised
from trainer.training.optimizer import Optimizer, rounded_at_random
from trainer.training.settings import OptimizerSettings

torch.set_num_threads(1)
EXPERTS = "model.layers.0.mlp.experts.gate_up_proj"


def settings_of(**changes: Any) -> OptimizerSettings:
    return OptimizerSettings.model_validate(changes)


def trained(settings: OptimizerSettings, weight: torch.Tensor, steps: int, rate: float = 0.01) -> torch.Tensor:
    """The weight after `steps` towards its own negative, with noise."""
    weight = weight.clone().requires_grad_(True)
    optimizer = Optimizer([("layer.weight", weight)], settings)
    noise = torch.Generator().manual_seed(1)
    goal = -weight.detach().float()
    for _ in range(steps):
        drawn = torch.randn(weight.shape, generator=noise)
        weight.grad = (weight.detach().float() - goal + drawn).to(weight.dtype)
        optimizer.step(rate)
    return weight.detach()


def test_float32_equals_torchs_adamw() -> None:
    torch.manual_seed(0)
    start = torch.randn(7, 5)
    ours = trained(settings_of(), start, 20)
    theirs = start.clone().requires_grad_(True)
    optimizer = torch.optim.AdamW([theirs], 0.01, (0.9, 0.95), 1e-8, 0.1)
    noise = torch.Generator().manual_seed(1)
    for _ in range(20):
        theirs.grad = theirs.detach() + start + torch.randn(start.shape, generator=noise)
        optimizer.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


def test_a_master_copy_takes_the_float32_path() -> None:
    """With gradients that bfloat16 holds, the master goes where float32 weights go."""
    start = torch.randn(6, 4).bfloat16()
    for moments, tolerance in (("float32", 1e-6), ("bfloat16", 2e-2)):
        weight, exact = start.clone().requires_grad_(True), start.float().requires_grad_(True)
        settings = settings_of(weights="bfloat16", update="master", moments=moments)
        ours, theirs = Optimizer([("a.weight", weight)], settings), Optimizer([("a.weight", exact)], settings_of())
        for step in range(30):
            gradient = torch.randn(6, 4, generator=torch.Generator().manual_seed(step)).bfloat16()
            weight.grad, exact.grad = gradient, gradient.float()
            ours.step(0.01)
            theirs.step(0.01)
        master = dict(ours.tensors())["master.a.weight"]
        torch.testing.assert_close(master, exact.detach(), rtol=tolerance, atol=tolerance)
        assert torch.equal(weight.detach(), master.bfloat16())


def test_updates_too_small_for_bfloat16_are_kept_on_average_by_stochastic_rounding_only() -> None:
    """At a rate of 1e-4 a weight of 1 moves by 1e-4, which rounding to the nearest step of 4e-3 loses."""
    start = torch.ones(4096, dtype=torch.bfloat16)
    weight = start.clone().requires_grad_(True)
    settings = settings_of(weights="bfloat16", update="stochastic", moments="bfloat16", weight_decay=0)
    optimizer = Optimizer([("a.weight", weight)], settings)
    for _ in range(50):
        weight.grad = torch.ones_like(weight)
        optimizer.step(1e-4)
    assert math.isclose(float(weight.detach().float().mean()), 1 - 50e-4, abs_tol=6e-4)


def test_rounding_at_random_keeps_what_bfloat16_holds_and_the_mean() -> None:
    held = torch.tensor([1.0, -2.5, 0.0, 3e-5]).bfloat16().float()
    random = torch.randint(0, 1 << 16, (4,), dtype=torch.int32)
    assert torch.equal(rounded_at_random(held, random), held)
    between = torch.full((1 << 16,), 1.001)
    rounded = rounded_at_random(between, torch.arange(1 << 16, dtype=torch.int32))
    assert torch.equal(rounded, rounded.bfloat16().float())
    assert math.isclose(float(rounded.double().mean()), 1.001, abs_tol=1e-6)


def test_a_rounded_run_is_the_same_every_time() -> None:
    settings = settings_of(weights="bfloat16", update="stochastic", moments="bfloat16")
    start = torch.randn(50, 3).bfloat16()
    assert torch.equal(trained(settings, start, 10), trained(settings, start, 10))


def test_muon_equals_torchs_on_matrices() -> None:
    torch.manual_seed(0)
    start = torch.randn(16, 24)
    ours, theirs = start.clone().requires_grad_(True), start.clone().requires_grad_(True)
    optimizer = Optimizer([("a.weight", ours)], settings_of(kind="muon"))
    reference: Any = torch.optim.Muon([theirs], 0.02, 0.1, 0.95, adjust_lr_fn="match_rms_adamw")
    for _ in range(10):
        ours.grad = theirs.grad = torch.randn(16, 24)
        optimizer.step(0.02)
        reference.step()
    # torch iterates in bfloat16.
    assert float((ours - theirs).detach().norm() / (start - theirs).detach().norm()) < 0.02


def test_muon_orthogonalises_each_experts_gate_and_up_alone() -> None:
    torch.manual_seed(0)
    weight = torch.randn(3, 8, 6, requires_grad=True)
    optimizer = Optimizer([(EXPERTS, weight)], settings_of(kind="muon", weight_decay=0))
    before = weight.detach().clone()
    weight.grad = torch.randn(3, 8, 6)
    weight.grad[1, :4] = 0.0  # one expert's gate has no gradient
    optimizer.step(1.0)
    moved = before - weight.detach()
    assert torch.equal(moved[1, :4], torch.zeros(4, 6))
    for expert, half in ((0, slice(0, 4)), (0, slice(4, 8)), (1, slice(4, 8)), (2, slice(0, 4))):
        values = torch.linalg.svdvals(moved[expert, half] / (0.2 * 6**0.5))
        assert bool(((values > 0.5) & (values < 1.3)).all())


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (2, 4, 4)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, ...]) -> None:
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape, generator=torch.Generator().manual_seed(0))))
    assert bool(((values > 0.5) & (values < 1.3)).all())


def test_norms_router_and_embeddings_do_not_decay() -> None:
    names = [
        "model.embed_tokens.weight",
        "model.layers.0.mlp.gate.weight",
        EXPERTS,
        "model.layers.0.q_proj.weight",
    ]
    weights = {name: torch.ones(2, 4, requires_grad=True) for name in names}
    weights["model.norm.weight"] = torch.ones(4, requires_grad=True)
    for moments in ("float32", "bfloat16"):
        optimizer = Optimizer(weights.items(), settings_of(moments=moments, weight_decay=0.5))
        for weight in weights.values():
            weight.grad = torch.zeros_like(weight)
        optimizer.step(0.1)
    decayed = [name for name, weight in weights.items() if float(weight.detach().flatten()[0]) < 1]
    assert decayed == [EXPERTS, "model.layers.0.q_proj.weight"]
