"""`babelmix synthesise`, and what a model wrote in the mixture of the sample pack."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import CommandLine, digests, mixture
from conftest import Built
from speaker import Speaker

from synth.settings import RECORDINGS, recordings
from tests.synth.engine_server import MODEL

# What the sample pack replays: the source, its languages in stage 4, and what it is called.
REPLAYED = {
    "regional-questions": (29, "83 regional questions in 29 languages"),
    "synthetic-culture": (29, "29 cultural articles in 29 languages"),
    "synthetic-translation": (12, "12 translations in 12 languages"),
    "synthetic-rephrase": (3, "3 paraphrases in 3 languages"),
}


def test_the_mixture_has_buckets_of_what_was_written_and_says_by_whom(built: Built) -> None:
    manifest = json.loads((mixture(built.workspace) / "manifest.json").read_text(encoding="utf-8"))
    for source, (languages, said) in REPLAYED.items():
        line = (
            f"{said}, replayed from recorded completions (written by hand for the sample pack): no model was asked"
        )
        assert line in built.ended.out.splitlines()
        buckets = [row for row in manifest["totals"]["buckets"] if row["source"] == source]
        found = {row["language"]: row for row in buckets}
        assert len(found) == languages
        assert all(row["category"] == "multilingual" for code, row in found.items() if code != "eng_Latn")
        assert all(row["tokens_planned"] > 0 for row in found.values())
        if "eng_Latn" in found:
            assert found["eng_Latn"]["category"] == "synthetic"


def test_every_recording_is_found(built_global: Built) -> None:
    """A prompt that changed without new recordings would ask for completions that nobody has."""
    dropped = [built_global.workspace / "dropped" / source for source in REPLAYED]
    paths = [path for folder in dropped for path in folder.glob("*/*.parquet")]
    paths += (built_global.workspace / "synthetic" / "questions").glob("*/passages.parquet")
    lost = []
    for path in sorted(paths):
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
    # Two faults of one question have one id, and so has the question itself, should a check take it for bad.
    asked = Counter((label["language"], label["id"]) for label in labels)
    named = 0
    for label in labels:
        folder = built_global.workspace / "dropped" / "regional-questions" / label["language"]
        rows = [row for path in folder.glob("*.parquet") for row in pq.read_table(path).to_pylist()]
        reasons = [row["reason"] for row in rows if f"{row['id']}/".startswith(f"{label['id']}/")]
        assert len(reasons) >= asked[label["language"], label["id"]]
        named += any(reason.rpartition(".")[2] in label["reasons"] for reason in reasons)
    assert named >= 0.95 * len(labels)
    assert "more were dropped: " in built_global.ended.out and "option_repeated " in built_global.ended.out


def test_what_was_written_says_what_it_was_made_of(built: Built) -> None:
    """Every article, translation and paraphrase names a document that was kept, and its own record."""
    for source, room in (("culture", "culture"), ("translation", "translation"), ("rephrase", "rephrase")):
        for folder in sorted((built.workspace / "curated" / f"synthetic-{source}").iterdir()):
            (row,) = pq.read_table(folder / "00000.parquet").to_pylist()
            told = json.loads(row["metadata"])
            of = built.workspace / "curated" / told["source"]
            code = "eng_Latn" if source == "translation" else folder.name
            kept = pq.read_table(of / code / "00000.parquet", columns=["id"])
            assert told["source_id"] in kept["id"].to_pylist()
            assert row["language"] == folder.name and row["source"] == f"synthetic-{source}"
            assert told["model"] == "written by hand for the sample pack" and told["checks"]
            records = built.workspace / "synthetic" / room / folder.name
            (record,) = pq.read_table(records / "00000.parquet").to_pylist()
            assert (record["id"], record["text"]) == (row["id"], row["text"])
            assert (records / "sheet.html").read_text(encoding="utf-8").count("<article>") == 1


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


def test_articles_by_a_server_are_paid_for_once(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    curated = built.workspace / "curated" / "fineweb-2" / "ell_Grek"
    with Speaker(recordings("ell_Grek", "culture")) as server:
        asked = ("culture", "--language", "ell_Grek", "--input", curated, "--server", server.url, "--model", MODEL)
        printed = babelmix("synthesise", *asked, "--output", "out").done()
        assert "6  rating.not_dense" in printed and "2  article.declined" in printed
        assert "1  kept of 3, by planted" in printed
        assert len(server.served) == 15
        before = digests(tmp_path / "out")
        totals = json.loads(babelmix("synthesise", *asked, "--output", "out", "--json").done())
        assert len(server.served) == 15 and digests(tmp_path / "out") == before
    assert totals["kept"] == 1 and totals["decided"]["by"] == "ratings"
    (row,) = pq.read_table(tmp_path / "out" / "documents").to_pylist()
    replayed_in = built.workspace / "curated" / "synthetic-culture" / "ell_Grek" / "00000.parquet"
    (replayed,) = pq.read_table(replayed_in).to_pylist()
    assert row["text"] == replayed["text"] and json.loads(row["metadata"])["model"] == MODEL
    for room in ("culture/ratings.parquet", "culture/annotations.parquet", "culture/sheet.html", "report.json"):
        assert (tmp_path / "out" / room).is_file()


def test_what_a_run_would_cost(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    """Of every kind: the prompts that would be asked, what they would cost, and nothing is asked."""
    server = ("--server", "http://127.0.0.1:9", "--model", "m", "--output", "out", "--dry-run")
    greek = built.workspace / "curated" / "fineweb-2" / "ell_Grek"
    malay = next((built.workspace / "curated" / "fineweb-2" / "zsm_Latn").glob("*.parquet"))
    documents = pq.read_table(malay).num_rows
    asked = ("culture", "--language", "ell_Grek", "--input", greek)
    found = json.loads(babelmix("synthesise", *asked, *server, "--json", "--tokens-per-second", "1000").done())
    assert [(row["prompt"], row["requests"], row["completion_tokens"]) for row in found["prompts"]] == [
        ("culture/rate", 9, 9 * 200), ("culture/annotate", 9, 9 * 600), ("culture/article", 9, 9 * 3000),
    ]  # fmt: skip
    assert found["gpu_hours"] == pytest.approx(9 * 3800 / 1000 / 3600)
    # The texts are counted, not guessed: a prompt is its words and the document's.
    assert all(row["prompt_tokens"] > 9 * 500 for row in found["prompts"])
    asked = ("rephrase", "--language", "zsm_Latn", "--input", malay)
    rows = json.loads(babelmix("synthesise", *asked, *server, "--json").done())["prompts"]
    assert sum(row["requests"] for row in rows) <= documents
    assert {row["prompt"] for row in rows} <= {"rephrase/plain", "rephrase/reference", "rephrase/dialogue"}
    asked = ("translate", "--from", "zsm_Latn", "--to", "ell_Grek", "--input", malay)
    lines = babelmix("synthesise", *asked, *server, "--tokens-per-second", "50").done().splitlines()
    assert lines[1].split()[:2] == ["translate/document", str(documents)]
    assert lines[-1].endswith("GPU hours at 50 completion tokens a second of one GPU")
    assert not (tmp_path / "out").exists()


def test_articles_need_documents(babelmix: CommandLine, tmp_path: Path) -> None:
    server = ("--server", "http://127.0.0.1:9", "--model", "m")
    ended = babelmix("synthesise", "culture", "--language", "ell_Grek", *server, "--output", "out")
    assert ended.code == 2 and "--input" in ended.err
    (tmp_path / "empty").mkdir()
    asked = ("--language", "ell_Grek", "--input", "empty", *server, "--output", "out")
    assert "none of 0 documents is kept" in babelmix("synthesise", "culture", *asked).mistake()
