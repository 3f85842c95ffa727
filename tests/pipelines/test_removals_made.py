"""Taking down what was mined or written by a model: pairs with chat records, questions with their records."""

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
from pipelines.execute import execute
from pipelines.removal_changes import removal_changes, standing_totals
from pipelines.removals import LIST, removal_settings
from pipelines.remove import besides, remove
from pipelines.run import statuses
from pipelines.trace import Tracer
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.removals import Removal, Removals

PAIRS, ASKED, GREEK = "nllb/azj_Latn", "regional-questions/ell_Grek", "fineweb-2/ell_Grek"


def a_build(workspace: Workspace) -> Build:
    recipe = Recipe.model_validate(
        {"model": "t", "stage": 1, "tokens": 9000, "categories": {"multilingual": 100},
         "languages": {"ell_Grek": 50, "azj_Latn": 50}, "synthesis": ["questions"]}
    )  # fmt: skip
    return build(recipe, "sample", None, 0, removal_settings(workspace))


def made(workspace: Workspace) -> tuple[Build, list[str], dict[str, Mapping[str, Any]]]:
    """Builds, and returns which steps ran, and all totals."""
    plan = a_build(workspace)
    ran = [each.step.name for each in statuses(plan.steps, workspace) if not each.complete]
    return plan, ran, {step.name: execute(step, workspace) for step in plan.steps}


def rows(workspace: Workspace, folder: str) -> list[dict[str, Any]]:
    return [
        row
        for path in sorted(Path(workspace.at(folder)).glob("*.parquet"))
        if path.name != "passages.parquet"
        for row in pq.read_table(path).to_pylist()
    ]


def ids(workspace: Workspace, folder: str) -> list[str]:
    return [row["id"] for row in rows(workspace, folder)]


def chat(workspace: Workspace) -> list[str]:
    lines = Path(workspace.at(f"chat/{PAIRS}/chat.jsonl")).read_text("utf-8").splitlines()
    return [json.loads(line)["id"] for line in lines]


def removed(workspace: Workspace, folder: str) -> dict[str, str]:
    return {row["id"]: row["detail"] for row in rows(workspace, folder) if row["filter"] == "removal"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with documents, translation pairs and questions; nothing is removed."""
    folder = tmp_path_factory.mktemp("whole") / "workspace"
    made(Workspace(str(folder)))
    return folder


@pytest.fixture
def workspace(whole: Path, tmp_path: Path) -> Workspace:
    return Workspace(str(shutil.copytree(whole, tmp_path / "workspace")))


def test_a_pair_goes_with_its_chat_record_and_only_its_documents_are_made_again(workspace: Workspace) -> None:
    documents = ids(workspace, f"curated/{PAIRS}")
    one = documents[1]
    assert sorted(documents) == sorted(chat(workspace))
    done = remove(workspace, Removals([Removal(id=one, because="a letter")]))
    assert (done.documents, done.recomputed, done.unknown) == (
        {("nllb", "azj_Latn"): 1},
        (("nllb", "azj_Latn"),),
        (),
    )
    before = standing_totals(a_build(workspace).steps, workspace)
    plan, ran, totals = made(workspace)
    assert ran[:2] == [f"curated/{PAIRS}", f"tokens/multilingual/{PAIRS}"]
    assert len(ran) == 3
    left = [each for each in documents if each != one]
    assert ids(workspace, f"curated/{PAIRS}") == chat(workspace) == left
    assert removed(workspace, "dropped/bitext-across/azj_Latn") == {one: "a letter"}
    found = totals[f"curated/{PAIRS}"]
    assert {"filter": "removal", "reason": "removed", "documents": 1} in found["dropped"]
    assert found["documents"] == found["kept"] + sum(row["documents"] for row in found["dropped"])
    (change,) = removal_changes(plan.steps, before, totals)
    assert (change.source, change.removed_before, change.removed) == ("nllb", 0, 1)
    assert (change.kept_before, change.kept) == (len(documents), len(left))
    assert change.tokens < change.tokens_before
    tracer = Tracer(workspace.at(plan.mix.name))
    with pytest.raises(BabelmixError, match=r"the filter removal dropped it: removed \(a letter\)"):
        tracer.document(one, 64)
    # The same list again runs nothing; without it, all is as it was.
    assert remove(workspace, Removals()).recomputed == ()
    assert made(workspace)[1] == []
    Path(workspace.at(LIST)).write_text("")
    assert remove(workspace, Removals()).recomputed == (("nllb", "azj_Latn"),)
    made(workspace)
    assert ids(workspace, f"curated/{PAIRS}") == documents


def test_pairs_go_by_the_url_of_either_side(workspace: Workspace) -> None:
    mined = rows(workspace, "bitext/azj_Latn")
    kept = set(ids(workspace, f"curated/{PAIRS}"))
    sides = ("url_source", "url_target")
    assert any(row[side] for row in mined for side in sides), "the sample's pairs have URLs"
    for side in sides:
        row = next((row for row in mined if row[side] and row["id"] in kept), None)
        if row is None:
            continue
        done = remove(workspace, Removals([Removal(url_prefix=row[side])]))
        assert done.documents[("nllb", "azj_Latn")] >= 1
        made(workspace)
        assert row["id"] not in ids(workspace, f"curated/{PAIRS}")
        assert removed(workspace, "dropped/bitext-across/azj_Latn")[row["id"]] == f"URL begins with {row[side]}"
        kept = set(ids(workspace, f"curated/{PAIRS}"))


@pytest.mark.parametrize("by", ["document", "record"])
def test_a_question_goes_with_its_record(workspace: Workspace, by: str) -> None:
    (record, *others) = rows(workspace, "synthetic/questions/ell_Grek")
    document = f"regional-questions/{record['id']}"
    named = document if by == "document" else record["id"]
    done = remove(workspace, Removals([Removal(id=named)]))
    assert (done.documents, done.unknown) == ({("regional-questions", "ell_Grek"): 1}, ())
    _, ran, totals = made(workspace)
    assert ran[:2] == [f"curated/{ASKED}", f"tokens/multilingual/{ASKED}"]
    assert len(ran) == 3
    assert ids(workspace, "synthetic/questions/ell_Grek") == [each["id"] for each in others]
    assert document not in ids(workspace, f"curated/{ASKED}")
    assert removed(workspace, f"dropped/{ASKED}") == {document: "named by its id"}
    page = Path(workspace.at("synthetic/questions/ell_Grek/sheet.html")).read_text("utf-8")
    assert record["id"] not in page
    assert others[0]["id"] in page
    found = totals[f"curated/{ASKED}"]
    assert found["documents"] == found["kept"] + sum(row["documents"] for row in found["dropped"])
    # A later removal of something else leaves these as they are.
    other = ids(workspace, f"curated/{PAIRS}")[0]
    assert remove(workspace, Removals([Removal(id=other)])).recomputed == (("nllb", "azj_Latn"),)
    assert f"curated/{ASKED}" not in made(workspace)[1]
    # Taken out of the list it comes back.
    Path(workspace.at(LIST)).write_text("")
    assert ("regional-questions", "ell_Grek") in remove(workspace, Removals()).recomputed
    made(workspace)
    assert document in ids(workspace, f"curated/{ASKED}")


def test_a_question_goes_with_the_document_that_it_stands_on(workspace: Workspace) -> None:
    plan = a_build(workspace)
    (record, *others) = rows(workspace, "synthetic/questions/ell_Grek")
    stands_on = record["evidence_id"]
    also = [each["id"] for each in others if each["evidence_id"] == stands_on]
    document = f"regional-questions/{record['id']}"
    asked = Removals([Removal(id=stands_on)])
    assert document in besides(workspace, asked, near_duplicates=False, synthesised=True).ids
    tracer = Tracer(workspace.at(plan.mix.name))
    alone = check_removals(tracer, asked)
    with_questions = check_removals(tracer, asked + besides(workspace, asked, False, True))
    assert with_questions["documents"] == alone["documents"] + 1 + len(also)
    # Without being asked: the build has no passage to ask about.
    remove(workspace, asked)
    before = standing_totals(a_build(workspace).steps, workspace)
    plan, ran, totals = made(workspace)
    assert f"curated/{ASKED}" in ran
    left = [each["id"] for each in others if each["id"] not in also]
    assert ids(workspace, "synthetic/questions/ell_Grek") == left
    changes = {(each.source, each.language): each for each in removal_changes(plan.steps, before, totals)}
    assert set(changes) == {("fineweb-2", "ell_Grek"), ("regional-questions", "ell_Grek")}
    assert changes["regional-questions", "ell_Grek"].kept == len(left)
    assert changes["regional-questions", "ell_Grek"].removed == 0
    # With --synthesised the question is in the list itself, and the same documents are made.
    done = remove(workspace, asked, synthesised=True)
    assert done.synthesised == 0, "it is no longer there"


def test_the_list_and_a_new_workspace_give_the_same_bytes(workspace: Workspace, tmp_path: Path) -> None:
    pair, question = ids(workspace, f"curated/{PAIRS}")[0], ids(workspace, f"curated/{ASKED}")[0]
    one = next(each for each in ids(workspace, f"curated/{GREEK}"))
    remove(workspace, Removals([Removal(id=each) for each in (pair, question, one)]))
    made(workspace)
    other = Workspace(str(tmp_path / "other"))
    remove(other, Removals([Removal(id=each) for each in (pair, question, one)]))
    made(other)
    for folder in (
        f"curated/{PAIRS}",
        f"chat/{PAIRS}",
        f"curated/{ASKED}",
        f"curated/{GREEK}",
        "dropped",
        "tokens",
    ):
        for path in sorted(Path(other.at(folder)).rglob("*")):
            if path.is_file() and path.name != "manifest.json":
                again = Path(workspace.at(str(path.relative_to(other.url))))
                assert again.read_bytes() == path.read_bytes(), again


def test_a_near_copy_of_a_pair_goes_too_if_asked(workspace: Workspace) -> None:
    folder = Path(workspace.at(f"curated/{PAIRS}"))
    (path,) = folder.glob("*.parquet")
    table = pq.read_table(path)
    held = table.to_pylist()
    copy = {**held[0], "id": "copy", "text": held[0]["text"].upper()}
    pq.write_table(table.from_pylist([*held, copy], schema=table.schema), path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][path.name] = path.stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = besides(workspace, Removals([Removal(id=held[0]["id"])]), near_duplicates=True, synthesised=False)
    assert [(each.id, each.source, each.because) for each in found.entries] == [
        ("copy", "nllb", f"near-duplicate of {held[0]['id']}")
    ]


def test_a_mixture_is_checked_for_pairs_and_questions(workspace: Workspace) -> None:
    plan = a_build(workspace)
    tracer = Tracer(workspace.at(plan.mix.name))
    record = rows(workspace, "synthetic/questions/ell_Grek")[0]["id"]
    pair = ids(workspace, f"curated/{PAIRS}")[0]
    found = check_removals(tracer, Removals([Removal(id=record), Removal(id=pair), Removal(id="nobody")]))
    assert {(each["source"], each["id"]) for each in found["held"]} == {
        ("regional-questions", f"regional-questions/{record}"),
        ("nllb", pair),
    }


def test_all_pairs_and_questions_of_a_language_may_go(workspace: Workspace) -> None:
    pairs = ids(workspace, "bitext/azj_Latn")
    # Of the questions, what they stand on: nothing is left to ask about.
    records = rows(workspace, "synthetic/questions/ell_Grek")
    stand_on = {each["evidence_id"] for each in records}
    remove(workspace, Removals(Removal(id=each) for each in (*pairs, *stand_on)))
    plan, _, totals = made(workspace)
    assert [totals[f"curated/{name}"]["kept"] for name in (PAIRS, ASKED)] == [0, 0]
    buckets = {f"{row['source']}/{row['language']}" for row in totals[plan.mix.name]["buckets"]}
    assert GREEK in buckets and not buckets & {PAIRS, ASKED}
    assert len(removed(workspace, "dropped/bitext-across/azj_Latn")) == len(pairs)
    assert not chat(workspace)
    assert made(workspace)[1] == []
    Path(workspace.at(LIST)).write_text("")
    remove(workspace, Removals())
    _, _, totals = made(workspace)
    assert [totals[f"curated/{name}"]["kept"] for name in (PAIRS, ASKED)] == [len(pairs), len(records)]


def test_a_list_that_changes_under_a_build_is_seen(workspace: Workspace) -> None:
    first, second, *_ = ids(workspace, f"curated/{PAIRS}")
    remove(workspace, Removals([Removal(id=first)]))
    (step,) = (each for each in a_build(workspace).steps if each.name == f"curated/{PAIRS}")
    Path(workspace.at(LIST)).write_text(json.dumps({"id": second}) + "\n")
    with pytest.raises(BabelmixError, match="changed while a build was under way"):
        execute(step, workspace)
    assert first in ids(workspace, f"curated/{PAIRS}")
