"""What stands in a workspace after a block that ends well, fails, or is killed."""

import errno
import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from pipelines.workspace import Workspace
from sources.errors import BabelmixError


def make(workspace: Workspace, folder: str, content: str) -> None:
    with workspace.replacing([folder], {"fingerprint": content, "totals": {}}) as (target,):
        Path(target, "data").write_text(content)


def test_a_folder_is_complete_once_its_block_ends(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    with workspace.replacing(["a/b"], {"fingerprint": "x"}) as (target,):
        Path(target, "data").write_text("one")
        assert workspace.manifest("a/b") is None
    manifest = workspace.manifest("a/b")
    assert manifest is not None
    assert manifest["files"] == {"data": 3}
    assert (tmp_path / "a/b/data").read_text() == "one"


def test_a_failed_block_leaves_what_stood_before(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    make(workspace, "a", "old")
    with pytest.raises(RuntimeError), workspace.replacing(["a"], {"fingerprint": "new"}) as (target,):
        Path(target, "data").write_text("half")
        raise RuntimeError
    assert (tmp_path / "a/data").read_text() == "old"
    assert workspace.manifest("a") is not None


def test_a_second_run_replaces_the_whole_folder(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    make(workspace, "a", "old")
    Path(tmp_path, "a/stray").write_text("left over")
    make(workspace, "a", "new")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["data", "manifest.json"]


@pytest.mark.parametrize("damage", ["removed", "cut"])
def test_a_folder_with_a_damaged_file_is_not_complete(tmp_path: Path, damage: str) -> None:
    workspace = Workspace(str(tmp_path))
    make(workspace, "a", "content")
    if damage == "removed":
        (tmp_path / "a/data").unlink()
    else:
        (tmp_path / "a/data").write_text("cont")
    assert workspace.manifest("a") is None


def test_a_damaged_manifest_is_one_clear_line(tmp_path: Path) -> None:
    make(Workspace(str(tmp_path)), "a", "content")
    (tmp_path / "a/manifest.json").write_text("{")
    with pytest.raises(BabelmixError, match=r"manifest\.json: not JSON .* delete the folder"):
        Workspace(str(tmp_path)).manifest("a")


def test_manifests_hold_nothing_of_the_time_or_the_place(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(Workspace(str(tmp_path / name)), "a", "content")
    assert (tmp_path / "one/a/manifest.json").read_bytes() == (tmp_path / "two/a/manifest.json").read_bytes()
    assert json.loads((tmp_path / "one/a/manifest.json").read_text())["fingerprint"] == "content"


def test_a_second_run_at_once_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    with (
        workspace.lock(),
        pytest.raises(BabelmixError, match="another babelmix run"),
        Workspace(str(tmp_path)).lock(patience_s=0),
    ):
        pass
    with workspace.lock(patience_s=0):
        pass


def hold(path: str, ready: "multiprocessing.synchronize.Event") -> None:
    with Workspace(path).lock():
        Path(path, ".staging/half").mkdir(parents=True)
        ready.set()
        signal.pause()


def test_a_killed_run_gives_the_lock_back_and_its_staging_is_swept(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(str(tmp_path), ready))
    process.start()
    assert ready.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with Workspace(str(tmp_path)).lock():
        assert not (tmp_path / ".staging").exists()


def test_a_full_disk_is_one_clear_line_and_leaves_what_was_complete(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    make(workspace, "a", "old")
    with (
        pytest.raises(BabelmixError, match="No space left on device; what was complete is untouched"),
        workspace.replacing(["a"], {"fingerprint": "new"}),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert workspace.manifest("a") is not None


def test_a_workspace_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BabelmixError, match="cannot be written"), Workspace(str(tmp_path / "file")).lock():
        pass


def test_an_object_store_works_alike() -> None:
    workspace = Workspace("memory://bucket/workspace")
    import fsspec

    with workspace.replacing(["a"], {"fingerprint": "x"}) as (target,), fsspec.open(f"{target}/data", "w") as file:
        file.write("one")
    manifest = workspace.manifest("a")
    assert manifest is not None
    assert manifest["files"] == {"data": 3}
