"""Carries out the steps of a build in the order of their inputs, several at once."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from pipelines.execute import Totals
from pipelines.executor_settings import LOCAL, check_executor
from pipelines.step import Status, Step, status
from pipelines.step_pool import StepPool, step_pool
from pipelines.workspace import Workspace

Report = Callable[[Step, Totals, bool], None]


def run_steps(
    steps: Sequence[Step],
    workspace: Workspace,
    report: Report,
    workers: int | None = None,
    executor: str = LOCAL,
) -> dict[str, Totals]:
    """Makes every step whose folders do not stand, and returns each step's totals by its name.

    `report(step, totals, made)` is called as each step ends, `made` telling whether it ran. `workers` are
    processes on this machine, by default as many as the processors this process may use; another `executor`
    has its own settings. The first step that fails ends the run with its error, after the steps that were under
    way; what was complete stays complete.
    """
    check_executor(executor)
    with workspace.lock():
        found = [status(step, workspace) for step in steps]
        totals: dict[str, Totals] = {}
        for each in found:
            if each.complete and each.totals is not None:
                totals[each.step.name] = each.totals
                report(each.step, each.totals, False)
        waiting = [each.step for each in found if not each.complete]
        if waiting:
            processes = min(workers or len(os.sched_getaffinity(0)), len(waiting))
            with step_pool(executor, workspace, processes) as pool:
                _run(waiting, totals, report, pool)
    return totals


def _run(waiting: list[Step], totals: dict[str, Totals], report: Report, pool: StepPool) -> None:
    running: dict[Future[Totals], Step] = {}
    while waiting or running:
        ready = [step for step in waiting if all(needed.name in totals for needed in step.inputs)]
        for step in ready:
            running[pool.submit(step)] = step
            waiting.remove(step)
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            step = running.pop(future)
            totals[step.name] = future.result()
            report(step, totals[step.name], True)


def statuses(steps: Sequence[Step], workspace: Workspace) -> list[Status]:
    """What of `steps` stands in `workspace`, what would run, and why; changes nothing."""
    return [status(step, workspace) for step in steps]
