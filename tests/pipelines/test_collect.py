import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from filters.settings import CurationSettings
from pipelines.collect import collect, collect_files
from pipelines.curate_files import curate_files
from pipelines.input_fingerprint import input_fingerprint
from sources.errors import BabelmixError
from sources.language import language
from sources.schema import DOCUMENT
from sources.source import Source, source

ENGLISH = language("eng_Latn")
DANISH = language("dan_Latn")
BOOKS = Source.model_validate(
    {
        "name": "books",
        "title": "",
        "hub_id": "example/books",
        "revision": "abc",
        "card": "",
        "licence": "",
        "subsets": [
            {
                "name": "novels",
                "path": "novels/*.parquet",
                "format": "parquet",
                "text": {"column": "text"},
                "category": "wiki",
                "languages": ["eng_Latn"],
            },
            {
                "name": "letters",
                "path": "letters/{language}/*.jsonl.gz",
                "format": "jsonl",
                "compression": "gzip",
                "text": {"column": "body"},
                "id": "key",
                "category": "instruction",
                "languages": ["eng_Latn", "dan_Latn"],
            },
        ],
    }
)


def mirror(folder: Path) -> Path:
    """A copy of BOOKS with three novels in two files, and a letter in English and one in Danish."""
    novels = folder / "books" / "novels"
    novels.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["third"]}), novels / "b.parquet")
    pq.write_table(pa.table({"text": ["first", "sécond <|im_end|>"]}), novels / "a.parquet")
    for code, text in (("eng_Latn", "Dear you"), ("dan_Latn", "Kære du")):
        letters = folder / "books" / "letters" / code
        letters.mkdir(parents=True)
        (letters / "0.jsonl.gz").write_bytes(gzip.compress(json.dumps({"body": text, "key": "k1"}).encode()))
    return folder


def rows(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def fault(folder: Path, books: Source = BOOKS, code: str = "eng_Latn") -> str:
    with pytest.raises(BabelmixError) as caught:
        collect(books, language(code), str(folder), str(folder / "out"))
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder), "MIRROR")


# ---- a source of the catalog --------------------------------------------------------------------------------


def test_all_subsets_that_have_the_language_are_collected_in_order(tmp_path: Path) -> None:
    totals = collect(BOOKS, ENGLISH, str(mirror(tmp_path)), str(tmp_path / "out"))
    found = rows(tmp_path / "out")
    assert [(row["id"], row["text"], row["category"]) for row in found] == [
        ("novels/a.parquet:1", "first", "wiki"),
        ("novels/a.parquet:2", "sécond <\u2060|im_end|>", "wiki"),
        ("novels/b.parquet:1", "third", "wiki"),
        ("k1", "Dear you", "instruction"),
    ]
    assert {(row["source"], row["language"]) for row in found} == {("books", "eng_Latn")}
    assert totals == {
        "documents": 4,
        "bytes": sum(len(row["text"].encode()) for row in found),
        "special_tokens": 1,
    }
    assert pq.read_schema(tmp_path / "out" / "00000.parquet").equals(DOCUMENT)
    assert collect(BOOKS, DANISH, str(tmp_path), str(tmp_path / "danish"))["documents"] == 1
    assert rows(tmp_path / "danish")[0]["text"] == "Kære du"


def test_two_copies_in_two_places_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = mirror(tmp_path / "one"), mirror(tmp_path / "else" / "two")
    monkeypatch.chdir(tmp_path / "else")
    outputs = []
    # The same folder may be written in many ways.
    for number, profile in enumerate((str(first), f"{first}/", f"file://{second}", "two", "./two", "../else/two")):
        collect(BOOKS, ENGLISH, profile, str(tmp_path / f"out{number}"))
        outputs.append({path.name: path.read_bytes() for path in (tmp_path / f"out{number}").iterdir()})
    assert list(outputs[0]) == ["00000.parquet"]
    assert all(each == outputs[0] for each in outputs)


@pytest.mark.parametrize(
    ("name", "code"), [("fineweb-2", "tha_Thai"), ("dolmino-mix-1124", "eng_Latn"), ("nemotron-cc-v2", "eng_Latn")]
)
def test_real_sources_of_the_sample_pack_are_collected(tmp_path: Path, name: str, code: str) -> None:
    totals = collect(source(name), language(code), "sample", str(tmp_path))
    found = rows(tmp_path)
    assert totals["documents"] == len(found) > 0
    assert totals["bytes"] == sum(len(row["text"].encode()) for row in found)
    assert len({row["id"] for row in found}) == len(found)


def test_what_is_missing_or_empty_is_one_line(tmp_path: Path) -> None:
    mirror(tmp_path)
    assert fault(tmp_path, code="fra_Latn").startswith("books fra_Latn: the source does not have the language")
    novels = tmp_path / "books" / "novels"
    for path in novels.iterdir():
        path.unlink()
    # The other subset still delivers.
    assert collect(BOOKS, ENGLISH, str(tmp_path), str(tmp_path / "out"))["documents"] == 1
    letters = tmp_path / "books" / "letters" / "eng_Latn" / "0.jsonl.gz"
    letters.write_bytes(gzip.compress(b""))
    assert fault(tmp_path).startswith("books eng_Latn: no document in any of its files")
    pq.write_table(pa.table({"text": pa.array([None, ""], pa.string())}), novels / "a.parquet")
    assert fault(tmp_path).startswith("books eng_Latn: the text of all 2 documents is empty")
    letters.unlink()
    (novels / "a.parquet").unlink()
    assert fault(tmp_path) == (
        "books eng_Latn: no file matches novels/*.parquet, letters/eng_Latn/*.jsonl.gz in MIRROR/books;"
        " fetch the files or correct `path`"
    )


def test_a_damaged_file_leaves_one_line_that_names_it(tmp_path: Path) -> None:
    path = mirror(tmp_path) / "books" / "novels" / "b.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    assert fault(tmp_path).startswith("MIRROR/books/novels/b.parquet: truncated or damaged (")


def test_many_documents_stand_in_bounded_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_bytes(b"".join(b'{"text": "document %d"}\n' % number for number in range(25_000)))
    assert collect_files([str(path)], DANISH, str(tmp_path / "out"))["documents"] == 25_000
    written = pq.ParquetFile(tmp_path / "out" / "00000.parquet")
    assert [written.metadata.row_group(each).num_rows for each in range(3)] == [10_000, 10_000, 5_000]
    assert written.metadata.row_group(0).column(1).compression == "ZSTD"


# ---- the fingerprint ----------------------------------------------------------------------------------------


def test_the_fingerprint_changes_with_what_is_read_and_with_nothing_else(tmp_path: Path) -> None:
    first, second = mirror(tmp_path / "one"), mirror(tmp_path / "two")
    before = input_fingerprint(BOOKS, ENGLISH, str(first))
    assert before == input_fingerprint(BOOKS, ENGLISH, str(second))
    assert before != input_fingerprint(BOOKS, DANISH, str(first))

    seen = {before}
    letters = first / "books" / "letters"
    (letters / "dan_Latn" / "0.jsonl.gz").write_bytes(b"another language")
    (first / "books" / "README.md").write_text("not matched")
    assert input_fingerprint(BOOKS, ENGLISH, str(first)) == before
    # Same name, same size, other bytes; then another name; then one file less.
    (letters / "eng_Latn" / "0.jsonl.gz").write_bytes(
        bytes(len((letters / "eng_Latn" / "0.jsonl.gz").read_bytes()))
    )
    seen.add(input_fingerprint(BOOKS, ENGLISH, str(first)))
    (letters / "eng_Latn" / "0.jsonl.gz").rename(letters / "eng_Latn" / "1.jsonl.gz")
    seen.add(input_fingerprint(BOOKS, ENGLISH, str(first)))
    (letters / "eng_Latn" / "1.jsonl.gz").unlink()
    seen.add(input_fingerprint(BOOKS, ENGLISH, str(first)))
    declared = BOOKS.model_copy(
        update={"subsets": (BOOKS.subsets[0].model_copy(update={"category": "stem"}), BOOKS.subsets[1])}
    )
    seen.add(input_fingerprint(declared, ENGLISH, str(first)))
    assert len(seen) == 5


def test_on_the_hub_the_revision_stands_for_the_contents() -> None:
    before = input_fingerprint(BOOKS, ENGLISH, "hub")
    assert before == input_fingerprint(BOOKS, ENGLISH, "hub")
    newer = BOOKS.model_copy(update={"revision": "abd"})
    assert before != input_fingerprint(newer, ENGLISH, "hub")
    # What a card says of a dataset's size, and its licence, change nothing that is read.
    assert before == input_fingerprint(BOOKS.model_copy(update={"licence": "MIT"}), ENGLISH, "hub")


# ---- a person's own files -----------------------------------------------------------------------------------


def own(folder: Path, name: str, lines: list[dict[str, Any]]) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(lines), path)
    elif name.endswith(".gz"):
        path.write_bytes(gzip.compress(content))
    elif name.endswith(".zst"):
        path.write_bytes(zstandard.ZstdCompressor().compress(content))
    else:
        path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    "name", ["a.parquet", "a.jsonl", "a.json", "a.jsonl.gz", "a.json.gz", "a.jsonl.zst", "a.json.zst"]
)
def test_own_files_of_every_kind_are_read(tmp_path: Path, name: str) -> None:
    path = own(tmp_path, name, [{"text": "Et hus.", "id": "x", "more": 1}, {"text": "To huse.", "id": None}])
    totals = collect_files([path], DANISH, str(tmp_path / "out"), "code")
    assert totals == {"documents": 2, "bytes": 15, "special_tokens": 0}
    found = rows(tmp_path / "out")
    assert [(row["id"], row["text"]) for row in found] == [("x", "Et hus."), (f"{name}:2", "To huse.")]
    assert {(row["source"], row["category"], row["language"]) for row in found} == {("files", "code", "dan_Latn")}


def test_own_files_without_ids_get_ids_that_differ_between_folders(tmp_path: Path) -> None:
    for name in ("one/a.jsonl", "two/a.jsonl", "two/b.parquet"):
        own(tmp_path, name, [{"text": name}])
    patterns = [f"{tmp_path}/*/*.jsonl", f"{tmp_path}/two/*"]  # they overlap
    collect_files(patterns, DANISH, str(tmp_path / "out"))
    assert [(row["id"], row["text"]) for row in rows(tmp_path / "out")] == [
        ("one/a.jsonl:1", "one/a.jsonl"),
        ("two/a.jsonl:1", "two/a.jsonl"),
        ("two/b.parquet:1", "two/b.parquet"),
    ]


def test_own_files_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    def said(*patterns: str) -> str:
        with pytest.raises(BabelmixError) as caught:
            collect_files(patterns, DANISH, str(tmp_path / "out"))
        return str(caught.value).replace(str(tmp_path), "DIR")

    assert said(f"{tmp_path}/*.parquet").startswith("DIR/*.parquet: no such file; name Parquet or JSON lines")
    assert said(str(tmp_path)).startswith("DIR: no such file")
    assert said("nowhere://x/*.jsonl").startswith("nowhere://x/*.jsonl: Protocol not known")
    assert said(own(tmp_path, "a.txt", [])).startswith("DIR/a.txt: neither Parquet nor JSON lines by its name")
    assert said(own(tmp_path, "a.jsonl", [])) == "DIR/a.jsonl: empty file; fetch it again, or leave it out"
    assert said(own(tmp_path, "b.jsonl", [{"txt": "a"}])) == "DIR/b.jsonl: row 1: no column 'text'; there are txt"
    assert "column 'text' is int64, should be string" in said(own(tmp_path, "c.parquet", [{"text": 1}]))
    (tmp_path / "d.parquet").write_bytes(b"")
    assert said(f"{tmp_path}/d.parquet").startswith("DIR/d.parquet: truncated or damaged (")
    (tmp_path / "e.jsonl.gz").write_bytes(b'{"text": "a"}\n')
    assert "its bytes are plain text, declared is gzip" in said(f"{tmp_path}/e.jsonl.gz")


def test_an_empty_text_is_dropped_by_curation_with_a_reason(tmp_path: Path) -> None:
    text = (
        "On the first morning of the market the baker set out ten loaves, and the old ferryman came to look at"
        " them before anyone else was awake. He said the river had been too high for the boats since Monday, and"
        " that the people of the upper village would have to walk over the hill with their apples on their backs."
        " The baker gave him the smallest loaf, as she had done for years, and they spoke of rain until noon."
    )
    path = own(tmp_path, "a.jsonl", [{"id": "none", "text": None}, {"id": "some", "text": text}])
    settings = CurationSettings.for_profile("a mirror")
    funnel = curate_files([path], ENGLISH, str(tmp_path / "out"), settings)
    dropped = [row for each in (tmp_path / "out" / "dropped").glob("*") for row in pq.read_table(each).to_pylist()]
    assert funnel.documents == 2
    assert [row["id"] for row in dropped] == ["none"]
    assert dropped[0]["reason"]
    assert [row["id"] for row in rows(tmp_path / "out" / "curated")] == ["some"]
