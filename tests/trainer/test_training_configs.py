"""The configurations that come with the trainer: they load, and their stages are the recipes'."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from trainer.configuration import load_model_config
from trainer.training.flops import token_cost
from trainer.training.settings import TrainSettings, load_settings

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "trainer" / "configs"
TRILLION = 10**12


def recipe_tokens(model: str, stage: int) -> int:
    """From where to where a stage goes, as the recipe's file says."""
    recipe = yaml.safe_load((ROOT / "mixtures" / "recipes" / model / f"stage{stage}.yaml").read_text())
    begin, end = (round(float(str(recipe[key]).rstrip("T")) * TRILLION) for key in ("from", "to"))
    return end - begin


def settings_of(name: str) -> TrainSettings:
    return load_settings(CONFIGS / f"{name}.yaml")


@pytest.mark.parametrize("name", ["marco-nano", "marco-mini", "marco-mini-global"])
def test_stages_have_the_recipes_tokens(name: str) -> None:
    other = ["marco-mini", "marco-mini", "marco-mini-global", "marco-mini-global"]
    recipes = other if name == "marco-mini-global" else ["marco-mini"] * 4
    tokens = [stage.tokens for stage in settings_of(name).stages]
    assert tokens == [recipe_tokens(recipe, number) for number, recipe in enumerate(recipes, start=1)]


@pytest.mark.parametrize(
    ("name", "total"),
    [("marco-nano", 8_001_454_080), ("marco-mini", 17_250_582_528), ("marco-mini-global", 17_250_582_528)],
)
def test_models_are_marcos(name: str, total: int) -> None:
    assert load_model_config(settings_of(name).model).parameters().total == total


def test_a_nano_token_costs_what_was_worked_out_by_hand() -> None:
    """6 x 602,701,824 + 6 x 28 x 2,048 x 4,096 = 5.03 GFLOP."""
    cost = token_cost(load_model_config(settings_of("marco-nano").model), 4096)
    assert cost.flops == 6 * 602_701_824 + 6 * 28 * 2048 * 4096
    assert "5.03 GFLOP a token" in cost.formula


@pytest.mark.parametrize("name", ["tiny", "marco-nano", "marco-mini", "marco-mini-global"])
def test_rates_go_on_where_the_stage_before_ends(name: str) -> None:
    stages = settings_of(name).stages
    for before, after in pairwise(stages):
        falls = before.schedule.kind == "cosine" or before.schedule.decay_tokens
        end = before.schedule.final if falls else before.schedule.peak
        begin = after.schedule.start if after.schedule.warmup_tokens else after.schedule.peak
        assert begin == end


def test_the_tiny_run_fits_the_sample_mixture() -> None:
    settings = settings_of("tiny")
    assert sum(stage.tokens for stage in settings.stages) < 105_000
    assert settings.model.is_file()
