"""A token of a curriculum is traced to the document whose token it is, whatever the stage."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from flows.cli import app
from mixtures.curriculum import CurriculumChoice, CurriculumReader, build_curriculum
from mixtures.recipe import Recipe
from mixtures.tokenizer import load_tokenizer
from pipelines.build import build
from pipelines.execute import execute
from pipelines.removals import removal_settings
from pipelines.remove import remove
from pipelines.trace_curriculum import CurriculumTracer
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.removals import Removal, Removals

LENGTH = 256
# Of the first stage's tokens: it ends in the middle of a document.
CUT = 1_500


def mixed(workspace: Workspace, stage: int, tokens: int) -> str:
    """Builds a stage of two languages; returns its mixture, relative to the workspace."""
    recipe = Recipe.model_validate(
        {"model": "t", "stage": stage, "tokens": tokens, "categories": {"multilingual": 100},
         "languages": {"ell_Grek": 50 + stage, "deu_Latn": 50 - stage}}
    )  # fmt: skip
    plan = build(recipe, "sample", None, 0, removal_settings(workspace))
    for step in plan.steps:
        execute(step, workspace)
    return plan.mix.name


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    workspace = Workspace(str(tmp_path_factory.mktemp("curriculum") / "workspace"))
    return Path(workspace.url), [mixed(workspace, 1, 2_000), mixed(workspace, 2, 9_000)]


def curriculum(stages: tuple[Path, list[str]], fresh: bool) -> Path:
    workspace, (first, second) = stages
    choice = {"model": "t", "fresh": fresh, "stages": [{"mixture": first, "tokens": CUT}, {"mixture": second}]}
    return build_curriculum(CurriculumChoice.model_validate(choice), workspace)


@pytest.mark.parametrize("fresh", [False, True])
def test_every_token_is_of_the_document_that_is_named(stages: tuple[Path, list[str]], fresh: bool) -> None:
    folder = curriculum(stages, fresh)
    reader, tracer = CurriculumReader(folder), CurriculumTracer(folder)
    tokens = np.empty(reader.tokens, dtype=np.int64)
    reader.fill(0, tokens)
    tokenizer = load_tokenizer("Qwen/Qwen3-0.6B-Base")
    draw = np.random.default_rng(0)
    places = [0, CUT - 1, CUT, reader.tokens // LENGTH * LENGTH - 1, *draw.integers(0, reader.tokens - LENGTH, 20)]
    for at in map(int, places):
        found = tracer.token(at // LENGTH, LENGTH, at % LENGTH)
        (encoded,) = tokenizer.encode_batch([found["text"]])
        own = [*encoded.tolist(), tokenizer.eod]
        assert own[found["token_of_document"]] == tokens[at]
        assert at - found["first_token"] == found["token_of_document"]
        assert found["mixture"] == stages[1][at >= CUT]
        (whole,) = tracer.document(found["id"], LENGTH, found["source"], found["language"])[:1]
        every = [read for each in tracer.document(found["id"], LENGTH) for read in each["readings"]]
        assert any(read["first_token"] == found["first_token"] for read in every)
        assert whole["id"] == found["id"]
        for read in every:
            begin = read["first_token"]
            end = min(begin + len(own), CUT) if begin < CUT else begin + len(own)
            assert tokens[begin:end].tolist() == own[: end - begin]
            assert (read["first_sequence"], read["last_sequence"]) == (begin // LENGTH, (end - 1) // LENGTH)
        # It is read nowhere else: all of its tokens in the row are its readings.
        assert len(every) == _times(tokens, own, CUT)


def _times(tokens: np.ndarray, own: list[int], cut: int) -> int:
    """How often a document stands in the row; it may be cut where the stage ends."""
    wanted = np.array(own)
    begins = np.flatnonzero(tokens == own[0]).tolist()
    places = [at for at in begins if at in (0, cut) or tokens[at - 1] == own[-1]]
    count = 0
    for at in places:
        end = min(at + len(own), cut) if at < cut else at + len(own)
        count += bool((tokens[at:end] == wanted[: end - at]).all())
    return count


def test_a_sequence_across_the_boundary(stages: tuple[Path, list[str]]) -> None:
    tracer = CurriculumTracer(curriculum(stages, fresh=True))
    number = CUT // LENGTH
    parts = tracer.sequence(number, LENGTH)
    assert [parts[0]["from"], parts[-1]["to"]] == [0, LENGTH]
    assert all(one["to"] == other["from"] for one, other in itertools.pairwise(parts))
    boundary = CUT - number * LENGTH
    (before,) = (part for part in parts if part["to"] == boundary)
    (after,) = (part for part in parts if part["from"] == boundary)
    assert (before["mixture"], after["mixture"]) == tuple(stages[1])
    assert before["cut"]
    assert tracer.token(number, LENGTH, boundary)["token_of_document"] == 0


def test_the_command_takes_a_curriculum(stages: tuple[Path, list[str]]) -> None:
    folder = str(curriculum(stages, fresh=True))
    done = CliRunner().invoke(app, ["trace", folder, "--sequence", "6", "--token", "5", "--length", str(LENGTH)])
    assert done.exit_code == 0, done.output
    assert "read" in done.output
    with pytest.raises(BabelmixError, match="sequences, counted from 0"):
        CurriculumTracer(folder).sequence(10**6, LENGTH)
    with pytest.raises(BabelmixError, match="no document of this mixture"):
        CurriculumTracer(folder).document("nobody", LENGTH)
    assert CurriculumTracer(folder).index() > 0


def test_after_a_removal_the_mixtures_that_stand_are_taken(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    old = [mixed(workspace, 1, 2_000), mixed(workspace, 2, 9_000)]
    found = CliRunner().invoke(app, ["curriculum", "t", "--workspace", str(tmp_path), "--json"])
    assert found.exit_code == 0, found.output
    id_ = CurriculumTracer(_folder(found.output)).sequence(0, LENGTH)[0]["id"]
    remove(workspace, Removals([Removal(id=id_)]))
    new = [mixed(workspace, 1, 2_000), mixed(workspace, 2, 9_000)]
    assert not set(old) & set(new)
    found = CliRunner().invoke(app, ["curriculum", "t", "--workspace", str(tmp_path), "--fresh", "--json"])
    assert found.exit_code == 0, (found.output, found.exception)
    with pytest.raises(BabelmixError, match="filter removal dropped it"):
        CurriculumTracer(_folder(found.output)).document(id_, LENGTH)


def _folder(said: str) -> Path:
    return Path(json.loads(said)["curriculum"])
