"""Worker processes that carry out steps, and die with the process that started them."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar

from sources.errors import BabelmixError

# How often the same work is begun: a worker that it kills by its hunger for memory it kills each time.
TRIES: Final = 3
P = ParamSpec("P")
R = TypeVar("R")


class WorkerPool:
    """`workers` processes. Where one is lost, all are replaced, and what they were at is begun again.

    They are spawned, not forked: Polars, Arrow and Numba keep threads, and a fork copies their locks. Left to
    themselves they would outlive a parent that was killed, and go on writing beside the next run.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._processes = _processes(workers)
        self._renewing = threading.Lock()
        self._closing = False
        # They only wait for the processes.
        self._threads = ThreadPoolExecutor(workers)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(cancel_futures=error is not None)

    def submit(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Has `work` done by one of the processes.

        The future raises BabelmixError where processes were lost at it `TRIES` times.
        """
        return self._threads.submit(self._carry_out, work, *args, **kwargs)

    def shutdown(self, cancel_futures: bool = False) -> None:
        """Waits for what is under way; with `cancel_futures` what was not begun is left."""
        self._closing = self._closing or cancel_futures
        self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        self._processes.shutdown(wait=True, cancel_futures=cancel_futures)

    def _carry_out(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        for _ in range(TRIES):
            processes = self._processes
            try:
                return processes.submit(work, *args, **kwargs).result()
            except BrokenProcessPool:
                if self._closing:  # by Ctrl-C, which the processes get as well
                    raise
                self._renew(processes)
        raise BabelmixError(
            f"a worker process was killed {TRIES} times in a row, most likely for its memory; what was complete is"
            " kept: free memory, or let babelmix use fewer processors (taskset), and run the same command again"
        )

    def _renew(self, lost: ProcessPoolExecutor) -> None:
        with self._renewing:
            if self._processes is lost:
                # None of them may still be writing when the next begin.
                lost.shutdown(wait=True)
                self._processes = _processes(self._workers)


def _processes(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers, mp_context=get_context("spawn"), initializer=_die_with, initargs=(os.getpid(),)
    )


def _die_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
