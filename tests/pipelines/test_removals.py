import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mixtures.recipe import Recipe
from pipelines.build import Build, build
from pipelines.check_removals import check_removals
from pipelines.document_files import DocumentWriter
from pipelines.execute import execute
from pipelines.removal_changes import removal_changes, removal_table, standing_totals
from pipelines.removals import LIST, documents_to_remove, removal_settings, workspace_removals
from pipelines.remove import remove
from pipelines.run import statuses
from pipelines.trace import Tracer
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.removals import Removal, Removals

GREEK, GERMAN = "fineweb-2/ell_Grek", "fineweb-2/deu_Latn"


def a_build(workspace: Workspace) -> Build:
    recipe = Recipe.model_validate(
        {"model": "t", "stage": 1, "tokens": 9000, "categories": {"multilingual": 100},
         "languages": {"ell_Grek": 50, "deu_Latn": 50}}
    )  # fmt: skip
    return build(recipe, "sample", None, 0, removal_settings(workspace))


def made(workspace: Workspace) -> tuple[Build, list[str], dict[str, Mapping[str, Any]]]:
    """Builds, and returns which steps ran, and all totals."""
    plan = a_build(workspace)
    ran = [each.step.name for each in statuses(plan.steps, workspace) if not each.complete]
    return plan, ran, {step.name: execute(step, workspace) for step in plan.steps}


def rows(workspace: Workspace, folder: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted(Path(workspace.at(folder)).glob("*.parquet")):
        found += pq.read_table(path).to_pylist()
    return found


def digests(workspace: Workspace) -> dict[str, str]:
    root = Path(workspace.url)
    files = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "index"]
    files = [path for path in files if path.relative_to(root).parts[0] != "spent"]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def copies(workspace: Workspace, place: str) -> tuple[str, str]:
    """A document of the sample that is kept, and its near-copy, which is dropped."""
    row = next(row for row in rows(workspace, f"dropped/{place}") if row["reason"] == "near")
    return row["detail"], row["id"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which two languages are built; nothing is removed."""
    folder = tmp_path_factory.mktemp("whole") / "workspace"
    made(Workspace(str(folder)))
    return folder


@pytest.fixture
def workspace(whole: Path, tmp_path: Path) -> Workspace:
    return Workspace(str(shutil.copytree(whole, tmp_path / "workspace")))


def test_what_is_removed_is_dropped_with_its_reason_and_only_what_held_it_runs_again(workspace: Workspace) -> None:
    before, documents = digests(workspace), rows(workspace, f"curated/{GREEK}")
    by_id, by_url = documents[0], documents[3]
    asked = Removals([Removal(id=by_id["id"], because="a letter"), Removal(url_prefix=by_url["url"])])
    done = remove(workspace, asked)
    assert (done.entries, done.added, done.unknown) == (2, 2, ())
    assert done.documents == {("fineweb-2", "ell_Grek"): 2}
    assert done.recomputed == (("fineweb-2", "ell_Grek"),)
    standing = standing_totals(a_build(workspace).steps, workspace)
    plan, ran, totals = made(workspace)
    ours = [name for name in ran if "bitext" not in name]
    assert ours[:3] == [f"curated/{GREEK}", "curation", f"tokens/multilingual/{GREEK}"]
    assert len(ours) == 4
    assert ours[3].startswith("mixtures/t/stage1/")
    dropped = {row["id"]: row for row in rows(workspace, f"dropped/{GREEK}") if row["filter"] == "removal"}
    assert {each: (row["reason"], row["detail"]) for each, row in dropped.items()} == {
        by_id["id"]: ("removed", "a letter"),
        by_url["id"]: ("removed", f"URL begins with {by_url['url']}"),
    }
    kept = {row["id"] for row in rows(workspace, f"curated/{GREEK}")}
    assert not kept & dropped.keys()
    assert len(kept) + len(rows(workspace, f"dropped/{GREEK}")) == len(rows(workspace, f"collected/{GREEK}"))
    after = digests(workspace)
    moved = {name.rsplit("/", 1)[0] for name in before if after.get(name) != before[name]}
    assert not {name for name in moved if "deu_Latn" in name or name.startswith(("collected", "measured"))}
    # No page shows the text of what must go.
    page = Path(workspace.at("curation/report.html")).read_text()
    assert by_id["text"][:40] not in page
    assert "removed" in page
    (change,) = removal_changes(plan.steps, standing, totals)
    assert (change.removed_before, change.removed, change.kept_before) == (0, 2, len(documents))
    assert change.kept == len(kept)
    assert change.tokens < change.tokens_before
    assert removal_table([change]).row_count == 1


def test_asked_again_nothing_changes(workspace: Workspace) -> None:
    asked = Removals([Removal(id=rows(workspace, f"curated/{GERMAN}")[1]["id"])])
    remove(workspace, asked)
    made(workspace)
    before = digests(workspace)
    again = remove(workspace, asked)
    assert (again.added, again.recomputed) == (0, ())
    assert made(workspace)[1] == []
    # A removal that names nothing of what was collected does not run anything either.
    nothing = remove(workspace, Removals([Removal(id="nobody"), Removal(url_prefix="nowhere.example.net")]))
    assert nothing.unknown == ("nobody",)
    assert made(workspace)[1] == []
    after = digests(workspace)
    assert {name for name in before if after[name] != before[name]} <= {LIST, "removals-found.json"}


def test_a_copy_is_kept_in_the_place_of_a_removed_document_unless_it_goes_too(workspace: Workspace) -> None:
    kept, copy = copies(workspace, GREEK)
    remove(workspace, Removals([Removal(id=kept)]))
    made(workspace)
    now = {row["id"] for row in rows(workspace, f"curated/{GREEK}")}
    assert copy in now
    assert kept not in now
    # Asked for afterwards, when nothing was dropped as the removed one's copy any more.
    done = remove(workspace, Removals([Removal(id=kept)]), near_duplicates=True)
    assert done.near_duplicates == 1
    made(workspace)
    assert not {row["id"] for row in rows(workspace, f"curated/{GREEK}")} & {kept, copy}
    said = {row["id"]: row["detail"] for row in rows(workspace, f"dropped/{GREEK}") if row["filter"] == "removal"}
    assert said == {kept: "named by its id", copy: f"near-duplicate of {kept}"}


def test_a_list_that_a_person_empties_gives_the_mixture_of_before(workspace: Workspace, whole: Path) -> None:
    original = a_build(workspace).mix.fingerprint
    remove(workspace, Removals([Removal(id=rows(workspace, f"curated/{GREEK}")[0]["id"])]))
    made(workspace)
    assert a_build(workspace).mix.fingerprint != original
    Path(workspace.at(LIST)).write_text("")
    with pytest.raises(BabelmixError, match="run `babelmix remove`"):
        a_build(workspace)
    assert remove(workspace, Removals()).recomputed == (("fineweb-2", "ell_Grek"),)
    plan, _, _ = made(workspace)
    assert plan.mix.fingerprint == original
    again, first = digests(workspace), digests(Workspace(str(whole)))
    # The ledger is the last mixture's that was made; this one stood already.
    assert {name for name, digest in first.items() if again[name] != digest} <= {"ledger.parquet"}


def test_what_is_collected_later_meets_the_list_too(whole: Path, tmp_path: Path) -> None:
    one = rows(Workspace(str(whole)), f"curated/{GREEK}")[2]["id"]
    workspace = Workspace(str(tmp_path / "new"))
    done = remove(workspace, Removals([Removal(id=one), Removal(id="x", language="kaz_Cyrl")]))
    assert (done.documents, done.unknown) == ({}, (one, "x"))
    curated = {step.name: step for step in a_build(workspace).steps if step.kind == "curate"}
    assert set(curated[f"curated/{GREEK}"].settings["removals"]) == {"list"}
    made(workspace)
    assert one not in {row["id"] for row in rows(workspace, f"curated/{GREEK}")}
    # Looked up afterwards, it finds what was dropped already, and nothing is made again.
    assert remove(workspace, Removals()).recomputed == ()
    assert made(workspace)[1] == []


def test_a_mixture_is_checked_without_building(workspace: Workspace) -> None:
    plan = a_build(workspace)
    tracer = Tracer(workspace.at(plan.mix.name))
    manifest = workspace.manifest(plan.mix.name)
    assert manifest is not None
    read = tracer.sequence(0, 256)[0]
    before = digests(workspace)
    found = check_removals(tracer, Removals([Removal(id=read["id"]), Removal(id="nobody")]))
    (whole,) = tracer.document(read["id"], 256)
    assert found["documents"] == 1
    assert found["tokens"] == read["tokens"] * len(whole["readings"])
    assert found["share"] == pytest.approx(found["tokens"] / manifest["totals"]["tokens"])
    assert found["held"][0]["times"] == len(whole["readings"])
    every = check_removals(tracer, Removals([Removal(url_prefix="*.example.org")]))
    assert every["tokens"] == sum(row["tokens"] for row in every["buckets"]) <= manifest["totals"]["tokens"]
    assert check_removals(tracer, Removals([Removal(id=read["id"], source="nllb")]))["documents"] == 0
    changed = {name for name, digest in digests(workspace).items() if before.get(name) != digest}
    assert {name.split("/")[0] for name in changed} <= {"index"}


def test_all_documents_of_a_language_are_no_silent_hole(workspace: Workspace) -> None:
    remove(workspace, Removals(Removal(id=row["id"]) for row in rows(workspace, f"collected/{GREEK}")))
    with pytest.raises(BabelmixError, match="the removal list names all of its"):
        made(workspace)


def test_a_list_that_changes_under_a_build_is_seen(workspace: Workspace) -> None:
    row = rows(workspace, f"curated/{GREEK}")[0]
    remove(workspace, Removals([Removal(id=row["id"])]))
    pair, documents = ("fineweb-2", "ell_Grek"), workspace.at(f"collected/{GREEK}")
    (step,) = (each for each in a_build(workspace).steps if each.name == f"curated/{GREEK}")
    assert documents_to_remove(workspace, step.settings["removals"], *pair, documents) == {
        row["id"]: "named by its id"
    }
    Path(workspace.at(LIST)).write_text(json.dumps({"id": rows(workspace, f"curated/{GREEK}")[1]["id"]}) + "\n")
    with pytest.raises(BabelmixError, match="changed while a build was under way"):
        documents_to_remove(workspace, step.settings["removals"], *pair, documents)


def test_what_was_generated_from_a_removed_document_goes_with_it(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    for source, parents in (("origin", [None, None]), ("made", ["origin 0", "origin 1"])):
        folder = f"collected/{source}/ell_Grek"
        manifest = {"fingerprint": source, "identity": {}, "totals": {}}
        with workspace.replacing((folder,), manifest) as (target,), DocumentWriter(target) as writer:
            for number, parent in enumerate(parents):
                row = {"id": f"{source} {number}", "text": "t", "language": "ell_Grek", "source": source}
                metadata = json.dumps({"evidence_id": parent} if parent else {"dump": "D"})
                writer.write({**row, "category": "synthetic", "metadata": metadata})
    assert remove(workspace, Removals([Removal(id="origin 1")])).synthesised == 0
    assert remove(workspace, Removals([Removal(id="origin 1")]), synthesised=True).synthesised == 1
    listed = workspace_removals(workspace).entries
    assert [(each.id, each.source, each.because) for each in listed] == [
        ("origin 1", None, ""),
        ("made 1", "made", "generated from origin 1"),
    ]


def test_a_list_is_kept_and_looked_up_in_an_object_store() -> None:
    workspace = Workspace("memory://take-down/workspace")
    manifest = {"fingerprint": "f", "identity": {}, "totals": {}}
    with workspace.replacing(("collected/s/ell_Grek",), manifest) as (target,), DocumentWriter(target) as writer:
        for number in range(3):
            row = {"id": f"{number}", "text": "t", "language": "ell_Grek", "source": "s", "category": "wiki"}
            writer.write({**row, "url": f"https://example.org/{number}/"})
    done = remove(workspace, Removals([Removal(id="1"), Removal(url_prefix="example.org/2")]))
    assert done.documents == {("s", "ell_Grek"): 2}
    settings = removal_settings(workspace)
    assert len(settings.removals) == 2
    assert set(settings.of("s", "ell_Grek", "f") or ()) == {"matched"}
    assert set(settings.of("s", "ell_Grek", "g") or ()) == {"list"}
    assert settings.of("s", "deu_Latn", "f") is not None


def test_a_wrong_line_of_the_list_is_named(workspace: Workspace) -> None:
    Path(workspace.at(LIST)).write_text('{"id": "a"}\n{"url": "b"}\n')
    with pytest.raises(BabelmixError, match=r"removals\.jsonl: line 2"):
        a_build(workspace)
