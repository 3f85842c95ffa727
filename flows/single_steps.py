"""Flows that carry out a stage's build as far as one kind of step, for a look before the next one."""

from typing import Any

from prefect import flow

from flows.artifacts import artifact_key, publish_funnel, publish_pairs, publish_questions
from flows.tasks import in_one_line, run_tasks
from mixtures.recipe import load_recipe
from pipelines.build import Build, build
from pipelines.executor_settings import LOCAL
from pipelines.removals import removal_settings
from pipelines.workspace import Workspace
from sources.errors import BabelmixError


@flow(name="collect-sources")
@in_one_line
def collect_sources(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> dict[str, dict[str, Any]]:
    """Reads what a stage's recipe needs into the one schema. Returns the totals of each step by its name."""
    return _as_far_as("collect", stage, model, profile, workspace, executor)[1]


@flow(name="curate-sources")
@in_one_line
def curate_sources(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> dict[str, dict[str, Any]]:
    """Collects and curates what a stage's recipe needs, and publishes the funnel. Returns totals by step."""
    plan, totals = _as_far_as("report", stage, model, profile, workspace, executor)
    publish_funnel(plan, totals)
    return totals


@flow(name="mine-bitext")
@in_one_line
def mine_bitext(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> dict[str, dict[str, Any]]:
    """Mines the translation pairs of a stage's languages, and publishes their funnel. Returns totals by step."""
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    steps = plan.needed_for("render")
    if not steps:
        raise BabelmixError(f"profile {profile}: no pairs of any language of stage {stage}; name another profile")
    key = artifact_key(plan)
    totals = dict(run_tasks(steps, place, f"progress-mine-{key}", executor))
    publish_pairs(plan, totals)
    return totals


@flow(name="synthesise-questions")
@in_one_line
def synthesise_questions(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> dict[str, dict[str, Any]]:
    """Writes regional questions in a stage's languages, publishes what became of them, returns totals by step."""
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    steps = plan.needed_for("questions")
    if not steps:
        raise BabelmixError(
            f"profile {profile}, stage {stage}: no questions are written; the recipe asks for them with"
            " `synthesis: [questions]`, and BABELMIX_SYNTHESIS names the file with their server"
        )
    key = artifact_key(plan)
    totals = dict(run_tasks(steps, place, f"progress-questions-{key}", executor))
    publish_questions(plan, totals)
    return totals


@flow(name="tokenise-buckets")
@in_one_line
def tokenise_buckets(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> dict[str, dict[str, Any]]:
    """Collects, curates and tokenises what a stage's recipe needs. Returns totals by step."""
    return _as_far_as("tokenise", stage, model, profile, workspace, executor)[1]


def _as_far_as(
    kind: str, stage: int | str, model: str, profile: str, workspace: str, executor: str
) -> tuple[Build, dict[str, dict[str, Any]]]:
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    key = f"progress-{kind}-{artifact_key(plan)}"
    return plan, dict(run_tasks(plan.as_far_as(kind), place, key, executor))
