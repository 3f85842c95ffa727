"""`babelmix mine`, of a stage and of files of one's own."""

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_line import BABELMIX, PATIENCE_S, CommandLine, digests, environment
from conftest import Built

from mixtures.reader import MixtureReader

PAIRS = [
    ("The government announced a new plan on Monday.", "Die Regierung kündigte am Montag einen neuen Plan an."),
    ("She walked along the river until it became dark.", "Sie ging am Fluss entlang, bis es dunkel wurde."),
    ("Where did you leave the keys of the old house?", "Wo hast du die Schlüssel des alten Hauses gelassen?"),
]


def _file(folder: Path, pairs: list[tuple[str, str]] = PAIRS) -> Path:
    path = folder / "pairs.tsv.gz"
    lines = (f"1.1\t{english}\t{text}\n" for english, text in pairs)
    path.write_bytes(gzip.compress("".join(lines).encode()))
    return path


def test_the_mixture_has_the_bucket(built: Built) -> None:
    (place,) = (built.workspace / "mixtures" / "marco-mini" / "stage4").iterdir()
    buckets = json.loads((place / "manifest.json").read_text(encoding="utf-8"))["totals"]["buckets"]
    mined = {row["language"]: row for row in buckets if row["source"] == "nllb"}
    assert {"kaz_Cyrl", "urd_Arab"} <= set(mined)
    for row in mined.values():
        assert row["category"] == "multilingual" and row["tokens_planned"] > 0
    # And what a trainer reads has their text.
    (document,) = pq.read_table(built.workspace / "curated" / "nllb" / "kaz_Cyrl" / "00000.parquet")["text"][
        :1
    ].to_pylist()
    from mixtures.tokenizer import load_tokenizer

    tokenizer = load_tokenizer("Qwen/Qwen3-0.6B-Base")
    (wanted,) = tokenizer.encode_batch([document])
    read = [int(token) for sequence in MixtureReader(place, 512) for token in sequence.tokens]
    text = ",".join(map(str, read))
    assert ",".join(str(int(token)) for token in wanted) in text


def test_every_pair_of_the_stage_is_in_the_funnel(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    workspace = built.copy(tmp_path)
    totals = json.loads(babelmix("mine", "--workspace", workspace, "--json").done())
    for found in totals.values():
        assert found["documents"] == found["kept"] + sum(row["documents"] for row in found["dropped"])
        assert found["ranker"] == "heuristic"
    printed = babelmix("mine", "--workspace", workspace).done()
    assert "Nothing was recomputed" in printed
    assert "heuristic" in printed and "kaz_Cyrl" in printed
    assert "Without pairs in profile sample: cmn_Hani" in printed


def test_own_files(tmp_path: Path, babelmix: CommandLine) -> None:
    file = _file(tmp_path)
    printed = babelmix("mine", "--input", file, "--language", "deu_Latn", "--top", "2", "--output", "out").done()
    assert "outranked" in printed and "heuristic" in printed
    assert pq.read_table(tmp_path / "out" / "bitext").num_rows == 2
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["documents"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--input", "pairs.tsv.gz", "--output", "out"), "--language"),
        (("--top", "5"), "--top goes with --input"),
        (("--input", "nothing.tsv", "--language", "deu_Latn", "--output", "out"), "nothing.tsv: no such file"),
        (("--input", "empty.tsv", "--language", "deu_Latn", "--output", "out"), "empty.tsv: empty file"),
        (("--input", "prose.txt", "--language", "deu_Latn", "--output", "out"), "prose.txt: rows have 1 columns"),
        (("--input", "pairs.tsv.gz", "--language", "deu", "--output", "out"), "deu_Latn"),
        (
            ("--input", "pairs.tsv.gz", "--language", "deu_Latn", "--output", "out", "--rank-by", "./no-model"),
            "./no-model: no folder with a config.json",
        ),
    ],
)
def test_a_mistake_is_one_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path, babelmix: CommandLine
) -> None:
    _file(tmp_path)
    (tmp_path / "empty.tsv").write_bytes(b"")
    (tmp_path / "prose.txt").write_text("No pair at all.\n" * 3, encoding="utf-8")
    assert said in babelmix("mine", *arguments).mistake()


def test_an_unwritten_settings_key_is_named(tmp_path: Path, babelmix: CommandLine) -> None:
    (tmp_path / "own.yaml").write_text("ranking: {topp: 5}\n", encoding="utf-8")
    ended = babelmix("mix", "stage4", own={"BABELMIX_BITEXT": str(tmp_path / "own.yaml")})
    assert "own.yaml" in ended.mistake() and "topp" in ended.mistake()


@pytest.mark.slow
def test_killed_while_ranking_it_goes_on_with_the_vectors_that_it_has(
    tmp_path: Path, babelmix: CommandLine
) -> None:
    model = _model(tmp_path / "model")
    pairs = [
        (f"{english[:-1]} {number} {number * 7}{english[-1]}", f"{text[:-1]} {number} {number * 7}{text[-1]}")
        for number in range(20, 10_020)
        for english, text in PAIRS
    ]
    settings = tmp_path / "bitext.yaml"
    settings.write_text(f"chain: {{caps: {{near: 20000}}}}\nranking: {{model: {model}, candidates: 20000}}\n")
    arguments = ("mine", "--input", _file(tmp_path, pairs), "--language", "deu_Latn", "--top", "500", "--output")
    own = {"BABELMIX_BITEXT": str(settings)}
    babelmix(*arguments, "whole", own=own).done()
    shards = tmp_path / "killed" / "vectors"
    killed = 0
    for least in (2, 9, 17):
        process = subprocess.Popen([BABELMIX, *arguments, "killed"], cwd=tmp_path, env=environment(**own))
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and len(list(shards.glob("*/*.npz"))) < least:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        running = process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed += running
        assert not (tmp_path / "killed" / "bitext").exists()
    assert killed == 3
    before = {path: path.stat().st_mtime_ns for path in shards.glob("*/*.npz")}
    assert len(before) >= 17
    babelmix(*arguments, "killed", own=own).done()
    # What was embedded is not embedded again, and the result is that of a run that was left alone.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert digests(tmp_path / "killed") == digests(tmp_path / "whole")


def _model(folder: Path) -> Path:
    """A sentence-transformers model that is the mean of random vectors of characters."""
    library = pytest.importorskip("sentence_transformers")
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(0)
    characters = sorted({character for pair in PAIRS for side in pair for character in side} | set("0123456789"))
    vocabulary = {name: at for at, name in enumerate(["[UNK]", *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    library.SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=256)]).save(str(folder))
    return folder
