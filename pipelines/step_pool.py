"""Where steps are given to be carried out: worker processes here, or a cluster."""

from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self

from pipelines.execute import Totals, execute
from pipelines.executor_settings import LOCAL, ExecutorSettings, check_executor
from pipelines.pool import WorkerPool
from pipelines.step import Step
from pipelines.workspace import Workspace


class StepPool(Protocol):
    """Takes steps whose inputs stand.

    Left by an error, it lets those that run come to their end and drops those that wait; left by an interruption,
    it stops both. `slots` is how many it may hold at once.
    """

    slots: int

    def submit(self, step: Step) -> Future[Totals]:
        """Has the step carried out; its totals, or what `execute` raises."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def step_pool(executor: str, workspace: Workspace, workers: int) -> StepPool:
    """The pool of `executor`, to be entered while the workspace is locked.

    `workers` is the number of processes on this machine; a cluster's settings are those of BABELMIX_EXECUTOR.

    Raises:
        BabelmixError: an unknown executor, a mistake in its settings, or a cluster that cannot be reached.
    """
    check_executor(executor)
    if executor == LOCAL:
        return _LocalPool(workspace, workers)
    if executor == "ray":
        from pipelines.ray_pool import RayPool

        return RayPool(ExecutorSettings.load(), workspace)
    from pipelines.slurm_pool import SlurmPool

    return SlurmPool(ExecutorSettings.load(), workspace)


class _LocalPool:
    def __init__(self, workspace: Workspace, workers: int) -> None:
        self.slots = workers
        self._workspace = workspace
        self._processes = WorkerPool(workers)

    def submit(self, step: Step) -> Future[Totals]:
        return self._processes.submit(execute, step, self._workspace)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processes.shutdown(cancel_futures=error is not None)
