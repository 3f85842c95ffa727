from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datatrove.data import Document

from filters.duplicates import Duplicates, Signatures, Verify, buckets, clusters, minhash_config
from filters.settings import MinHash
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import language

# Numbers count as one digit, so words differ in their letters.
WORDS = ["λεξ" + first + second for first in "αβγδεζηθικλμνξοπρτυφ" for second in "αβγδεζηθικλμνξοπρτυφ"]
TEXT = " ".join(WORDS[:100])


def _near(text: str) -> str:
    """One word in the middle exchanged: five of 96 n-grams differ."""
    words = text.split()
    return " ".join([*words[:50], "άλλη", *words[51:]])


def _find(
    folder: Path,
    files: list[list[str]],
    near: tuple[str, ...] = ("web",),
    overlap: float = 0.8,
) -> tuple[list[str], dict[str, dict[str, Any]], dict[str, float]]:
    """Ids kept, rows dropped by id, and cluster sizes of what was kept. Ids are `<file>.<row>`."""
    greek = language("ell_Grek")
    config = minhash_config(MinHash(), greek)
    at = {name: str(folder / name) for name in ("signatures", "pairs", "found", "verdicts", "dropped")}
    words = IcuWordTokenizer(greek.segmentation.locale)
    signatures = Signatures(at["signatures"], config, words, near)
    documents = [
        [
            Document(text=text, id=f"{number}.{row}", metadata={"scores": {}, "category": "web"})
            for row, text in enumerate(texts)
        ]
        for number, texts in enumerate(files)
    ]
    for rank, found in enumerate(documents):
        signatures.run(found, rank, len(files))
    for rank in range(config.num_buckets):
        buckets(at["signatures"], at["pairs"], config).run(None, rank, config.num_buckets)
    clusters(at["pairs"], at["found"], config).run(None, 0, 1)
    counts = [len(found) for found in documents]
    verify = Verify(at["found"], at["verdicts"], counts, signatures, overlap)
    assert sum(1 for _ in verify.run(each for found in documents for each in found)) == sum(counts)
    step = Duplicates(at["verdicts"], at["dropped"])
    kept = [each for rank, found in enumerate(documents) for each in step.run(found, rank, len(files))]
    rows = [row for path in sorted(Path(at["dropped"]).glob("*")) for row in pq.read_table(path).to_pylist()]
    sizes = {each.id: each.metadata["scores"]["duplicates.cluster_size"] for each in kept}
    return [each.id for each in kept], {row["id"]: row for row in rows}, sizes


def test_the_first_of_a_cluster_is_kept_with_its_size(tmp_path: Path) -> None:
    other = " ".join(WORDS[200:300])
    kept, dropped, sizes = _find(tmp_path, [[other, TEXT], [_near(TEXT), TEXT.upper() + "\n"]])
    assert kept == ["0.0", "0.1"]
    assert sizes == {"0.0": 1.0, "0.1": 3.0}
    assert {name: (row["reason"], row["value"], row["detail"]) for name, row in dropped.items()} == {
        "1.0": ("near", 3.0, "0.1"),
        "1.1": ("exact", 3.0, "0.1"),
    }


def test_a_chain_is_not_a_cluster(tmp_path: Path) -> None:
    # Each text shares 85 of 96 n-grams with the next one, and the last shares little with the first.
    chain = [" ".join(WORDS[start : start + 100]) for start in range(0, 110, 4)]
    kept, dropped, _ = _find(tmp_path, [chain])
    assert len(kept) > 5
    assert len(dropped) > 5
    shingles = {
        f"0.{row}": {tuple(text.split()[at : at + 5]) for at in range(96)} for row, text in enumerate(chain)
    }
    for name, row in dropped.items():
        ours, others = shingles[name], shingles[row["detail"]]
        assert row["detail"] in kept
        assert len(ours & others) / len(ours | others) >= 0.8


def test_short_and_empty_texts_have_duplicates_too(tmp_path: Path) -> None:
    kept, dropped, _ = _find(tmp_path, [["Καλημέρα σας.", "Καλημέρα μας.", "", "!", "καλημέρα  σας.", ""]])
    assert kept == ["0.0", "0.1", "0.2", "0.3"]
    assert {name: row["detail"] for name, row in dropped.items()} == {"0.4": "0.0", "0.5": "0.2"}


def test_only_the_same_text_where_near_duplicates_are_not_wanted(tmp_path: Path) -> None:
    kept, dropped, _ = _find(tmp_path, [[TEXT, _near(TEXT), TEXT]], near=())
    assert kept == ["0.0", "0.1"]
    assert dropped["0.2"]["reason"] == "exact"


def test_the_same_verdicts_each_time(tmp_path: Path) -> None:
    texts = [[TEXT, _near(TEXT), *WORDS[:20]], [TEXT, " ".join(WORDS[:99])], WORDS[10:30]]
    assert _find(tmp_path / "one", texts) == _find(tmp_path / "two", texts)


def test_verdicts_do_not_depend_on_how_documents_are_spread_over_files(tmp_path: Path) -> None:
    texts = [TEXT, _near(TEXT), " ".join(WORDS[200:300]), TEXT, " ".join(WORDS[200:299])]
    together = _find(tmp_path / "one", [texts])
    apart = _find(tmp_path / "two", [[text] for text in texts])
    assert [name.split(".")[1] for name in together[0]] == [name.split(".")[0] for name in apart[0]]
    assert [row["reason"] for row in together[1].values()] == [row["reason"] for row in apart[1].values()]


def test_no_duplicates_no_rows(tmp_path: Path) -> None:
    kept, dropped, sizes = _find(tmp_path, [[" ".join(WORDS[:50])], [" ".join(WORDS[100:150])]])
    assert kept == ["0.0", "1.0"]
    assert not dropped
    assert set(sizes.values()) == {1.0}


@pytest.mark.parametrize("overlap", [0.0, 1.0])
def test_overlap_decides(tmp_path: Path, overlap: float) -> None:
    kept, _, _ = _find(tmp_path, [[TEXT, _near(TEXT)]], overlap=overlap)
    assert len(kept) == (1 if overlap == 0.0 else 2)
