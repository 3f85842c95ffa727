"""One Prefect task for each step of a build, and how the tasks of a build are carried out.

Tasks get steps and paths and give totals; documents never pass through Prefect. A step is one source and
language, never one file: thousands of tasks unsettle a Prefect server.
"""

import functools
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, Final, ParamSpec, TypeVar, cast
from uuid import UUID

from prefect import get_run_logger, task
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Failed
from prefect.task_runners import ThreadPoolTaskRunner

from pipelines.step import Step, status
from pipelines.step_pool import StepPool, step_pool
from pipelines.step_progress import told
from pipelines.workspace import Workspace
from sources.errors import BabelmixError, UnreachableError
from sources.shown_text import shown_in_terminal

WORKERS: Final = len(os.sched_getaffinity(0))
# Seconds between two lines of the log on how far a step is.
_LOG_S: Final = 30.0


def _fingerprint(context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    """Prefect's cache key of a step: its fingerprint, and none while its folders do not stand.

    The workspace stands in it as a hash: Prefect makes a file name of the key.
    """
    step, workspace = parameters["step"], parameters["workspace"]
    place = hashlib.sha256(workspace.url.encode()).hexdigest()[:16]
    return f"{step.fingerprint}-{place}" if status(step, workspace).complete else None


def _may_pass(task: Any, run: Any, state: Any) -> bool:
    """A user's mistake is the same at the next try; a lost connection may not be."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, UnreachableError) or not isinstance(error, BabelmixError)


@task(
    task_run_name="{step.name}",
    retries=2,
    retry_delay_seconds=[5, 30],
    retry_condition_fn=_may_pass,
    cache_policy=CacheKeyFnPolicy(cache_key_fn=_fingerprint),
    persist_result=True,
    result_serializer="json",
)
def run_step(step: Step, workspace: Workspace, pool: StepPool) -> dict[str, Any] | State[Any]:
    """Carries out one step where the pool does and returns the totals of its manifest.

    A user's mistake ends the task Failed with its one line; Prefect would log an exception with its traceback.
    """
    logger = get_run_logger()
    found = status(step, workspace)
    if found.complete and found.totals is not None:
        logger.info("%s: complete, nothing to do", step.name)
        return dict(found.totals)
    logger.info("%s: %s", step.name, "; ".join(found.reasons))
    try:
        return dict(_told(pool.submit(step), step, workspace).result())
    except BabelmixError as error:
        return Failed(message=shown_in_terminal(str(error)), data=error)


def _told(future: Future[Mapping[str, Any]], step: Step, workspace: Workspace) -> Future[Mapping[str, Any]]:
    """The future when it is done; what the step says meanwhile of how far it is goes to the run's log."""
    logger, said = get_run_logger(), ""
    while not wait([future], timeout=_LOG_S).done:
        if (line := told(step, workspace)) and line != said:
            said = line
            logger.info("%s: %s", step.name, line)
    return future


P = ParamSpec("P")
R = TypeVar("R")


def in_one_line(flow: Callable[P, R]) -> Callable[P, R | State[Any]]:
    """A flow's function that ends Failed with the one line of a user's mistake, without a traceback."""

    @functools.wraps(flow)
    def run(*args: P.args, **kwargs: P.kwargs) -> R | State[Any]:
        try:
            return flow(*args, **kwargs)
        except BabelmixError as error:
            return Failed(message=shown_in_terminal(str(error)), data=error)

    return run


def run_tasks(
    steps: Sequence[Step], workspace: Workspace, progress_key: str, executor: str
) -> Mapping[str, dict[str, Any]]:
    """Carries out `steps`, which stand in the order of their inputs, and returns their totals by name.

    To be called in a flow. How many of the steps are done stands in the progress artifact `progress_key`.
    """
    description = "Steps that are complete, in percent."
    # Coroutines are for asynchronous flows; here they return what they make.
    progress = cast(UUID, create_progress_artifact(0.0, key=progress_key, description=description))
    # The runner's threads only wait for the pool, which does the work.
    with (
        workspace.lock() as workspace,
        step_pool(executor, workspace, WORKERS) as pool,
        ThreadPoolTaskRunner[Any](max_workers=pool.slots) as runner,
    ):
        futures: dict[str, PrefectFuture[dict[str, Any]]] = {}
        for step in steps:
            needed = [futures[each.name] for each in step.inputs]
            parameters = {"step": step, "workspace": workspace, "pool": pool}
            futures[step.name] = runner.submit(run_step, parameters, wait_for=needed)
        for number, _ in enumerate(as_completed(list(futures.values())), start=1):
            update_progress_artifact(progress, 100.0 * number / len(futures))
        return {name: future.result() for name, future in futures.items()}
