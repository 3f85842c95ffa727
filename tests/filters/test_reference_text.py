"""Good text in the forms in which people have it."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.reference_text import reference_texts
from sources.errors import BabelmixError
from sources.language import language

TEXTS = ["eins\nzwei", "drei", "vier"]


def test_the_same_texts_come_out_of_every_form(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "b.parquet")
    (tmp_path / "c.txt").write_bytes("\ufeffeins\r\nzwei\r\n\r\n \r\ndrei\n\nvier".encode())
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(b"eins\nzwei\n\ndrei\n\nvier\n"))
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    for name in ("a.jsonl", "b.parquet", "c.txt", "d.txt.gz", "e.jsonl.gz"):
        assert reference_texts([str(tmp_path / name)], language("deu_Latn")) == TEXTS, name
    assert reference_texts([str(tmp_path / "*"), str(tmp_path / "a.jsonl")], language("deu_Latn")) == TEXTS * 5


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("a.csv", b"text\n", "unknown by its name"),
        ("a", b"text\n", "unknown by its name"),
        ("a.txt", b"gut\n\xff\n", "line 2: not UTF-8"),
        ("a.jsonl", b'{"body": "x"}\n', "text"),
        ("a.parquet", b"PAR1", "a.parquet"),
        ("a.txt", b"", "empty"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, wrong: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BabelmixError, match=wrong) as caught:
        reference_texts([str(tmp_path / name)], language("deu_Latn"))
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_pattern_that_matches_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="no such file"):
        reference_texts([str(tmp_path / "*.txt")], language("deu_Latn"))
