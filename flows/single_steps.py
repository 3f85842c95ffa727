"""Flows that carry out a stage's build as far as one kind of step, for a look before the next one."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from prefect import flow

from flows.artifacts import Totals, artifact_key, publish_funnel, publish_pairs, publish_written
from flows.tasks import in_one_line, run_tasks
from mixtures.recipe import load_recipe
from pipelines.build import Build, build
from pipelines.executor_settings import LOCAL
from pipelines.removals import removal_settings
from pipelines.step import Step
from pipelines.synthesis_steps import WRITTEN_KINDS
from pipelines.workspace import Workspace
from sources.errors import BabelmixError

StepTotals = dict[str, dict[str, Any]]
Publish = Callable[[Build, Totals], None]
_NOTHING_MINED: Final = "no pairs of any language; name another profile"
_NOTHING_WRITTEN: Final = (
    "no {what} are written; the recipe asks for them with `synthesis: [{kind}]`, and BABELMIX_SYNTHESIS names the"
    " file with their server"
)


class _Asked(NamedTuple):
    """The parameters that all of these flows have."""

    stage: int | str
    model: str
    profile: str
    workspace: str
    executor: str

    def build(self) -> Build:
        removals = removal_settings(Workspace(self.workspace))
        return build(load_recipe(self.model, self.stage), self.profile, None, 0, removals)

    def run(self, kind: str, plan: Build, steps: tuple[Step, ...], publish: Publish | None) -> StepTotals:
        key = f"progress-{kind}-{artifact_key(plan)}"
        totals = dict(run_tasks(steps, Workspace(self.workspace), key, self.executor))
        if publish is not None:
            publish(plan, totals)
        return totals


@flow(name="collect-sources")
@in_one_line
def collect_sources(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Reads what a stage's recipe needs into the one schema. Returns the totals of each step by its name."""
    return _as_far_as("collect", _Asked(stage, model, profile, workspace, executor))


@flow(name="curate-sources")
@in_one_line
def curate_sources(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Collects and curates what a stage's recipe needs, and publishes the funnel. Returns totals by step."""
    return _as_far_as("report", _Asked(stage, model, profile, workspace, executor), publish_funnel)


@flow(name="mine-bitext")
@in_one_line
def mine_bitext(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Mines the translation pairs of a stage's languages, and publishes their funnel. Returns totals by step."""
    return _needed_for("render", _Asked(stage, model, profile, workspace, executor), publish_pairs, _NOTHING_MINED)


@flow(name="synthesise-questions")
@in_one_line
def synthesise_questions(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Writes regional questions in a stage's languages, publishes what became of them, returns totals by step."""
    return _written("questions", _Asked(stage, model, profile, workspace, executor))


@flow(name="synthesise-culture")
@in_one_line
def synthesise_culture(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Writes cultural articles in a stage's languages, publishes what became of them, returns totals by step."""
    return _written("culture", _Asked(stage, model, profile, workspace, executor))


@flow(name="translate")
@in_one_line
def translate(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Translates English documents into a stage's languages, publishes what became of them, returns totals."""
    return _written("translate", _Asked(stage, model, profile, workspace, executor))


@flow(name="rephrase")
@in_one_line
def rephrase(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Says a stage's documents of weak languages anew, publishes what became of them, returns totals by step."""
    return _written("rephrase", _Asked(stage, model, profile, workspace, executor))


@flow(name="tokenise-buckets")
@in_one_line
def tokenise_buckets(
    stage: int | str = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    workspace: str = "workspace",
    executor: str = LOCAL,
) -> StepTotals:
    """Collects, curates and tokenises what a stage's recipe needs. Returns totals by step."""
    return _as_far_as("tokenise", _Asked(stage, model, profile, workspace, executor))


def _as_far_as(kind: str, asked: _Asked, publish: Publish | None = None) -> StepTotals:
    plan = asked.build()
    return asked.run(kind, plan, plan.as_far_as(kind), publish)


def _needed_for(kind: str, asked: _Asked, publish: Publish, nothing: str) -> StepTotals:
    plan = asked.build()
    steps = plan.needed_for(kind)
    if not steps:
        raise BabelmixError(f"profile {asked.profile}, stage {asked.stage}: {nothing}")
    return asked.run(kind, plan, steps, publish)


def _written(kind: str, asked: _Asked) -> StepTotals:
    def publish(plan: Build, totals: Totals) -> None:
        publish_written(kind, plan, totals)

    return _needed_for(kind, asked, publish, _NOTHING_WRITTEN.format(what=WRITTEN_KINDS[kind], kind=kind))
