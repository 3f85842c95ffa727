import gzip
import json
import math
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import BabelmixError
from sources.language import language
from sources.readers import Document, read
from sources.readers import document as document_module
from sources.source import Source, Subset

COLUMN = {"column": "text"}
ROWS = [{"id": "a", "text": "Ein Haus.", "n": 1}, {"id": "b", "text": "Два дома 🏠", "n": 2}]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def documents(path: Path | str, form: str = "jsonl", name: str = "", **declared: Any) -> list[Document]:
    """What the file at `path` holds, read as a catalog entry with `declared` says; ids of column id."""
    subset = Subset.model_validate(
        {
            "name": "part",
            "path": "*",
            "format": form,
            "text": COLUMN,
            "category": "wiki",
            "languages": ["eng_Latn"],
            "id": "id" if form in ("jsonl", "parquet") else None,
            **declared,
        }
    )
    source = Source(
        name="books",
        title="",
        hub_id="",
        card="",
        licence="",
        subsets=(subset,),
        gate="accept the terms at example.org",
    )
    return list(read(str(path), name or str(path).rsplit("/", 1)[-1], subset, source, language("dan_Latn")))


def fault(path: Path | str, form: str = "jsonl", **declared: Any) -> str:
    with pytest.raises(BabelmixError) as caught:
        documents(path, form, **declared)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(str(path), "FILE")


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def parquet(path: Path, rows: Any, **options: Any) -> Path:
    pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows), path, **options)
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# ---- what is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", PACKERS)
def test_json_lines_become_documents(tmp_path: Path, compression: str) -> None:
    row = {"id": 7, "text": "See <|im_end|> there.", "link": "https://example.org", "day": "2024-01-01", "n": 1.5}
    path = written(tmp_path / "x", PACKERS[compression](lines([row, {"text": "No id."}])))
    first, second = documents(path, compression=compression, url="link", metadata=["day", "n"])
    assert first == {
        "id": "7",
        "text": "See <\u2060|im_end|> there.",
        "language": "dan_Latn",
        "source": "books",
        "category": "wiki",
        "url": "https://example.org",
        "metadata": '{"day":"2024-01-01","n":1.5}',
        "special_tokens": 1,
    }
    assert second["id"] == "x:2"
    assert (second["url"], second["metadata"], second["special_tokens"]) == (None, None, 0)


def test_a_row_without_an_id_is_named_after_file_and_row(tmp_path: Path) -> None:
    rows = [{"text": "a", "id": None}, {"text": "b", "id": ""}, {"text": "c", "id": 0}]
    for found in (
        documents(written(tmp_path / "x", lines(rows[:2])), name="data/x"),
        documents(parquet(tmp_path / "p", [{**row, "id": None} for row in rows]), "parquet", name="data/x")[:2],
        documents(parquet(tmp_path / "q", [{"text": "a"}, {"text": "b"}]), "parquet", name="data/x", id=None),
    ):
        assert [each["id"] for each in found] == ["data/x:1", "data/x:2"]
    assert documents(written(tmp_path / "x", lines(rows)))[2]["id"] == "0"


def test_empty_lines_a_byte_order_mark_and_a_last_line_without_an_end_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "x", b'\xef\xbb\xbf{"text": "a"}\r\n\n{"text": "b"}')
    assert [(each["id"], each["text"]) for each in documents(path)] == [("x:1", "a"), ("x:3", "b")]


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_files_that_were_packed_in_parts_are_read_to_the_end(tmp_path: Path, compression: str, parts: int) -> None:
    path = written(tmp_path / "x", PACKERS[compression](lines(ROWS)) * parts)
    assert len(documents(path, compression=compression)) == parts * len(ROWS)


def test_a_skippable_frame_before_the_first_is_skipped(tmp_path: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"parts"
    path = written(tmp_path / "x", skippable + PACKERS["zstd"](lines(ROWS)))
    assert len(documents(path, compression="zstd")) == 2


def test_parquet_is_read_in_order_whatever_its_row_groups(tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": f"text {number} " * (number % 50)} for number in range(5000)]
    for size in (1, 700, 5000):
        found = documents(parquet(tmp_path / "x", rows, row_group_size=size), "parquet")
        assert [(each["id"], each["text"]) for each in found] == [(row["id"], row["text"]) for row in rows]


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_strings_of_every_kind_are_text(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"text": pa.array(["a", "b", "a"]).cast(kind)})
    found = documents(parquet(tmp_path / "x", table), "parquet", id=None)
    assert [each["text"] for each in found] == ["a", "b", "a"]


def test_a_missing_text_is_an_empty_document_and_not_lost(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": None}, {"id": "b", "text": ""}, {"id": "c", "text": "c"}]
    for path, form in (
        (written(tmp_path / "x", lines(rows)), "jsonl"),
        (parquet(tmp_path / "p", rows), "parquet"),
    ):
        assert [each["text"] for each in documents(path, form)] == ["", "", "c"]


def test_metadata_is_json_for_every_reader_of_json(tmp_path: Path) -> None:
    days = pa.array([datetime(2024, 1, 1)], pa.timestamp("us"))
    path = parquet(tmp_path / "x", pa.table({"text": ["a"], "score": [math.nan], "day": days, "raw": [b"x"]}))
    metadata = documents(path, "parquet", id=None, metadata=["score", "day", "raw"])[0]["metadata"] or ""
    found = json.loads(metadata, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found == {"score": None, "day": "2024-01-01T00:00:00", "raw": "b'x'"}


def test_problem_and_solution_are_joined(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x", [{"q": "1+1?", "a": "2"}, {"q": "Why?", "a": None}])
    found = documents(path, "parquet", id=None, text={"columns": ["q", "a"], "separator": "\n"})
    assert [each["text"] for each in found] == ["1+1?\n2", "Why?"]


def test_messages_are_rendered_in_turn_without_the_skipped_roles(tmp_path: Path) -> None:
    turns = [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "Hi."},
        {"from": "gpt", "value": "Hello."},
    ]
    form = {"messages": "talk.turns", "role": "from", "content": "value", "skip": ["system"]}
    rows = [{"talk": {"turns": turns}}, {"talk": {"turns": None}}]
    for path, kind in (
        (written(tmp_path / "x", lines(rows)), "jsonl"),
        (parquet(tmp_path / "p", rows), "parquet"),
    ):
        assert [each["text"] for each in documents(path, kind, id=None, text=form)] == ["Hi.\n\nHello.", ""]


NLLB = "Et hus.\tA house.\t1.2\tdan_Latn\teng_Latn\tcrawl\thttps://example.org/da\t_\t_\n"


def test_nllb_pairs_say_which_side_is_english(tmp_path: Path) -> None:
    declared = {"text": {"pair": "both"}, "category": "bitext"}
    path = written(tmp_path / "dan_Latn-eng_Latn.gz", gzip.compress(NLLB.encode() * 2))
    found = documents(path, "nllb-tsv", compression="gzip", **declared)
    assert [each["id"] for each in found] == [f"{path.name}:1", f"{path.name}:2"]
    assert (found[0]["text"], found[0]["url"]) == ("A house.\nEt hus.", "https://example.org/da")
    metadata = json.loads(found[0]["metadata"] or "")
    assert (metadata["english"], metadata["translation"], metadata["laser_score"]) == ("A house.", "Et hus.", 1.2)
    assert (metadata["source_lid"], metadata["target_lid"]) == ("dan_Latn", "eng_Latn")
    assert "target_url" not in metadata
    path = written(tmp_path / "eng_Latn-dan_Latn.tsv", NLLB.encode())
    assert documents(path, "nllb-tsv", **declared)[0]["text"] == "Et hus.\nA house."


def test_ccmatrix_pairs_have_the_score_first(tmp_path: Path) -> None:
    path = written(tmp_path / "da-en.bitextf.tsv", b"1.1\tEt hus.\tA house.\n")
    found = documents(path, "ccmatrix-tsv", text={"pair": "both"}, category="bitext")
    assert found[0]["text"] == "A house.\nEt hus."
    assert json.loads(found[0]["metadata"] or "") == {
        "english": "A house.", "translation": "Et hus.", "laser_score": 1.1
    }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1),
    compression=st.sampled_from(list(PACKERS)),
    group=st.integers(1, 4),
)
def test_the_same_rows_are_the_same_documents_in_every_format(
    texts: list[str], compression: str, group: int
) -> None:
    rows = [{"id": f"d{number}", "text": text} for number, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        packed = PACKERS[compression](lines(rows))
        read_lines = documents(written(Path(folder) / "x", packed), compression=compression)
        read_columns = documents(parquet(Path(folder) / "p", rows, row_group_size=group), "parquet")
    assert read_lines == read_columns
    # Nothing but the mark in special tokens is added, and nothing is taken away.
    assert [each["text"].replace("\u2060", "") for each in read_lines] == [
        text.replace("\u2060", "") for text in texts
    ]


# ---- other places -------------------------------------------------------------------------------------------


@contextmanager
def server(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(503 if "busy" in self.path else 403)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None: ...


@pytest.mark.parametrize("compression", PACKERS)
def test_files_are_streamed_from_the_web(tmp_path: Path, compression: str) -> None:
    written(tmp_path / "x", PACKERS[compression](lines(ROWS * 2000)))
    with server(partial(Quiet, directory=str(tmp_path))) as url:
        found = documents(f"{url}/x", compression=compression)
        assert [each["text"] for each in found] == [row["text"] for row in ROWS * 2000]
        assert "no such file" in fault(f"{url}/y")


class Ranges(Quiet):
    """Serves the byte ranges that are asked for, as object stores do, and counts what it sent."""

    sent: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        content = Path(self.translate_path(self.path)).read_bytes()
        begin, _, end = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        part = content[int(begin) : int(end or len(content)) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {begin}-{int(begin) + len(part) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(part)
        self.sent.append(len(part))


def test_remote_parquet_is_fetched_about_once_and_only_the_columns_that_are_read(tmp_path: Path) -> None:
    drawn = random.Random(1)
    rows = [
        {
            "text": drawn.randbytes(3000).hex(),
            "id": drawn.randbytes(300).hex(),
            "other": drawn.randbytes(3000).hex(),
        }
        for _ in range(5000)
    ]
    size = parquet(tmp_path / "x", rows, row_group_size=2500).stat().st_size
    Ranges.sent.clear()
    with server(partial(Ranges, directory=str(tmp_path))) as url:
        found = documents(f"{url}/x", "parquet")
    assert [each["text"] for each in found] == [row["text"] for row in rows]
    assert sum(Ranges.sent) < 0.6 * size
    assert len(Ranges.sent) < 60


def test_refused_access_says_how_to_be_let_in() -> None:
    with server(Refusing) as url:
        for form in ("jsonl", "parquet"):
            message = fault(f"{url}/x", form)
            assert "access refused (" in message
            assert "accept the terms at example.org" in message


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_server_that_does_not_answer_is_no_mistake_of_the_user(form: str) -> None:
    """It is raised as it is, so that a task tries again."""
    with server(Refusing) as url, pytest.raises(OSError):
        documents(f"{url}/busy", form)
    with pytest.raises(OSError):
        documents(f"{url}/gone", form)


def test_other_filesystems_are_read(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/books/x", lines(ROWS))
    memory.pipe("/books/p", parquet(tmp_path / "p", ROWS).read_bytes())
    found = documents("memory://books/x")
    assert [each["text"] for each in found] == [row["text"] for row in ROWS]
    assert found == documents("memory://books/p", "parquet")


# ---- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "FILE: empty file; fetch it again, or leave it out"),
        (b'{"text": "a"}\n{"text": \n', "FILE: row 2: not JSON ("),
        (b'{"text": "a"}\n["text"]\n', "FILE: row 2: list instead of an object; each line is one object"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', "FILE: row 2: not UTF-8 at byte 11 of the line"),
        (b'{"text": "a\x00"}\n', "FILE: row 1: NUL byte at byte 12 of the line; remove it"),
        (b'{"text": "a\\u0000b"}\n', "FILE: row 1: NUL byte at character 2 of the text; remove it"),
        (b'{"text": "\\ud800"}\n', "FILE: row 1: not JSON (no low surrogate"),
        (b'{"txt": "a", "n": 1}\n', "FILE: row 1: no column 'text'; there are txt, n"),
        (b'{"text": 3}\n', "FILE: row 1: text is an integer, should be a string"),
        (b'{"text": ["a"]}\n', "FILE: row 1: text is a list, should be a string"),
        ("Ein Haus.".encode("utf-16"), "FILE: row 1: "),
    ],
)
def test_json_lines_that_are_wrong_are_one_line(tmp_path: Path, content: bytes, wanted: str) -> None:
    assert fault(written(tmp_path / "x", content)).startswith(wanted)


@pytest.mark.parametrize("is_", PACKERS)
@pytest.mark.parametrize("declared", PACKERS)
def test_another_compression_than_declared_is_named(tmp_path: Path, is_: str, declared: str) -> None:
    path = written(tmp_path / "x", PACKERS[is_](lines(ROWS)))
    if is_ == declared:
        assert len(documents(path, compression=declared)) == 2
    else:
        names = {"none": "plain text"}
        message = fault(path, compression=declared)
        assert f"its bytes are {names.get(is_, is_)}, declared is {names.get(declared, declared)}" in message


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_cut_file_is_an_error_wherever_it_is_cut(tmp_path: Path, compression: str) -> None:
    whole = PACKERS[compression](lines([{"text": str(number)} for number in range(3000)]))
    for end in (len(whole) - 1, len(whole) // 2, 30, 5):
        message = fault(written(tmp_path / "x", whole[:end]), compression=compression)
        assert message.startswith("FILE: truncated or damaged (")
        assert message.endswith("fetch it again")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_damaged_bytes_are_an_error(tmp_path: Path, compression: str) -> None:
    whole = bytearray(PACKERS[compression](lines([{"text": str(number) * 9} for number in range(3000)])))
    whole[len(whole) // 2 : len(whole) // 2 + 64] = b"\xff" * 64
    assert "truncated or damaged" in fault(written(tmp_path / "x", bytes(whole)), compression=compression)


def test_parquet_that_is_cut_or_none_is_an_error(tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": str(number) * 50} for number in range(5000)]
    whole = parquet(tmp_path / "p", rows, compression="snappy").read_bytes()
    for content in (b"", whole[:-1], whole[: len(whole) // 2], whole[:3], b"no Parquet at all, but long enough"):
        message = fault(written(tmp_path / "x", content), "parquet")
        assert message.startswith("FILE: truncated or damaged (")
    # The footer stands and the pages do not decompress.
    broken = whole[:4] + b"\xff" * (len(whole) // 2) + whole[4 + len(whole) // 2 :]
    assert "truncated or damaged" in fault(written(tmp_path / "x", broken), "parquet")


def test_columns_that_are_missing_or_of_another_type_are_named(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x", [{"texts": "a", "n": 1}])
    message = fault(path, "parquet", id=None)
    assert message.startswith("FILE: no column 'text'; did you mean 'texts'?")
    assert "there are texts, n" in message
    assert "no column 'id'" in fault(path, "parquet", text={"column": "texts"})
    assert "no column 'day'" in fault(path, "parquet", text={"column": "texts"}, id=None, metadata=["day"])
    wanted = "FILE: column 'n' is int64, should be string"
    assert fault(path, "parquet", text={"column": "n"}, id=None) == wanted
    assert fault(path, "parquet", text={"columns": ["texts", "n"]}, id=None) == wanted
    assert "row 1: texts is a str, should be a list of messages" in fault(
        path, "parquet", text={"messages": "texts"}, id=None
    )


def test_invalid_utf8_and_nul_in_parquet_name_the_row(tmp_path: Path) -> None:
    raw = pa.array([b"good"] * 1500 + [b"bad \xff"], pa.binary())
    strings = pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2])
    path = parquet(tmp_path / "x", pa.table({"text": strings}))
    assert fault(path, "parquet", id=None).startswith("FILE: row 1501: not UTF-8 at byte 5")
    path = parquet(tmp_path / "y", [{"text": "good"}, {"text": "ba\0d"}])
    assert fault(path, "parquet", id=None) == "FILE: row 2: NUL byte at character 3 of the text; remove it"


def test_a_document_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "MAX_DOCUMENT_BYTES", 1000)
    # Bytes count, not characters.
    for text, good in (("a" * 1000, True), ("a" * 1001, False), ("я" * 500, True), ("я" * 501, False)):
        for path, form in (
            (written(tmp_path / "x", lines([{"text": text}])), "jsonl"),
            (parquet(tmp_path / "p", [{"text": text}]), "parquet"),
        ):
            if good:
                assert len(documents(path, form, id=None)) == 1
            else:
                assert fault(path, form, id=None).startswith(
                    "FILE: row 1: a document of 0 MB; a document has 67 MB"
                )


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("dan_Latn-eng_Latn", NLLB + "a\tb\n", "FILE: row 2: 2 columns instead of 9 (source, target, laser_score"),
        ("dan_Latn-eng_Latn", NLLB.replace("1.2", "x"), "FILE: row 1: laser_score is no number"),
        ("dan_Latn-eng_Latn", NLLB.replace("hus", "h\0s"), "FILE: row 1: NUL byte at character 5"),
        ("dan_Latn-fra_Latn", NLLB, "FILE: the name does not say which side is English"),
        ("pairs", NLLB, "FILE: the name does not say which side is English"),
        ("dan_Latn-eng_Latn", "", "FILE: empty file"),
    ],
)
def test_pairs_that_are_wrong_are_one_line(tmp_path: Path, name: str, content: str, wanted: str) -> None:
    path = written(tmp_path / name, content.encode())
    assert fault(path, "nllb-tsv", text={"pair": "both"}).startswith(wanted)


def test_pairs_that_are_not_utf8_name_the_row(tmp_path: Path) -> None:
    path = written(tmp_path / "dan_Latn-eng_Latn", NLLB.encode() + b"\xff\t\n")
    assert "row 2: not UTF-8 at byte 1" in fault(path, "nllb-tsv", text={"pair": "both"})


def test_a_folder_and_a_file_that_is_missing_are_named(tmp_path: Path) -> None:
    for form in ("jsonl", "parquet"):
        assert fault(tmp_path / "none", form) == "FILE: no such file"
        assert fault(tmp_path, form).startswith("FILE: a folder, should be a file")


# ---- memory -------------------------------------------------------------------------------------------------

# Reads the file named on its command line to the end or to an error; prints that and the memory that it took.
READ = r"""
import pathlib, re, sys
from sources.errors import BabelmixError
from sources.language import language
from sources.readers import read
from sources.source import Source, Subset, TextColumn
path, form, compression = sys.argv[1:]
subset = Subset(name="x", path="*", format=form, compression=compression, text=TextColumn(column="text"),
                category="wiki", languages=("eng_Latn",))
source = Source(name="x", title="", hub_id="", card="", licence="", subsets=(subset,))
danish = language("dan_Latn")
import pyarrow.parquet
def peak():  # of this process alone; ru_maxrss starts from the parent's
    return int(re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())[1])
before = peak()
try:
    print(sum(1 for _ in read(path, "x", subset, source, danish)))
except BabelmixError as error:
    print(error)
print((peak() - before) // 1024)
"""


def measured(path: Path, form: str = "jsonl", compression: str = "none") -> tuple[str, int]:
    """What reading the file in a process of its own says, and MiB of memory that it took."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), form, compression], capture_output=True, text=True, check=True
    )
    said, mebibytes = done.stdout.splitlines()
    return said, int(mebibytes)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.write(b'{"text": "fine"}\n')
        file.truncate(4 << 30)  # a hole: four gigabytes without a line's end
    said, mebibytes = measured(path)
    assert said == f"{path}: row 2: a line of more than 134 MB; a document has 67 MB at most; split or remove it"
    assert mebibytes < 450, mebibytes
    # A few kilobytes that are as much once unpacked.
    packer = zstandard.ZstdCompressor().compressobj()
    with path.open("wb") as file:
        file.write(packer.compress(b'{"text": "'))
        for _ in range(64):
            file.write(packer.compress(b"a" * (1 << 24)))
        file.write(packer.flush())
    assert path.stat().st_size < 1 << 20
    said, mebibytes = measured(path, compression="zstd")
    assert "row 1: a line of more than 134 MB" in said
    assert mebibytes < 450, mebibytes


def test_a_document_of_a_hundred_megabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b'{"text": "' + b"a" * 100_000_000 + b'"}\n')
    said, mebibytes = measured(path)
    assert said == f"{path}: row 1: a document of 100 MB; a document has 67 MB at most; split or remove it"
    assert mebibytes < 450, mebibytes


# Seen: 113 and 268 MiB, the latter 286 for a row group of 960 MB; to decode 240 MB takes more than 500.
@pytest.mark.parametrize(("group", "most"), [(250, 220), (4000, 400)])
def test_memory_grows_neither_with_a_parquet_file_nor_with_a_row_group(
    tmp_path: Path, group: int, most: int
) -> None:
    path = tmp_path / "x"
    text = "".join(chr(0x4E00 + number * 7919 % 20000) for number in range(20_000))
    rows = pa.table({"text": [f"{number}{text[number % 997 :]}" for number in range(4000)]})
    pq.write_table(rows, path, row_group_size=group, compression="none", use_dictionary=False)
    assert path.stat().st_size > 200 << 20
    said, mebibytes = measured(path, "parquet")
    assert said == "4000"
    assert mebibytes < most, mebibytes
