from pathlib import Path
from typing import Any

import pytest

from mixtures.indexed import IndexedDataset
from pipelines.document_files import DocumentWriter
from pipelines.tokenise import Standing, tokenise

TOKENIZER = "Qwen/Qwen3-0.6B-Base"


def documents(folder: Path, files: list[list[str]]) -> str:
    for number, texts in enumerate(files):
        with DocumentWriter(str(folder), f"{number}-") as writer:
            for text in texts:
                row = {"id": text, "text": text, "language": "eng_Latn", "source": "s", "category": "wiki"}
                writer.write({**row, "scores": None})
    return str(folder)


def tokens(folder: Path) -> list[list[list[int]]]:
    found = []
    for path in sorted(folder.glob("*.idx")):
        shard = IndexedDataset(str(path.with_suffix("")))
        found.append([shard.document(number).tolist() for number in range(len(shard))])
    return found


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}


@pytest.fixture
def first(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    place = documents(tmp_path / "first", [["one", "two"], ["three"], ["four", "five six"]])
    (tmp_path / "a").mkdir()
    return tmp_path / "a", tokenise(place, "wiki", TOKENIZER, str(tmp_path / "a"))


def test_only_the_file_that_changed_is_tokenised_again(first: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, totals = first
    changed = documents(tmp_path / "second", [["one"], ["three"], ["four", "five six"]])
    for name in ("b", "c"):
        (tmp_path / name).mkdir()
    standing = Standing(str(folder), totals)
    linked = tokenise(changed, "wiki", TOKENIZER, str(tmp_path / "b"), standing=standing)
    alone = tokenise(changed, "wiki", TOKENIZER, str(tmp_path / "c"))
    assert linked == alone
    assert linked["documents"] == 4
    assert tokens(tmp_path / "b") == tokens(tmp_path / "c")
    old, new = files(folder), files(tmp_path / "b")
    same = {name for name in new if new[name] == old[name]}
    assert same == {"00001.bin", "00001.idx", "00002.bin", "00002.idx"}


def test_a_file_that_is_gone_moves_the_others_up(first: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, totals = first
    fewer = documents(tmp_path / "second", [["three"], ["four", "five six"]])
    (tmp_path / "b").mkdir()
    linked = tokenise(fewer, "wiki", TOKENIZER, str(tmp_path / "b"), standing=Standing(str(folder), totals))
    assert linked["documents"] == 3
    assert tokens(tmp_path / "b") == tokens(folder)[1:]
    assert (tmp_path / "b" / "00000.bin").samefile(folder / "00001.bin")


def test_tokens_of_a_run_that_noted_no_files_are_made_anew(
    first: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, totals = first
    (tmp_path / "b").mkdir()
    old = {name: value for name, value in totals.items() if name != "shards"}
    again = tokenise(
        str(tmp_path / "first"), "wiki", TOKENIZER, str(tmp_path / "b"), standing=Standing(str(folder), old)
    )
    assert again == totals
    assert tokens(tmp_path / "b") == tokens(folder)
