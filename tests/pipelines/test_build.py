"""The steps of the stages of one model."""

import pytest

from mixtures.recipe import load_recipe, recipe_files
from pipelines.build import build


@pytest.mark.parametrize("model", sorted(recipe_files()))
def test_the_stages_of_a_model_have_the_same_documents_and_tokens(model: str) -> None:
    """Else a stage's build would make tokens again under another's mixture, and no curriculum could be read."""
    found: dict[str, str] = {}
    for stage in recipe_files()[model]:
        recipe = load_recipe(model, stage)
        plan = build(recipe, "sample", None, 0)
        steps = {
            step.name: step.fingerprint for step in plan.steps if step.kind in ("render", "questions", "tokenise")
        }
        assert {name for name in steps if "nllb" in name} and len(steps) > 20
        assert {name: found.get(name, mark) for name, mark in steps.items()} == steps
        assert {step.settings["language"] for step in plan.steps if step.kind == "render"} <= set(
            recipe.language_codes()
        )
        found |= steps
