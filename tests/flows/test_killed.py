"""kill -9 at any moment of `babelmix mix`: the next run goes on, and the bytes are those of an undisturbed run."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import PATIENCE_S, CommandLine, complete, digests
from conftest import Built

KILLS = 20
SEED = 20


def _alive(group: int) -> list[int]:
    """The processes of a process group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def _ends_within(group: int, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while _alive(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _kill_at(process: "subprocess.Popen[bytes]", workspace: Path, folders: int, later_s: float) -> bool:
    """Kills it, and not its children, `later_s` after so many folders are complete; whether it still ran then."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and len(complete(workspace)) < folders:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(later_s)
    running = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return running


@pytest.mark.slow
def test_twenty_kills_lose_nothing_and_change_no_byte(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    """Moments are drawn over the whole build: after so many complete folders, and a random while longer."""
    workspace = tmp_path / "workspace"
    moments = random.Random(SEED)
    folders = len(complete(built.workspace))
    # The beginning of the first run, and the mixture, which is the last folder to be complete, among them.
    targets = [0, *sorted(moments.randrange(folders) for _ in range(KILLS - 2)), folders - 1]
    killed = 0
    for number, target in enumerate(targets):
        before = complete(workspace)
        process = babelmix.start("mix", "stage4")
        killed += _kill_at(process, workspace, target, later_s=moments.uniform(0, 0.1 if target else 1.5))
        assert set(before) <= set(complete(workspace))
        # Every other run begins at once, while the killed one's workers may still be there.
        assert number % 2 or _ends_within(process.pid, 5), "workers outlived their parent"
    assert killed == KILLS
    babelmix("mix", "stage4").done()
    assert digests(workspace) == digests(built.workspace)
    assert "Nothing was recomputed" in babelmix("mix", "stage4").done()
