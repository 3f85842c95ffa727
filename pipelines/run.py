"""Carries out the steps of a build on this machine, in the order of their inputs, several at once."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Final

from pipelines.execute import Totals, execute
from pipelines.pool import worker_pool
from pipelines.step import Status, Step, status
from pipelines.step_progress import told
from pipelines.workspace import Workspace

Report = Callable[[Step, Totals, bool], None]
# Seconds after which it is looked how far a step is that goes on.
_LOOK_S: Final = 1.0


def run_steps(
    steps: Sequence[Step],
    workspace: Workspace,
    report: Report,
    workers: int | None = None,
    tell: Callable[[Step, str], None] = lambda step, line: None,
) -> dict[str, Totals]:
    """Makes every step whose folders do not stand, and returns each step's totals by its name.

    `report(step, totals, made)` is called as each step ends, `made` telling whether it ran, and `tell(step, line)`
    with what a long step says of how far it is. Workers default to the processors this process may use. The first
    step that fails ends the run with its error, after the steps that were under way; what was complete stays
    complete.
    """
    with workspace.lock():
        found = [status(step, workspace) for step in steps]
        totals: dict[str, Totals] = {}
        for each in found:
            if each.complete and each.totals is not None:
                totals[each.step.name] = each.totals
                report(each.step, each.totals, False)
        waiting = [each.step for each in found if not each.complete]
        if waiting:
            _run(waiting, totals, workspace, report, workers or len(os.sched_getaffinity(0)), tell)
    return totals


def _run(
    waiting: list[Step],
    totals: dict[str, Totals],
    workspace: Workspace,
    report: Report,
    workers: int,
    tell: Callable[[Step, str], None],
) -> None:
    with worker_pool(min(workers, len(waiting))) as pool:
        running: dict[Future[Totals], Step] = {}
        try:
            while waiting or running:
                ready = [step for step in waiting if all(needed.name in totals for needed in step.inputs)]
                for step in ready:
                    running[pool.submit(execute, step, workspace)] = step
                    waiting.remove(step)
                done, going = wait(running, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for future in going:
                    if line := told(running[future], workspace):
                        tell(running[future], line)
                for future in done:
                    step = running.pop(future)
                    totals[step.name] = future.result()
                    report(step, totals[step.name], True)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def statuses(steps: Sequence[Step], workspace: Workspace) -> list[Status]:
    """What of `steps` stands in `workspace`, what would run, and why; changes nothing."""
    return [status(step, workspace) for step in steps]
