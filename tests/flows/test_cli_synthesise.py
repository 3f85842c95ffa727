"""`babelmix synthesise`, and what a model wrote in the mixture of the sample pack."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import CommandLine, mixture
from conftest import Built

from synth.settings import RECORDINGS


def test_the_mixture_has_buckets_of_questions_and_says_that_they_were_replayed(built: Built) -> None:
    assert "replayed from recorded completions" in built.ended.out
    assert "no model was asked" in built.ended.out
    manifest = json.loads((mixture(built.workspace) / "manifest.json").read_text(encoding="utf-8"))
    buckets = [row for row in manifest["totals"]["buckets"] if row["source"] == "regional-questions"]
    found = {row["language"]: row for row in buckets}
    assert len(found) == 29
    assert found["ell_Grek"]["category"] == "multilingual" and found["eng_Latn"]["category"] == "synthetic"
    assert all(row["tokens_planned"] > 0 for row in found.values())


def test_every_recording_is_found(built_global: Built) -> None:
    """A prompt that changed without new recordings would ask for completions that nobody has."""
    lost = []
    for path in sorted((built_global.workspace / "dropped" / "regional-questions").glob("*/*.parquet")):
        lost += [row["detail"] for row in pq.read_table(path).to_pylist() if "transport" in row["reason"]]
    for path in sorted((built_global.workspace / "synthetic" / "questions").glob("*/passages.parquet")):
        lost += [row["detail"] for row in pq.read_table(path).to_pylist() if "transport" in row["reason"]]
    assert lost == []
    assert len(list((built_global.workspace / "synthetic" / "questions").iterdir())) == 64


def test_planted_faults_are_dropped_for_what_they_are_and_the_command_counts_them(built_global: Built) -> None:
    labels = [json.loads(line) for line in (RECORDINGS / "planted.jsonl").read_text("utf-8").splitlines()]
    # Every kind that the pack is to show, and one beside nearly each of the 192 questions.
    kinds = Counter(label["fault"].partition(":")[0] for label in labels)
    assert len(labels) > 170 and {
        "two right answers", "wrong language", "answer in the stem", "truncated",
        "option repeated, in other case or marks", "ungrounded", "benchmark question of the bundled list",
    } <= set(kinds)  # fmt: skip
    named = 0
    for label in labels:
        folder = built_global.workspace / "dropped" / "regional-questions" / label["language"]
        rows = [row for path in folder.glob("*.parquet") for row in pq.read_table(path).to_pylist()]
        (reason,) = (row["reason"] for row in rows if f"{row['id']}/".startswith(f"{label['id']}/"))
        named += reason.rpartition(".")[2] in label["reasons"]
    assert named >= 0.95 * len(labels)
    assert "more were dropped: " in built_global.ended.out and "option_repeated " in built_global.ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--language", "ell_Grek"), "no server: name one with --server"),
        (("--language", "ell_Grek", "--model", "m"), "--model goes with --server"),
        (("--language", "ell_Grek", "--server", "http://127.0.0.1:9"), "http://127.0.0.1:9"),
        (("--language", "ell_Grek", "--server", "localhost", "--model", "m"), "write it as http://host:port"),
        (("--language", "el", "--server", "http://localhost:1", "--model", "m"), "did you mean 'ell_Grek'"),
        (("--language", "ell_Grek", "--server", "http://127.0.0.1:9", "--model", "m"), "no connection"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], said: str, babelmix: CommandLine) -> None:
    assert said in babelmix("synthesise", "questions", "--output", "out", *arguments).mistake()


def test_a_dry_run_asks_nothing(tmp_path: Path, babelmix: CommandLine) -> None:
    server = ("--server", "http://127.0.0.1:9", "--model", "m")
    printed = babelmix(
        "synthesise", "questions", "--language", "isl_Latn", "--output", "out", *server, "--dry-run"
    )
    assert "isl_Latn" in printed.mistake()
    printed = babelmix(
        "synthesise", "questions", "--language", "ell_Grek", "--output", "out", *server, "--dry-run"
    )
    lines = printed.done().splitlines()
    assert lines[-1].endswith("GPU hours at 1,000 completion tokens a second of one GPU")
    assert [line.split()[0] for line in lines[1:-2]] == [
        "questions/topics", "questions/concepts", "questions/note", "questions/write",
    ]  # fmt: skip
    assert not (tmp_path / "out").exists()
