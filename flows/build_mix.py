"""The flow that builds a stage's mixture, from the sources to the order."""

from typing import Any

from prefect import flow, get_run_logger

from flows.artifacts import artifact_key, publish
from flows.tasks import in_one_line, run_tasks
from mixtures.recipe import load_recipe
from mixtures.token_count import parse_tokens
from pipelines.build import build
from pipelines.executor_settings import LOCAL
from pipelines.removals import removal_settings
from pipelines.workspace import Workspace
from sources.errors import BabelmixError


@flow(name="build-mix", flow_run_name="{model} {stage}")
@in_one_line
def build_mix(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    tokens: int | str | None = None,
    workspace: str = "workspace",
    seed: int = 0,
    executor: str = LOCAL,
) -> dict[str, dict[str, Any]]:
    """Collects, curates, tokenises, plans and orders the mixture of one stage.

    `stage` is 1 to 4 or the path of a recipe file; `profile` is `sample`, `hub` or a folder that mirrors the
    upstream layouts; `tokens` is the mixture's size, as a number or as 20G, the recipe's own by default;
    `executor` is `local`, `ray` or `slurm`. Returns the totals of every step by its name. Publishes the
    token table and the funnel as artifacts.
    """
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, _size(tokens), seed, removal_settings(place))
    totals = run_tasks(plan.steps, place, f"progress-{artifact_key(plan)}", executor)
    publish(plan, totals)
    get_run_logger().info("The mixture is in %s", place.at(plan.mix.name))
    return dict(totals)


def _size(tokens: int | str | None) -> int | None:
    try:
        return None if tokens is None else parse_tokens(str(tokens))
    except ValueError as error:
        raise BabelmixError(f"tokens: {error}") from error
