import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sources.source
from sources.check_sources import check_sources
from sources.errors import BabelmixError

ROW = {"text": "Et hus.", "id": "a", "url": "u", "dump": "d", "date": "t"}
SCORES = {"language_score": 1.0, "minhash_cluster_size": 1}


def fineweb2(mirror: Path, code: str, **columns: Any) -> Path:
    """A file of one row."""
    path = mirror / "fineweb-2" / "data" / code / "train" / "000_00000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: [value] for name, value in columns.items()}), path)
    return path


def wiki(mirror: Path, content: bytes) -> Path:
    path = mirror / "dolmino-mix-1124" / "data" / "wiki" / "wiki-0000.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the catalog that the test may spoil."""
    copy = tmp_path / "catalog"
    copy.mkdir()
    for path in sources.source.CATALOG.glob("*.yaml"):
        (copy / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(sources.source, "CATALOG", copy)
    sources.source.sources.cache_clear()
    yield copy
    sources.source.sources.cache_clear()


def spoil(path: Path, right: str, wrong: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong), encoding="utf-8")


@pytest.mark.parametrize("profile", [None, "hub", "sample"])
def test_the_catalog_and_the_sample_pack_are_right(profile: str | None) -> None:
    assert check_sources(profile) == []


def test_a_mirror_that_is_as_upstream_is_right_and_may_hold_more(tmp_path: Path) -> None:
    fineweb2(tmp_path, "dan_Latn", **ROW, **SCORES, further="x")
    fineweb2(tmp_path, "dan_Latn_removed", other="x")
    wiki(tmp_path, gzip.compress(b'{"id": "a", "text": "A house.", "source": "wiki"}\n'))
    assert check_sources(str(tmp_path)) == []


def test_a_declared_column_that_is_missing_or_of_another_type_is_named_with_its_file(tmp_path: Path) -> None:
    danish = fineweb2(tmp_path, "dan_Latn", **{**ROW, "url": None}, **SCORES)
    swedish = fineweb2(tmp_path, "swe_Latn", **{name: ROW[name] for name in ROW if name != "date"}, **SCORES)
    german = fineweb2(tmp_path, "deu_Latn", **{**ROW, "text": 1}, **SCORES)
    english = wiki(tmp_path, gzip.compress(json.dumps({"id": "a", "txt": "A house."}).encode()))
    found = check_sources(str(tmp_path))
    assert not [problem for problem in found if str(danish) in problem]
    assert len(found) == 3
    for path, said in (
        (swedish, "no column 'date'"),
        (german, "text"),
        (english, "no column 'text'; there are id, txt"),
    ):
        assert [problem for problem in found if str(path) in problem and said in problem]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "A house."}', "plain text"),
        (b"", "empty file"),
        (gzip.compress(b"A house.", mtime=0), "not JSON"),
    ],
)
def test_a_file_that_is_not_what_is_declared_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = wiki(tmp_path, content)
    (found,) = check_sources(str(tmp_path))
    assert str(path) in found
    assert said in found
    assert "\n" not in found


def test_a_source_whose_files_no_glob_matches_is_named_with_its_globs(tmp_path: Path) -> None:
    path = tmp_path / "finemath" / "4plus" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    path.touch()
    (found,) = check_sources(str(tmp_path))
    assert found.startswith(f"{path}: no subset of finemath reads it")
    assert "finemath-4plus/*.parquet" in found


@pytest.mark.parametrize(
    ("name", "right", "wrong", "said"),
    [
        ("finemath", "[eng_Latn]", "[eng_Ltn]", "finemath: finemath-4plus: languages: eng_Ltn is not registered"),
        ("finemath", "dc186b64dfb19f9c8525594", "", "finemath: revision: e92b.* is no whole commit hash"),
        ("fineweb-2", "{language}", "dan_Latn", r"fineweb-2: train: path: .* add \{language\} or \{pair\}"),
        ("dolmino-mix-1124", "category: academic", "category: wiki", "academic: every source .* add an open one"),
        ("openmathinstruct-2", "[eng_Latn]", "labelled", "no language's file names a label in this dataset"),
    ],
)
def test_what_a_file_alone_cannot_show_is_found(
    catalog: Path, name: str, right: str, wrong: str, said: str
) -> None:
    spoil(catalog / f"{name}.yaml", right, wrong)
    assert re.search(said, "\n".join(check_sources()))


def test_a_gated_source_alone_does_not_make_a_category_open(catalog: Path) -> None:
    spoil(catalog / "dolmino-mix-1124.yaml", "licence:", "gated: true\ngate: ask\nlicence:")
    assert [problem.partition(":")[0] for problem in check_sources()] == ["academic"]


def test_a_file_that_is_not_called_as_its_source_stops_all(catalog: Path) -> None:
    (catalog / "finemath.yaml").rename(catalog / "fine-math.yaml")
    with pytest.raises(BabelmixError, match=r"fine-math\.yaml: name: 'finemath' .*; write fine-math"):
        check_sources()
