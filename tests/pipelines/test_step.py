"""A step's fingerprint covers all that its result depends on, and its status says what changed."""

from pathlib import Path
from typing import Any

from pipelines.step import Step, status
from pipelines.workspace import Workspace


def step(settings: dict[str, Any], inputs: tuple[Step, ...] = (), version: int = 1) -> Step:
    return Step("curate", version, ("curated/fineweb-2/ell_Grek",), settings, inputs)


def complete(each: Step, workspace: Workspace) -> None:
    manifest = {"fingerprint": each.fingerprint, "identity": each.identity, "totals": {"documents": 3}}
    with workspace.replacing(each.folders, manifest):
        pass


def test_settings_version_and_inputs_are_in_the_fingerprint() -> None:
    source = Step("collect", 1, ("collected/fineweb-2/ell_Grek",), {"input": "a"})
    other = Step("collect", 1, ("collected/fineweb-2/ell_Grek",), {"input": "b"})
    same = step({"x": 1, "y": 2}, (source,))
    assert same.fingerprint == step({"y": 2, "x": 1}, (source,)).fingerprint
    different = [
        step({"x": 1, "y": 3}, (source,)),
        step({"x": 1, "y": 2}, (other,)),
        step({"x": 1, "y": 2}),
        step({"x": 1, "y": 2}, (source,), version=2),
    ]
    assert len({same.fingerprint, *(each.fingerprint for each in different)}) == 5


def test_a_step_that_stands_has_no_reasons(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    complete(step({"x": 1}), workspace)
    found = status(step({"x": 1}), workspace)
    assert found.complete
    assert found.totals == {"documents": 3}


def test_a_missing_folder_is_the_reason(tmp_path: Path) -> None:
    found = status(step({}), Workspace(str(tmp_path)))
    assert not found.complete
    assert found.reasons == ("not there or not whole",)


def test_the_changed_setting_is_named_with_both_values(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    complete(step({"thresholds": {"new_line_ratio": 0.116, "line_punct_thr": 0.1}}), workspace)
    found = status(step({"thresholds": {"new_line_ratio": 0.2, "line_punct_thr": 0.1}}), workspace)
    assert found.reasons == ("thresholds.new_line_ratio was 0.116, is 0.2",)


def test_the_changed_input_is_named(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    before = Step("collect", 1, ("collected/fineweb-2/ell_Grek",), {"input": "a"})
    after = Step("collect", 1, ("collected/fineweb-2/ell_Grek",), {"input": "b"})
    complete(step({}, (before,)), workspace)
    assert status(step({}, (after,)), workspace).reasons == ("collected/fineweb-2/ell_Grek changes",)


def test_every_folder_of_a_step_must_stand(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    both = Step("curate", 1, ("dropped/x", "curated/x"), {})
    complete(both, workspace)
    assert status(both, workspace).complete
    (tmp_path / "dropped/x/manifest.json").unlink()
    assert status(both, workspace).reasons == ("dropped/x not there or not whole",)
