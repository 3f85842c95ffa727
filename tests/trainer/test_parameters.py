"""Test 1 of the trainer: the parameters of the real configurations, to the last one, on the real model."""

from pathlib import Path

import pytest
import torch

from sources.errors import BabelmixError
from trainer.configuration import load_model_config
from trainer.model.transformer import Transformer

FOLDER = Path(__file__).parents[2] / "trainer/configs/models"


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("marco-nano", 8_001_454_080, 602_701_824),
        ("marco-mini", 17_250_582_528, 867_631_104),
        ("qwen3-0.6b", 596_049_920, 596_049_920),
    ],
)
def test_the_published_models_have_their_parameters(name: str, total: int, active: int) -> None:
    config = load_model_config(FOLDER / f"{name}.yaml")
    with torch.device("meta"):
        model = Transformer(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == total
    assert config.parameters().total == total
    assert config.parameters().active == active


def test_nanos_active_parameters_without_routers_are_the_dense_seeds() -> None:
    nano = load_model_config(FOLDER / "marco-nano.yaml")
    routers = nano.num_hidden_layers * nano.hidden_size * nano.num_experts
    dense = load_model_config(FOLDER / "qwen3-0.6b.yaml")
    assert nano.parameters().active - routers == dense.parameters().total


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_counts_by_arithmetic_are_those_of_the_model(path: Path) -> None:
    for tied in (True, False):
        config = load_model_config(path).model_copy(update={"tie_word_embeddings": tied})
        with torch.device("meta"):
            model = Transformer(config)
        assert sum(parameter.numel() for parameter in model.parameters()) == config.parameters().total


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("num_expert: 8", "num_expert: unknown key; did you mean 'num_experts'?"),
        ("num_experts: 4", "num_experts_per_tok 8 is more than num_experts 4; lower it"),
        ("num_key_value_heads: 3", "is no multiple of num_key_value_heads 3"),
        ("head_dim: 7", "head_dim 7 is odd"),
    ],
)
def test_a_wrong_configuration_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(BabelmixError) as caught:
        load_model_config(path)
    assert told in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)
