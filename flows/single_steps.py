"""Flows that carry out a stage's build as far as one kind of step, for a look before the next one."""

from collections.abc import Callable
from typing import Any, Final

from prefect import flow

from flows.artifacts import Totals, artifact_key, publish_funnel, publish_pairs, publish_written
from flows.tasks import in_one_line, run_tasks, task_runner
from mixtures.recipe import load_recipe
from pipelines.build import Build, build
from pipelines.removals import removal_settings
from pipelines.synthesis_steps import WRITTEN_KINDS
from pipelines.workspace import Workspace
from sources.errors import BabelmixError

StepTotals = dict[str, dict[str, Any]]
_NOTHING_WRITTEN: Final = (
    "no {what} are written; the recipe asks for them with `synthesis: [{kind}]`, and BABELMIX_SYNTHESIS names the"
    " file with their server"
)


@flow(name="collect-sources", task_runner=task_runner)
@in_one_line
def collect_sources(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Reads what a stage's recipe needs into the one schema. Returns the totals of each step by its name."""
    return _as_far_as("collect", stage, model, profile, workspace)


@flow(name="curate-sources", task_runner=task_runner)
@in_one_line
def curate_sources(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Collects and curates what a stage's recipe needs, and publishes the funnel. Returns totals by step."""
    return _as_far_as("report", stage, model, profile, workspace, publish_funnel)


@flow(name="mine-bitext", task_runner=task_runner)
@in_one_line
def mine_bitext(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Mines the translation pairs of a stage's languages, and publishes their funnel. Returns totals by step."""
    nothing = "no pairs of any language; name another profile"
    return _needed_for("render", stage, model, profile, workspace, publish_pairs, nothing)


@flow(name="synthesise-questions", task_runner=task_runner)
@in_one_line
def synthesise_questions(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Writes regional questions in a stage's languages, publishes what became of them, returns totals by step."""
    return _written("questions", stage, model, profile, workspace)


@flow(name="synthesise-culture", task_runner=task_runner)
@in_one_line
def synthesise_culture(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Writes cultural articles in a stage's languages, publishes what became of them, returns totals by step."""
    return _written("culture", stage, model, profile, workspace)


@flow(name="translate", task_runner=task_runner)
@in_one_line
def translate(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Translates English documents into a stage's languages, publishes what became of them, returns totals."""
    return _written("translate", stage, model, profile, workspace)


@flow(name="rephrase", task_runner=task_runner)
@in_one_line
def rephrase(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Says a stage's documents of weak languages anew, publishes what became of them, returns totals by step."""
    return _written("rephrase", stage, model, profile, workspace)


@flow(name="tokenise-buckets", task_runner=task_runner)
@in_one_line
def tokenise_buckets(
    stage: int | str = 4, model: str = "marco-mini", profile: str = "sample", workspace: str = "workspace"
) -> StepTotals:
    """Collects, curates and tokenises what a stage's recipe needs. Returns totals by step."""
    return _as_far_as("tokenise", stage, model, profile, workspace)


def _as_far_as(
    kind: str,
    stage: int | str,
    model: str,
    profile: str,
    workspace: str,
    publish: Callable[[Build, Totals], None] = lambda plan, totals: None,
) -> StepTotals:
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    totals = dict(run_tasks(plan.as_far_as(kind), place, f"progress-{kind}-{artifact_key(plan)}"))
    publish(plan, totals)
    return totals


def _needed_for(
    kind: str,
    stage: int | str,
    model: str,
    profile: str,
    workspace: str,
    publish: Callable[[Build, Totals], None],
    nothing: str,
) -> StepTotals:
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    steps = plan.needed_for(kind)
    if not steps:
        raise BabelmixError(f"profile {profile}, stage {stage}: {nothing}")
    totals = dict(run_tasks(steps, place, f"progress-{kind}-{artifact_key(plan)}"))
    publish(plan, totals)
    return totals


def _written(kind: str, stage: int | str, model: str, profile: str, workspace: str) -> StepTotals:
    def publish(plan: Build, totals: Totals) -> None:
        publish_written(kind, plan, totals)

    nothing = _NOTHING_WRITTEN.format(what=WRITTEN_KINDS[kind], kind=kind)
    return _needed_for(kind, stage, model, profile, workspace, publish, nothing)
