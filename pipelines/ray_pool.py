"""Steps on a Ray cluster: each a datatrove pipeline in a task of Ray's, which runs it again if a node dies."""

import logging
import os
import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

from datatrove.executor import RayPipelineExecutor
from datatrove.executor.base import PipelineExecutor
from datatrove.utils.logging import logger

from pipelines.execute import Totals
from pipelines.executor_settings import ExecutorSettings
from pipelines.step import Step
from pipelines.step_on_cluster import Attempt, CarryOut, reachable, totals_of
from pipelines.workspace import Workspace
from sources.errors import BabelmixError, UnreachableError

_FORWARDED: Final = "BABELMIX_"
_ANSWER_S: Final = 10.0


class StepExecutor(RayPipelineExecutor):
    """datatrove's executor, for a pipeline of one task.

    datatrove's own `run` makes a placement group and an actor for each task: seconds for each, and a wait without
    end where a node dies between the two (0.10.1). A plain task takes a warm worker, and Ray itself repeats it.
    """

    # The base's: it logs where the attempt is. Ray's would log into one file of the machine for all steps.
    _run_for_rank = PipelineExecutor._run_for_rank

    def __init__(self, attempt: Attempt, settings: ExecutorSettings) -> None:
        resources = settings.of(attempt.step.kind)
        super().__init__(
            [CarryOut(attempt, resources.cpus)],
            logging_dir=attempt.folder,
            skip_completed=False,
            cpus_per_task=resources.cpus,
            mem_per_cpu_gb=(resources.memory_gb or 0) / resources.cpus,
        )
        self._options = {
            "name": attempt.step.name,
            "num_cpus": resources.cpus,
            "memory": int((resources.memory_gb or 0) * 2**30),
            "max_retries": settings.retries,
            "retry_exceptions": False,
        }

    def start(self) -> Any:
        """Gives the task to Ray; its reference."""
        import ray

        return ray.remote(_carry_out).options(**self._options).remote(self)

    def run(self) -> None:
        """Gives the task to Ray and waits for its end."""
        import ray

        ray.get(self.start())


def _carry_out(executor: StepExecutor) -> None:
    executor._run_for_rank(0)


class RayPool:
    """A connection to the cluster, and a thread for each step that is with it."""

    def __init__(self, settings: ExecutorSettings, workspace: Workspace) -> None:
        """Raises BabelmixError where Ray is not installed or the cluster does not answer."""
        _connect(settings)
        self.slots = settings.workers
        self._settings, self._workspace = settings, reachable(workspace)
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="ray-step")
        self._guard = threading.Lock()
        self._closed = False
        self._under_way: dict[Any, Attempt] = {}

    def submit(self, step: Step) -> Future[Totals]:
        """Has the step carried out on some node."""
        return self._threads.submit(self._carried_out, step)

    def _carried_out(self, step: Step) -> Totals:
        import ray

        attempt = Attempt.of(step, self._workspace, self._settings.logs)
        with self._guard:
            if self._closed:
                raise UnreachableError(f"{step.name}: the build was stopped")
            reference = StepExecutor(attempt, self._settings).start()
            self._under_way[reference] = attempt
        try:
            ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            # What the step raised there; Ray's own wrapper carries a traceback of two machines.
            raise attempt.error() or error.cause or error from None
        except (ray.exceptions.OutOfMemoryError, ray.exceptions.TaskCancelledError) as error:
            raise UnreachableError(f"{step.name}: {_first_line(error)}; see {attempt.folder}") from error
        except ray.exceptions.RayError as error:
            raise UnreachableError(
                f"{step.name}: lost on the Ray cluster {self._settings.retries + 1} times"
                f" ({_first_line(error)}); look at its nodes, and run the same command again"
            ) from error
        finally:
            with self._guard:
                self._under_way.pop(reference, None)
        totals = totals_of(step, self._workspace, "a node of the Ray cluster")
        if self._settings.logs is None:
            attempt.clear()
        return totals

    def __enter__(self) -> Self:
        # datatrove warns of every folder for logs that it is to be a shared one.
        logger.disable("datatrove")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import ray

        if error is not None:
            with self._guard:
                self._closed = True
                under_way = dict(self._under_way)
            for reference, attempt in under_way.items():
                if not (isinstance(error, Exception) and attempt.began):
                    ray.cancel(reference, force=not isinstance(error, Exception))
        self._threads.shutdown(wait=True, cancel_futures=error is not None)
        ray.shutdown()
        logger.enable("datatrove")


def _connect(settings: ExecutorSettings) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise BabelmixError("--executor ray: Ray is not installed; run pip install -e '.[ray]'") from error
    address = settings.ray.address or os.environ.get("RAY_ADDRESS") or "auto"
    forwarded = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_FORWARDED) or name in settings.ray.environment
    }
    try:
        _answers(address)
        ray.init(
            address=address,
            namespace="babelmix",
            runtime_env={"env_vars": forwarded} if forwarded else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise UnreachableError(
            f"Ray cluster {address}: {_first_line(error)}; start one with `ray start --head`, or name its"
            " address in RAY_ADDRESS or the file of BABELMIX_EXECUTOR"
        ) from error


def _answers(address: str) -> None:
    """Raises OSError where nobody listens at an address: Ray itself takes minutes to give up."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
