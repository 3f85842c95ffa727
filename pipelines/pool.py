"""Worker processes that carry out steps, and die with the process that started them."""

import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """A pool of `workers` fresh processes.

    They are spawned, not forked: Polars, Arrow and Numba keep threads, and a fork copies their locks. Left to
    themselves they would outlive a parent that was killed, and go on writing beside the next run.
    """
    return ProcessPoolExecutor(
        max_workers=workers, mp_context=get_context("spawn"), initializer=_die_with, initargs=(os.getpid(),)
    )


def _die_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
