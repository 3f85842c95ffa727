"""The flow that builds a stage's mixture: each step of `pipelines.build` is one task.

Tasks get steps and paths and give totals; documents never pass through Prefect. A step is one source and
language, never one file: thousands of tasks unsettle a Prefect server.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.artifacts import publish
from mixtures.recipe import load_recipe
from pipelines.build import build
from pipelines.execute import execute
from pipelines.pool import worker_pool
from pipelines.step import Step, status
from pipelines.workspace import Workspace
from sources.errors import BabelmixError

WORKERS = len(os.sched_getaffinity(0))


def _fingerprint(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """Prefect's cache key of a step: its fingerprint, and none while its folders do not stand."""
    step, workspace = parameters["step"], parameters["workspace"]
    return f"{workspace.url}:{step.fingerprint}" if status(step, workspace).complete else None


def _is_passing(task: Any, run: Any, state: Any) -> bool:
    """A user's mistake is the same at the next try; a lost connection may not be."""
    result = state.result(raise_on_failure=False)
    return not isinstance(result, BabelmixError)


@task(
    task_run_name="{step.name}",
    retries=2,
    retry_delay_seconds=[5, 30],
    retry_condition_fn=_is_passing,
    cache_policy=CacheKeyFnPolicy(cache_key_fn=_fingerprint),
    persist_result=True,
    result_serializer="json",
)
def run_step(step: Step, workspace: Workspace, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Carries out one step in a worker process and returns the totals of its manifest."""
    logger = get_run_logger()
    found = status(step, workspace)
    if found.complete:
        logger.info("%s: complete, nothing to do", step.name)
    else:
        logger.info("%s: %s", step.name, "; ".join(found.reasons))
    return dict(pool.submit(execute, step, workspace).result())


@flow(name="build-mix", task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))
def build_mix(
    stage: int = 4,
    model: str = "marco-mini",
    profile: str = "sample",
    tokens: int | None = None,
    workspace: str = "workspace",
    seed: int = 0,
) -> dict[str, Any]:
    """Collects, curates, tokenises, plans and orders the mixture of one stage.

    `profile` is `sample`, `hub` or a folder that mirrors the upstream layouts; `tokens` is the mixture's size,
    the recipe's own by default. Returns the mixture's totals. Publishes the token table and the funnel as
    artifacts.
    """
    logger = get_run_logger()
    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, tokens, seed)
    progress = create_progress_artifact(0.0, key=f"progress-{model}-stage{stage}")
    with place.lock(), worker_pool(WORKERS) as pool:
        futures: dict[str, PrefectFuture[dict[str, Any]]] = {}
        for step in plan.steps:
            needed = [futures[each.name] for each in step.inputs]
            futures[step.name] = run_step.submit(step, place, pool, wait_for=needed)
        for number, _ in enumerate(as_completed(list(futures.values())), start=1):
            update_progress_artifact(progress, 100.0 * number / len(futures))
        totals = {name: future.result() for name, future in futures.items()}
    publish(plan, totals)
    logger.info("The mixture is in %s", place.at(plan.mix.name))
    return totals[plan.mix.name]
