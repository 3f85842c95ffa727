import json
from pathlib import Path

import pytest
from command_line import CommandLine, mixture
from conftest import Built
from typer.testing import CliRunner

from flows.cli import app
from sources.errors import BabelmixError

runner = CliRunner()


def run(*arguments: str | Path, code: int = 0) -> str:
    ended = runner.invoke(app, [str(each) for each in arguments])
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended.output


def refused(*arguments: str | Path) -> str:
    ended = runner.invoke(app, [str(each) for each in arguments])
    assert isinstance(ended.exception, BabelmixError), ended.output
    return str(ended.exception)


@pytest.fixture(scope="module")
def traced(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture in a workspace of its own: a trace leaves its look-up tables there."""
    return mixture(built.copy(tmp_path_factory.mktemp("traced")))


def test_a_token_is_traced_in_the_terminal_and_as_json(traced: Path) -> None:
    folder = traced
    parts = json.loads(run("trace", folder, "--sequence", "2", "--length", "2048", "--json"))
    text = run("trace", folder, "--sequence", "2", "--length", "2048")
    assert all(part["id"] in text for part in parts)
    place = parts[1]["from"] + 3
    found = json.loads(
        run("trace", folder, "--sequence", "2", "--length", "2048", "--token", str(place), "--json")
    )
    assert (found["id"], found["token_of_document"]) == (parts[1]["id"], 3)
    assert {"filter", "statistic", "value", "threshold", "bound"} <= found["passed"][0].keys()
    shown = run("trace", folder, "--sequence", "2", "--length", "2048", "--token", str(place))
    assert "at least" in shown
    assert found["language"] in shown
    (again,) = json.loads(run("trace", folder, "--document", found["id"], "--length", "2048", "--json"))
    assert any(each["first_sequence"] <= 2 <= each["last_sequence"] for each in again["readings"])


def test_every_score_that_a_rule_held_is_within_its_threshold(traced: Path) -> None:
    folder = traced
    for sequence in range(0, 40, 5):
        arguments = ("--sequence", str(sequence), "--token", "0", "--length", "2048", "--json")
        found = json.loads(run("trace", folder, *arguments))
        for row in found["passed"]:
            if row["value"] is not None:
                over = row["value"] > row["threshold"]
                below = row["value"] < row["threshold"]
                assert not (below if row["bound"] == "at least" else over), row


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of --sequence N, --document ID and --index"),
        (("--sequence", "0", "--document", "x"), "one of --sequence N"),
        (("--token", "1", "--index"), "--token goes with --sequence"),
        (("--sequence", "100000"), "sequences, counted from 0"),
        (("--sequence", "0", "--token", "8192"), "from 0 to 8191"),
        (("--document", "x"), "no document of this mixture has this id"),
    ],
)
def test_a_wrong_question_is_told_in_one_line(traced: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in refused("trace", traced, *arguments)


def test_what_is_no_mixture_is_named(tmp_path: Path) -> None:
    assert "no manifest of a mixture" in refused("trace", tmp_path, "--sequence", "0")


def test_documents_are_taken_down_from_the_command_line(built: Built, tmp_path: Path) -> None:
    workspace, command = built.copy(tmp_path), CommandLine(tmp_path)
    folder = mixture(workspace)
    parts = json.loads(run("trace", folder, "--sequence", "1", "--length", "2048", "--json"))
    part = next(each for each in parts if each["url"])
    ids = tmp_path / "ids.txt"
    ids.write_text(f"{part['id']}\n")
    assert "holds 1 of them" in run("remove", "--ids", ids, "--check", folder, code=1)
    assert not (workspace / "removals.jsonl").exists()
    said = run("remove", "--ids", ids, "--because", "a letter", "--workspace", workspace)
    assert f"{part['source']}/{part['language']}: 1 documents; made again by the next build" in said
    printed = json.loads(command("mix", "stage4", "--workspace", workspace, "--json").done())
    asked, *followed = sorted(printed["removed"], key=lambda each: each["source"] != part["source"])
    assert (asked["source"], asked["language"]) == (part["source"], part["language"])
    assert (asked["removed_before"], asked["removed"]) == (0, 1)
    # What a model wrote of it went with it.
    for each in followed:
        assert each["source"] in ("regional-questions", "synthetic-culture", "synthetic-rephrase")
        assert each["language"] == part["language"] and each["removed"] == 0
        assert each["kept"] < each["kept_before"]
    now = Path(printed["mixture"])
    assert run("remove", "--check", now) == "The mixture holds no document of the list.\n"
    assert "filter removal dropped it: removed (a letter)" in refused("trace", now, "--document", part["id"])
    # The old mixture's tokens are no longer there: it says so and names no other document.
    assert "made again since" in refused("trace", folder, "--document", part["id"])
    assert json.loads(run("remove", "--workspace", workspace, "--json"))["recomputed"] == []


def test_wrong_removals_are_told_in_one_line(tmp_path: Path, built: Built) -> None:
    assert "every host of .com" in refused("remove", "--url-prefix", "com", "--workspace", tmp_path)
    assert "cannot be read" in refused("remove", "--ids", tmp_path / "x", "--workspace", tmp_path)
    folder = mixture(built.workspace)
    assert "no removal list" in refused("remove", "--check", folder)


def test_a_stage_beside_another_and_an_exit_code_for_what_moved(built: Built, tmp_path: Path) -> None:
    upstream = ("--inventory", "upstream")
    found = json.loads(run("inspect", "stage4", "--compare", "stage3", *upstream, "--json"))
    assert (found["before"]["stage"], found["after"]["stage"]) == (3, 4)
    assert run("inspect", "stage4", "--compare", "stage4", *upstream, "--fail-above", "0")
    assert "percentage points" in run(
        "inspect", "stage4", "--compare", "stage3", *upstream, "--fail-above", "5", code=1
    )
    plan = tmp_path / "plan.json"
    plan.write_text(run("inspect", "stage4", "--workspace", built.workspace, "--json"))
    run("inspect", mixture(built.workspace), "--compare", plan, "--fail-above", "0")
    assert "--fail-above goes with --compare" in refused("inspect", "stage4", "--fail-above", "1")
    assert "no plan" in refused("inspect", "stage4", *upstream, "--compare", tmp_path)


def test_a_plan_is_a_page_of_its_own(tmp_path: Path) -> None:
    upstream = ("--inventory", "upstream")
    page = tmp_path / "plan.html"
    assert str(page) in run("inspect", "stage4", *upstream, "--html", page).replace("\n", "")
    text = page.read_text()
    assert "marco-mini stage 4" in text and "ell_Grek" in text and "<script" not in text
    assert "--html goes with" in refused("inspect", "stage4", *upstream, "--html", page, "--json")
    assert "cannot be written" in refused("inspect", "stage4", *upstream, "--html", tmp_path)


def test_the_linter_fails_on_errors_and_on_warnings_if_asked() -> None:
    upstream = ("--inventory", "upstream")
    assert "gated" in run("lint", "stage4", *upstream)
    run("lint", "stage4", *upstream, "--strict", code=1)
    found = json.loads(run("lint", "stage4", *upstream, "--use", "publish", "--json", code=1))
    assert found[0]["level"] == "error"
    assert "--use sell: unknown" in refused("lint", "stage4", *upstream, "--use", "sell")
