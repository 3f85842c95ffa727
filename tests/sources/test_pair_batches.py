import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import BabelmixError
from sources.pair_files import PairFile
from sources.pair_schema import PAIR, PairBatch
from sources.readers import pair_batches
from sources.readers.pair_batches import read_pair_batches

NLLB = "Et hus.\tA house.\t1.2\t0.99\t1.0\tcrawl\thttps://example.org/da\t_\t_\n"
CCMATRIX = "1.1\tEt hus.\tA house.\n"


def file(folder: Path, content: bytes | str, name: str = "dan_Latn-eng_Latn.tsv", **declared: Any) -> PairFile:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return PairFile(str(path), name, "nllb", "dan_Latn", **declared)


def only(found: PairFile) -> PairBatch:
    (batch,) = read_pair_batches(found)
    return batch


def faults(batch: PairBatch) -> list[tuple[int, str]]:
    return [(each.row, each.what) for each in batch.malformed]


def test_nllbs_nine_columns(tmp_path: Path) -> None:
    batch = only(file(tmp_path, gzip.compress(NLLB.encode()), "dan_Latn-eng_Latn.gz"))
    assert batch.pairs.schema == PAIR
    assert batch.pairs.to_pylist() == [
        {
            "id": "nllb:dan_Latn-eng_Latn.gz:1", "language": "dan_Latn", "source_text": "A house.",
            "target_text": "Et hus.", "margin": 1.2, "source_lid_score": 1.0, "target_lid_score": 0.99,
            "url_source": None, "url_target": "https://example.org/da", "source": "nllb",
        }
    ]  # fmt: skip


def test_ccmatrix_has_the_score_first(tmp_path: Path) -> None:
    row = only(file(tmp_path, CCMATRIX, "da-en.bitextf.tsv")).pairs.to_pylist()[0]
    assert (row["margin"], row["source_text"], row["target_text"]) == (1.1, "A house.", "Et hus.")
    assert (row["url_target"], row["target_lid_score"]) == (None, None)


def test_which_side_is_english_is_told_by_name_and_else_by_words(tmp_path: Path) -> None:
    swapped = "The house of the man is red.\tHuset er rødt.\t1.2\t1\t1\t_\t_\t_\t_\n" * 9
    for name in ("eng_Latn-dan_Latn.tsv", "mined.tsv"):
        assert only(file(tmp_path, swapped, name)).pairs[2][0].as_py() == "The house of the man is red."
    with pytest.raises(BabelmixError, match=r"neither its name nor its words say which side is English"):
        only(file(tmp_path, NLLB, "mined.tsv"))
    assert only(file(tmp_path, NLLB, "mined.tsv", english="second")).pairs[2][0].as_py() == "A house."


@pytest.mark.parametrize(
    ("line", "what", "detail"),
    [
        (b"Et hus.\tA house.\n", "columns", "2 columns instead of 9: 'Et hus."),
        (NLLB.replace("Et ", "Et\t").encode(), "columns", "10 columns instead of 9; a tab within a text?"),
        (NLLB.replace("Et hus", "Et h\xfcs").encode("latin-1"), "encoding", "not UTF-8 at byte 5: 'Et h\\\\xfcs"),
        (NLLB.encode("utf-16"), "encoding", "not UTF-8 at byte 1"),
        (b"\n", "empty_line", "nothing but white space"),
        (NLLB.replace("1.2", "high").encode(), "score", "'high' is no score"),
        (NLLB.replace("1.2", "-3").encode(), "score_range", "a score of -3.0, should be 0 to 10"),
        (NLLB.replace("1.2", "nan").encode(), "score_range", "a score of nan"),
        (NLLB.replace("1.2", "inf").encode(), "score_range", "a score of inf"),
        (NLLB.replace("0.99", "7").encode(), "lid_range", "a probability of 7.0, should be 0 to 1"),
    ],
)
def test_a_row_that_is_none_is_named_and_the_others_are_read(
    tmp_path: Path, line: bytes, what: str, detail: str
) -> None:
    good = NLLB.encode()
    batch = only(file(tmp_path, good + line + good, format="nllb-tsv"))
    assert batch.malformed[0].row == 2
    assert batch.malformed[0].what == what
    assert batch.malformed[0].detail.startswith(detail)
    ids = [each.as_py() for each in batch.pairs[0]]
    assert ids[0].endswith(":1") and ids[-1].endswith(f":{batch.rows}")
    assert len(ids) == 2


def test_a_label_or_nothing_in_the_place_of_a_probability_is_no_fault(tmp_path: Path) -> None:
    batch = only(file(tmp_path, NLLB.replace("0.99", "dan_Latn") + NLLB.replace("1.2", "_")))
    assert not batch.malformed
    assert batch.pairs.column("target_lid_score").to_pylist() == [None, 0.99]
    assert batch.pairs.column("margin").to_pylist() == [1.2, None]


def test_a_line_that_does_not_end_is_skipped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_batches, "MAX_LINE_BYTES", 500)
    monkeypatch.setattr(pair_batches, "_BLOCK", 300)
    content = NLLB + "x" * 3000 + "\n" + NLLB + NLLB.rstrip("\n")
    batches = list(read_pair_batches(file(tmp_path, content, format="nllb-tsv")))
    assert [fault for batch in batches for fault in faults(batch)] == [(2, "long_line")]
    ids = [each.as_py() for batch in batches for each in batch.pairs[0]]
    assert [each.rsplit(":", 1)[1] for each in ids] == ["1", "3", "4"]


def test_line_ends_of_windows_and_a_byte_order_mark_belong_to_no_text(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + CCMATRIX.replace("\n", "\r\n").encode() * 2
    batch = only(file(tmp_path, content, "da-en.tsv"))
    assert not batch.malformed
    assert batch.pairs.column("source_text").to_pylist() == ["A house."] * 2


def test_files_that_hold_no_pairs_are_one_line(tmp_path: Path) -> None:
    for content, wanted in (
        (b"", "empty file"),
        (gzip.compress(b""), "no row in it; fetch it again"),
        (b"A house.\tEt hus.\n", "rows have 2 columns; NLLB's have 9"),
    ):
        with pytest.raises(BabelmixError, match=wanted):
            list(read_pair_batches(file(tmp_path, content)))


def test_a_file_that_is_cut_short_is_told_after_its_rows(tmp_path: Path) -> None:
    packed = gzip.compress(NLLB.encode() * 1000)
    with pytest.raises(BabelmixError, match="truncated or damaged"):
        list(read_pair_batches(file(tmp_path, packed[:-30], "dan_Latn-eng_Latn.gz")))


def test_opus_100s_parquet(tmp_path: Path) -> None:
    rows = [{"en": "A house.", "th": "บ้าน"}, {"en": None, "th": "บ้าน"}, {"en": "Two.", "th": "สอง"}]
    pq.write_table(pa.table({"translation": rows}), tmp_path / "t.parquet")
    found = PairFile(str(tmp_path / "t.parquet"), "t.parquet", "opus-100", "tha_Thai")
    batch = only(found)
    assert batch.pairs.column("target_text").to_pylist() == ["บ้าน", "สอง"]
    assert batch.pairs.column("id").to_pylist() == ["opus-100:t.parquet:1", "opus-100:t.parquet:3"]
    assert faults(batch) == [(2, "missing_side")]
    raw = pa.array([b"A house.", b"\xff\xfe"]).view(pa.string())
    table = pa.StructArray.from_arrays([raw, pa.array(["บ้าน", "สอง"])], ["en", "th"])
    pq.write_table(pa.table({"translation": table}), tmp_path / "t.parquet")
    assert faults(only(found)) == [(2, "encoding")]
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(BabelmixError, match="no column `translation` with English"):
        only(found)


CELL = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=30), size=st.integers(1, 7))
def test_every_row_comes_out_once_whatever_the_batches(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int
) -> None:
    content = "".join(f"1.1\t{first}\t{second}\n" for first, second in rows)
    found = file(tmp_path_factory.mktemp("pairs"), content, "en-da.tsv", format="ccmatrix-tsv")
    pairs = [pair for batch in read_pair_batches(found, size) for pair in batch.pairs.to_pylist()]
    # A byte order mark at the very beginning is none of the text's; here the score is.
    assert [(each["source_text"], each["target_text"]) for each in pairs] == rows
    assert all(batch.rows <= size for batch in read_pair_batches(found, size))
