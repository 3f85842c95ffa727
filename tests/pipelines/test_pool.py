"""Worker processes that are lost."""

import os
import signal
from pathlib import Path

import pytest

from pipelines.pool import TRIES, WorkerPool
from sources.errors import BabelmixError


def dies(folder: str, times: int) -> int:
    """Kills its process the first `times` times, as for want of memory; returns how often it did."""
    before = len(list(Path(folder).iterdir()))
    if before < times:
        Path(folder, str(before)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return before


def fails() -> None:
    raise BabelmixError("a mistake")


def test_what_a_lost_worker_was_at_is_begun_again(tmp_path: Path) -> None:
    with WorkerPool(1) as pool:
        assert pool.submit(dies, str(tmp_path), 1).result() == 1


def test_work_that_kills_each_worker_is_one_clear_line_and_the_pool_goes_on(tmp_path: Path) -> None:
    with WorkerPool(1) as pool:
        with pytest.raises(BabelmixError, match=f"a worker process was killed {TRIES} times in a row"):
            pool.submit(dies, str(tmp_path), TRIES + 1).result()
        assert pool.submit(abs, -7).result() == 7


def test_an_error_of_the_work_is_not_tried_again() -> None:
    with WorkerPool(1) as pool, pytest.raises(BabelmixError, match="a mistake"):
        pool.submit(fails).result()
