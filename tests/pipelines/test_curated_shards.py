"""After a removal only the files are made again that held what was removed; the bytes are those of a new build."""

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mixtures.recipe import Recipe
from pipelines import document_files
from pipelines.build import Build, build
from pipelines.execute import execute
from pipelines.removal_changes import removal_changes, standing_totals
from pipelines.removals import removal_settings
from pipelines.remove import remove
from pipelines.workspace import Workspace
from sources.removals import Removal, Removals

CODE, FILES, ROWS = "deu_Latn", 6, 12
FOLDER = f"fineweb-2/{CODE}"
ROOMS = tuple(f"{room}/{FOLDER}" for room in ("curated", "dropped", "standing"))
TOKENS = f"tokens/multilingual/{FOLDER}"
SAMPLE = Path(__file__).parents[2] / "sources" / "sample" / "fineweb-2" / "data"


def texts() -> list[str]:
    """Texts that pass, no two alike: sentences of the sample pack, each in few of them."""
    found = []
    for path in sorted((SAMPLE / CODE / "train").glob("*.parquet")):
        found += pq.read_table(path, columns=["text"])["text"].to_pylist()
    sentences = [each for text in found for each in re.split(r"(?<=[.!?])\s+", text) if 40 < len(each) < 400]
    draw = random.Random(0)
    parts = [draw.sample(sentences, 10) for _ in range(FILES * ROWS)]
    return ["\n".join(" ".join(part[at : at + 2]) for at in range(0, 10, 2)) for part in parts]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A mirror of FineWeb-2 of several files' worth of documents, of which two in the same file are copies."""
    folder = tmp_path_factory.mktemp("mirror")
    place = folder / "fineweb-2" / "data" / CODE / "train" / "000_00000.parquet"
    place.parent.mkdir(parents=True)
    held = {"dump": "D", "date": "2024-01-01T00:00:00Z", "language_score": 0.99, "minhash_cluster_size": 1}
    rows = [
        {"id": f"d{number}", "text": text, "url": f"https://h{number}.example.org/", **held}
        for number, text in enumerate(texts())
    ]
    # A copy of the first document of the second file, in the fifth.
    rows[4 * ROWS]["text"] = rows[ROWS]["text"]
    pq.write_table(pa.Table.from_pylist(rows), place)
    return str(folder)


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_files, "FILE_BYTES", 1)
    monkeypatch.setattr(document_files, "_GROUP_ROWS", ROWS)


def built(workspace: Workspace, profile: str, workers: int = 1) -> tuple[Build, dict[str, Mapping[str, Any]]]:
    recipe = Recipe.model_validate(
        {"model": "t", "stage": 1, "tokens": 10**6, "categories": {"multilingual": 100}, "languages": {CODE: 100}}
    )
    plan = build(recipe, profile, None, 0, removal_settings(workspace))
    return plan, {step.name: execute(step, workspace, workers) for step in plan.steps}


def files(workspace: Workspace, folder: str) -> dict[str, tuple[int, bytes]]:
    paths = sorted(Path(workspace.at(folder)).iterdir())
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in paths if path.name != "manifest.json"}


def anew(before: Mapping[str, tuple[int, bytes]], after: Mapping[str, tuple[int, bytes]]) -> set[str]:
    """The files that were computed: the others are the very files that stood."""
    return {
        name.partition(".")[0]
        for name, (node, _) in after.items()
        if name not in before or before[name][0] != node
    }


def same_as_from_scratch(workspace: Workspace, profile: str, asked: Removals, folder: Path) -> None:
    other = Workspace(str(folder))
    remove(other, asked)
    _, totals = built(other, profile)
    for room in (*ROOMS, TOKENS):
        ours, theirs = files(workspace, room), files(other, room)
        assert {name: content for name, (_, content) in ours.items()} == {
            name: content for name, (_, content) in theirs.items()
        }, room
    manifests = [place.manifest(ROOMS[0]) or {} for place in (workspace, other)]
    assert manifests[0]["totals"] == manifests[1]["totals"]
    assert totals[ROOMS[0]]["shards"]


@pytest.fixture
def workspace(profile: str, tmp_path: Path) -> Workspace:
    found = Workspace(str(tmp_path / "workspace"))
    built(found, profile)
    return found


def test_bytes_do_not_depend_on_how_many_processes_work_on_the_files(
    workspace: Workspace, profile: str, tmp_path: Path
) -> None:
    other = Workspace(str(tmp_path / "other"))
    plan, _ = built(other, profile, workers=3)
    assert len(list(Path(other.at(TOKENS)).glob("*.bin"))) == FILES
    for step in plan.steps:
        for folder in step.folders:
            made, held = (
                {path.name: path.read_bytes() for path in Path(place.at(folder)).iterdir() if path.is_file()}
                for place in (other, workspace)
            )
            assert made == held, folder


@pytest.mark.parametrize(
    ("removed", "computed"),
    [
        # One document, and another of another file.
        (("d1",), {"00000"}),
        (("d1", "d61"), {"00000", "00005"}),
        # A document that has a copy elsewhere: that file gets the copy.
        ((f"d{ROWS}",), {"00001", "00004"}),
        # The copy itself was dropped: its row says something else now, and the one that is kept stands for fewer.
        ((f"d{4 * ROWS}",), {"00001", "00004"}),
        # All of a file.
        (tuple(f"d{number}" for number in range(2 * ROWS, 3 * ROWS)), {"00002"}),
        ((), set()),
    ],
)
def test_only_the_files_that_held_it_are_made_again(
    workspace: Workspace, profile: str, tmp_path: Path, removed: tuple[str, ...], computed: set[str]
) -> None:
    before = {room: files(workspace, room) for room in (*ROOMS, TOKENS)}
    assert len(before[ROOMS[0]]) == FILES
    asked = Removals([Removal(id=each) for each in removed])
    remove(workspace, asked)
    plan, _ = built(workspace, profile)
    after = {room: files(workspace, room) for room in (*ROOMS, TOKENS)}
    for room in ROOMS:
        assert anew(before[room], after[room]) <= computed, room
    assert set().union(*(anew(before[room], after[room]) for room in ROOMS)) == computed
    held = {name.partition(".")[0] for name in after[ROOMS[0]]}
    # Tokens are numbered by the files of documents that there are.
    numbers = {f"{number:05d}" for number, name in enumerate(sorted(held)) if name in computed}
    if len(held) == FILES:
        assert anew(before[TOKENS], after[TOKENS]) <= numbers
    same_as_from_scratch(workspace, profile, asked, tmp_path / "other")
    assert plan.mix.name


def test_what_was_made_again_is_said(workspace: Workspace, profile: str) -> None:
    remove(workspace, Removals([Removal(id="d1")]))
    recipe_steps = built(Workspace(workspace.url), profile)[0].steps
    before = standing_totals(recipe_steps, workspace)
    remove(workspace, Removals([Removal(id="d30"), Removal(id="d31")]))
    plan, totals = built(workspace, profile)
    (change,) = removal_changes(plan.steps, before, totals)
    assert (change.removed_before, change.removed) == (1, 3)
    assert (change.files_anew, change.files) == (1, FILES)


def test_other_settings_and_a_damaged_folder_link_nothing(
    workspace: Workspace, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(workspace, ROOMS[0])
    Path(workspace.at(ROOMS[1]), "manifest.json").unlink()
    remove(workspace, Removals([Removal(id="d1")]))
    built(workspace, profile)
    assert len(anew(before, files(workspace, ROOMS[0]))) == FILES
    before = files(workspace, ROOMS[0])
    from pipelines import build as steps

    monkeypatch.setitem(steps.VERSIONS, "curate", 99)
    built(workspace, profile)
    assert len(anew(before, files(workspace, ROOMS[0]))) == FILES
