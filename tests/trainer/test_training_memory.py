"""What a run will hold is counted before it is taken, and gradients are summed as they should be."""

from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.configuration import ModelConfig, load_model_config
from trainer.errors import TrainerError
from trainer.training.building import build_model
from trainer.training.distributed import Ranks
from trainer.training.gradients import GradientSums
from trainer.training.memory import Memory, must_fit, needed
from trainer.training.optimizer import Optimizer
from trainer.training.settings import TrainSettings, load_settings

CONFIGS = Path(__file__).parents[2] / "trainer" / "configs"
NANO = load_model_config(CONFIGS / "models" / "marco-nano.yaml")
MINI = load_model_config(CONFIGS / "models" / "marco-mini.yaml")


def settings_of(**optimizer: Any) -> TrainSettings:
    stage = {"name": "only", "tokens": 1, "schedule": {"peak": 1.0}}
    return TrainSettings.model_validate({"model": "m.yaml", "stages": [stage], "optimizer": optimizer})


@pytest.mark.parametrize(
    ("update", "moments", "gradients", "nano", "mini"),
    [
        ("exact", "float32", "float32", 16.0, 16.0),
        ("exact", "bfloat16", "float32", 12.0, 12.0),
        ("master", "float32", "bfloat16", 16.0, 16.0),
        ("master", "bfloat16", "bfloat16", 12.0, 12.0),
        ("master", "8-bit", "float32", 12.16, 12.09),
        ("master", "8-bit", "bfloat16", 10.16, 10.09),
        ("stochastic", "bfloat16", "bfloat16", 8.0, 8.0),
        ("stochastic", "8-bit", "float32", 8.16, 8.09),
        ("stochastic", "8-bit", "bfloat16", 6.16, 6.09),
    ],
)
def test_bytes_a_parameter(update: str, moments: str, gradients: str, nano: float, mini: float) -> None:
    weights = "float32" if update == "exact" else "bfloat16"
    settings = settings_of(weights=weights, update=update, moments=moments, gradients=gradients)
    for config, wanted in ((NANO, nano), (MINI, mini)):
        found = needed(config, settings)
        assert found.total / found.parameters == pytest.approx(wanted, abs=0.005)


@pytest.mark.parametrize(
    ("name", "gib"), [("marco-nano", 90.6), ("marco-mini", 97.8), ("marco-mini-global", 97.8)]
)
def test_the_configurations_fit_one_gpu_of_139_gib_as_they_say(name: str, gib: float) -> None:
    path = CONFIGS / f"{name}.yaml"
    settings = load_settings(path)
    assert needed(load_model_config(settings.model), settings).total / 2**30 == pytest.approx(gib, abs=0.1)
    if name != "marco-mini-global":
        assert f"{gib} GiB" in path.read_text()


def test_what_is_counted_is_what_is_taken() -> None:
    config = ModelConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16,
    )  # fmt: skip
    settings = settings_of(weights="bfloat16", update="master", moments="8-bit")
    model = build_model(config, settings, Ranks(0, 1, torch.device("cpu")))
    optimizer = Optimizer(model.named_parameters(), settings.optimizer)
    sums = GradientSums(model)
    for each in model.parameters():
        torch.nn.init.ones_(each)
    tokens = torch.randint(0, 100, (2, 8))
    torch.autograd.backward(model.loss(tokens, tokens).cross_entropy)
    sums.finish()

    def size(tensors: Any) -> int:
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    found = needed(config, settings)
    assert found.weights == size(model.parameters())
    assert found.gradients == size(each.grad for each in model.parameters())
    assert found.states == size(tensor for _, tensor in optimizer.tensors())


def test_many_small_gradients_are_summed_without_loss() -> None:
    """256 times 0.01 in bfloat16 is 2.53 where it should be 2.56."""
    layer = torch.nn.Linear(8, 1, bias=False, dtype=torch.bfloat16)
    sums = GradientSums(layer)
    row = torch.full((1, 8), 0.01, dtype=torch.bfloat16)
    for _ in range(2):  # steps
        for _ in range(256):
            torch.autograd.backward(layer(row).sum())
            assert layer.weight.grad is None
        sums.finish()
        gradient: Any = layer.weight.grad
        assert gradient.dtype == torch.float32
        assert torch.equal(gradient, torch.full((1, 8), 256 * float(row[0, 0])))
        layer.weight.grad = None


def test_a_gpu_that_is_too_small_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        total_memory = 80 << 30

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Small)
    nano = needed(NANO, load_settings(CONFIGS / "marco-nano.yaml"))
    one, two = (Ranks(0, count, torch.device("cuda")) for count in (1, 2))
    with pytest.raises(TrainerError, match=r"12\.16 bytes a parameter.*a GPU has 80 GiB: take more GPUs") as told:
        must_fit(nano, one)
    assert "\n" not in str(told.value)
    must_fit(nano, two)
    must_fit(Memory(1, 10**15, 0, 0), Ranks(0, 1, torch.device("cpu")))
