"""One step as it is sent to another machine: what is noted of it, and what comes back."""

from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from pipelines import step_on_cluster
from pipelines.build import collect_step
from pipelines.executor_settings import ExecutorSettings
from pipelines.step import status
from pipelines.step_on_cluster import Attempt, CarryOut, job_name, totals_of
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.profile import UnreachableError


def test_a_step_is_carried_out_and_its_totals_are_found(tmp_path: Path) -> None:
    step, workspace = collect_step("fineweb-2", "ell_Grek", "sample"), Workspace(str(tmp_path))
    attempt = Attempt.of(step, workspace, None)
    assert not attempt.began
    assert list(CarryOut(attempt).run()) == []
    assert attempt.began
    assert attempt.error() is None
    assert totals_of(step, workspace, "it") == status(step, workspace).totals
    attempt.clear()
    assert not Path(attempt.folder).exists()


def test_what_is_noted_is_for_its_owner_only_and_each_try_has_its_own_place(tmp_path: Path) -> None:
    step, workspace = collect_step("fineweb-2", "ell_Grek", "sample"), Workspace(str(tmp_path))
    one, other = (Attempt.of(step, workspace, str(tmp_path / "logs")) for _ in range(2))
    assert one.folder != other.folder
    assert Path(one.folder).stat().st_mode & 0o077 == 0


def test_another_version_of_the_step_is_refused(tmp_path: Path) -> None:
    step = collect_step("fineweb-2", "ell_Grek", "sample")
    attempt = Attempt.of(replace(step, version=step.version + 1), Workspace(str(tmp_path)), None)
    with pytest.raises(BabelmixError, match="install the same babelmix on all machines"):
        list(CarryOut(attempt).run())
    assert not (tmp_path / "collected").exists()


@pytest.mark.parametrize("kind", [BabelmixError, UnreachableError])
@pytest.mark.parametrize("place", ["folder", "memory://attempts"])
def test_a_mistake_comes_back_as_what_it_was(tmp_path: Path, kind: type[BabelmixError], place: str) -> None:
    step = collect_step("fineweb-2", "ell_Grek", "sample")
    logs = str(tmp_path / place) if place == "folder" else place
    attempt = Attempt.of(step, Workspace(str(tmp_path)), logs)
    attempt.fail(kind("file.parquet: row 3: «text» is missing"))
    found = attempt.error()
    assert type(found) is kind
    assert str(found) == "file.parquet: row 3: «text» is missing"
    attempt.clear()
    fs, root = fsspec.core.url_to_fs(attempt.folder)
    assert not fs.exists(root)


def test_a_workspace_that_is_not_shared_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_on_cluster, "PATIENCE_S", 0.0)
    step = collect_step("fineweb-2", "ell_Grek", "sample")
    with pytest.raises(BabelmixError, match="node 7 finished collected/fineweb-2/ell_Grek, but it is not seen"):
        totals_of(step, Workspace(str(tmp_path)), "node 7")


def test_the_jobs_of_a_workspace_have_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert job_name(Workspace("workspace")) == job_name(Workspace(str(tmp_path / "workspace")))
    assert job_name(Workspace("workspace")) != job_name(Workspace("other"))


def test_kinds_of_steps_have_resources_of_their_own() -> None:
    settings = ExecutorSettings.model_validate({"resources": {"cpus": 2}, "steps": {"mix": {"memory_gb": 64}}})
    assert settings.of("curate").cpus == 2
    assert (settings.of("mix").cpus, settings.of("mix").memory_gb) == (1, 64)
