"""`babelmix mix --executor ray` on a Ray cluster of several raylets on this machine."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from command_line import (
    BABELMIX,
    PATIENCE_S,
    REPOSITORY,
    CommandLine,
    Ended,
    complete,
    digests,
    environment,
    times,
)
from conftest import Built
from few_languages import few_languages

STORE_BYTES = 80 * 2**20


def _patiently(start: Callable[[], Any]) -> Any:
    """Ray gives a node 30 s to start, which may be too few on a machine that does much else besides."""
    for _ in range(9):
        with suppress(Exception):
            return start()
    return start()


@contextmanager
def _cluster() -> Iterator[Any]:
    """A head that runs nothing, and two nodes of one processor."""
    pytest.importorskip("ray", reason="needs pip install -e '.[ray]'")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patched:
        # What the nodes' processes inherit.
        for name in [each for each in os.environ if each.startswith(("BABELMIX_", "PREFECT_", "RAY_"))]:
            patched.delenv(name)
        patched.setenv("PYTHONPATH", str(REPOSITORY))
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("HF_HUB_OFFLINE", "1")
        head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        cluster = _patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
        try:
            for _ in range(2):
                _patiently(lambda: cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with _cluster() as found:
        yield found


def _start(cluster: Any, folder: Path, *further: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [BABELMIX, "mix", few_languages(folder), "--executor", "ray", *further],
        cwd=folder,
        env=environment(RAY_ADDRESS=cluster.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _ended(process: "subprocess.Popen[str]") -> Ended:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Ended(process.returncode, out, err)


def _mix(cluster: Any, folder: Path, *further: str) -> Ended:
    return _ended(_start(cluster, folder, *further))


def _until_under_way(process: "subprocess.Popen[str]", workspace: Path, raylet: int) -> Path:
    """Waits until a step runs on the node of `raylet`, when others are complete; the folder of its attempt."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        for started in workspace.glob(".staging/cluster/*/started"):
            try:
                worker = started.read_text().split()[1]
                parent = int(Path("/proc", worker, "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if parent == raylet and len(complete(workspace)) > 3:
                return started.parent
        time.sleep(0.01)


@pytest.mark.slow
def test_the_bytes_are_those_of_a_build_on_this_machine(cluster: Any, built_few: Built, tmp_path: Path) -> None:
    assert _mix(cluster, tmp_path).done().splitlines()[-2:] == built_few.ended.out.splitlines()[-2:]
    assert digests(tmp_path / "workspace") == digests(built_few.workspace)
    assert not (tmp_path / "workspace" / ".staging").exists()
    before = times(tmp_path / "workspace")
    assert "Nothing was recomputed" in _mix(cluster, tmp_path).done()
    assert times(tmp_path / "workspace") == before


@pytest.mark.slow
def test_a_steps_mistake_is_said_in_its_line(cluster: Any, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "sources" / "sample", tmp_path / "mirror")
    (broken,) = (tmp_path / "mirror" / "fineweb-2" / "data" / "ell_Grek" / "train").glob("*.parquet")
    broken.write_bytes(b"PAR1")
    # A relative path: the nodes' processes run in other folders.
    line = _mix(cluster, tmp_path, "--profile", "mirror").mistake()
    assert str(broken.relative_to(tmp_path)) in line


@pytest.mark.slow
def test_a_killed_driver_leaves_nothing_that_the_next_one_minds(
    cluster: Any, built_few: Built, tmp_path: Path
) -> None:
    process = _start(cluster, tmp_path)
    deadline = time.monotonic() + PATIENCE_S
    while len(complete(tmp_path / "workspace")) < 8:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _mix(cluster, tmp_path).done()
    assert digests(tmp_path / "workspace") == digests(built_few.workspace)


@pytest.mark.slow
def test_a_node_that_dies_under_way_changes_no_byte(built_few: Built, tmp_path: Path) -> None:
    with _cluster() as cluster:
        (raylet,) = cluster.worker_nodes.copy().pop().all_processes["raylet"]
        process = _start(cluster, tmp_path)
        attempt = _until_under_way(process, tmp_path / "workspace", raylet.process.pid)
        os.kill(raylet.process.pid, signal.SIGKILL)
        # The step was not done: its driver has not yet cleared what was noted of it.
        assert attempt.exists()
        _ended(process).done()
        assert digests(tmp_path / "workspace") == digests(built_few.workspace)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_does_not_answer_is_one_line(tmp_path: Path, babelmix: CommandLine, address: str) -> None:
    pytest.importorskip("ray", reason="needs pip install -e '.[ray]'")
    few_languages(tmp_path)
    line = babelmix("mix", "few.yaml", "--executor", "ray", own={"RAY_ADDRESS": address}).mistake()
    assert f"Ray cluster {address}: " in line
    assert "start one with `ray start --head`" in line
