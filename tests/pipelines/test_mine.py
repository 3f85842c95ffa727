"""Mining from files of pairs to documents, without and with a model."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.bitext.across import beyond
from filters.bitext.mining import Mining
from filters.bitext.ranking.settings import LengthBin, Ranking
from filters.bitext.settings import BitextSettings, Caps
from pipelines.mine_files import mine_files
from pipelines.render_pairs import cap_across, render_pairs
from sources.errors import BabelmixError
from sources.language import language

GERMAN = language("deu_Latn")
GOOD = [
    ("The government announced a new plan on Monday.", "Die Regierung kündigte am Montag einen neuen Plan an."),
    ("She walked along the river until it became dark.", "Sie ging am Fluss entlang, bis es dunkel wurde."),
    ("Where did you leave the keys of the old house?", "Wo hast du die Schlüssel des alten Hauses gelassen?"),
    ("In 2019 about 1,500 people lived in the village.", "Im Jahr 2019 lebten etwa 1.500 Menschen im Dorf."),
    ("The children were playing behind the old church.", "Die Kinder spielten hinter der alten Kirche."),
    (
        "He wrote to me at ann@mail-of-ours.org last week.",
        "Er schrieb mir letzte Woche an ann@mail-of-ours.org hin.",
    ),
]
SMALL = BitextSettings(caps=Caps(remembered=1 << 12))


def _file(folder: Path, pairs: list[tuple[str, str]], name: str = "eng_Latn-deu_Latn.tsv", *more: str) -> str:
    lines = [f"{1.2 - at / 1000:.6f}\t{english}\t{text}" for at, (english, text) in enumerate(pairs)]
    (folder / name).write_text("\n".join([*lines, *more]) + "\n", encoding="utf-8")
    return str(folder / name)


def _mine(folder: Path, file: str, **ranking: Any) -> dict[str, Any]:
    return mine_files([file], GERMAN, str(folder), Mining(chain=SMALL, ranking=Ranking(**ranking)))


def _rows(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return rows


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_row_is_kept_or_named(tmp_path: Path) -> None:
    copied = [(GOOD[0][0], GOOD[0][0]), GOOD[1]]
    file = _file(
        tmp_path, [*GOOD, *copied], "eng_Latn-deu_Latn.tsv", "two\tcolumns", "nan\tA b c d e f.\tA b c.", ""
    )
    totals = _mine(tmp_path / "out", file, top=4)
    kept, dropped = _rows(tmp_path / "out" / "bitext"), _rows(tmp_path / "out" / "dropped")
    assert totals["documents"] == 11
    assert totals["kept"] == len(kept) == 4
    ids = [row["id"] for row in (*kept, *dropped)]
    assert sorted(ids) == sorted(f"files:eng_Latn-deu_Latn.tsv:{row}" for row in range(1, 12))
    assert Counter(row["reason"] for row in dropped) == {
        row["reason"]: row["documents"] for row in totals["dropped"]
    }
    reasons = {row["id"].rpartition(":")[2]: row["reason"] for row in dropped}
    assert (reasons["7"], reasons["8"], reasons["9"]) == ("identical", "duplicate", "malformed_columns")
    assert "row 9" in totals["examples"]["columns"][0]
    assert {row["filter"] for row in dropped} == {"bitext"}


def test_pairs_come_best_first_with_all_that_is_known_of_them(tmp_path: Path) -> None:
    _mine(tmp_path / "out", _file(tmp_path, GOOD), top=6)
    kept = _rows(tmp_path / "out" / "bitext")
    assert [row["rank"] for row in kept] == [1, 2, 3, 4, 5, 6]
    ranks = [row["rank_score"] for row in kept]
    assert ranks == sorted(ranks, reverse=True)
    for row in kept:
        assert row["ranker"] == "heuristic"
        scores = dict(row["scores"])
        assert scores["rank.heuristic"] == row["rank_score"]
        assert scores["margin"] == row["margin"]
        assert list(scores) == sorted(scores)
        assert (row["source_text"], row["target_text"]) in GOOD


def test_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    file = _file(tmp_path, GOOD)
    _mine(tmp_path / "one", file, top=3)
    _mine(tmp_path / "two", file, top=3)
    _mine(tmp_path / "two", file, top=3)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def test_lengths_have_their_shares(tmp_path: Path) -> None:
    bins = (LengthBin(words=8, share=0.5), LengthBin(words=None, share=0.5))
    pairs = [(e, t) for e, t in GOOD if len(e.split()) == 8] + [
        (f"{first[0][:-1]}, and {second[0][0].lower()}{second[0][1:]}", f"{first[1][:-1]}, und {second[1]}")
        for first, second in zip(GOOD[:3], GOOD[3:], strict=True)
    ]
    _mine(tmp_path / "out", _file(tmp_path, pairs), top=2, bins=bins)
    words = sorted(len(row["source_text"].split()) for row in _rows(tmp_path / "out" / "bitext"))
    assert words[0] <= 8 < words[1]


def test_nothing_kept_is_one_line_that_says_why(tmp_path: Path) -> None:
    file = _file(tmp_path, [(english, english) for english, _ in GOOD])
    with pytest.raises(
        BabelmixError, match=r"none of 6 pairs of deu_Latn is kept; most are dropped as identical \(6\)"
    ):
        _mine(tmp_path / "out", file)
    assert not (tmp_path / "out" / "bitext").exists()


def test_a_failed_run_leaves_what_stood(tmp_path: Path) -> None:
    _mine(tmp_path / "out", _file(tmp_path, GOOD))
    before = _bytes(tmp_path / "out")
    with pytest.raises(BabelmixError):
        _mine(tmp_path / "out", _file(tmp_path, [(english, english) for english, _ in GOOD]))
    assert _bytes(tmp_path / "out") == before


def test_documents_hold_both_sides_in_either_direction(tmp_path: Path) -> None:
    pairs = [(f"{english[:-1]} {number}{english[-1]}", f"{text[:-1]} {number}{text[-1]}")
             for number in range(20, 60) for english, text in GOOD[:3]]  # fmt: skip
    chain = BitextSettings(caps=Caps(remembered=1 << 12, near=100))
    mining = Mining(chain=chain, ranking=Ranking(top=200))
    mine_files([_file(tmp_path, pairs)], GERMAN, str(tmp_path / "out"), mining)
    kept = {row["id"]: row for row in _rows(tmp_path / "out" / "bitext")}
    documents = _rows(tmp_path / "out" / "documents")
    chat = [
        json.loads(line) for line in (tmp_path / "out" / "chat.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["id"] for row in documents] == [row["id"] for row in chat] == list(kept)
    directions = Counter()
    for row, record in zip(documents, chat, strict=True):
        pair = kept[row["id"]]
        told = json.loads(row["metadata"])
        directions[told["direction"]] += 1
        sides = (pair["source_text"], pair["target_text"])
        first, second = sides if told["direction"] == "eng_Latn-deu_Latn" else sides[::-1]
        assert row["text"].index(first) < row["text"].index(second)
        user, assistant = record["messages"]
        assert first in user["content"] and second not in user["content"]
        assert (user["role"], assistant) == ("user", {"role": "assistant", "content": second})
        assert (row["category"], row["language"], told["ranker"]) == ("multilingual", "deu_Latn", "heuristic")
    # Of a fair coin, five standard deviations.
    assert abs(directions["eng_Latn-deu_Latn"] - len(documents) / 2) < 5 * (len(documents) / 4) ** 0.5
    assert len({json.loads(row["metadata"])["form"] for row in documents}) >= 6


def test_addresses_are_redacted_in_what_is_trained_on(tmp_path: Path) -> None:
    _mine(tmp_path / "out", _file(tmp_path, GOOD))
    (row,) = [row for row in _rows(tmp_path / "out" / "documents") if "wrote to me" in row["text"]]
    assert "mail-of-ours" not in row["text"]
    assert row["text"].count("email@example.com") == 2
    assert dict(row["scores"])["privacy.emails"] == 2
    assert "mail-of-ours" not in (tmp_path / "out" / "chat.jsonl").read_text(encoding="utf-8")


def _sentences(names: list[str]) -> pa.Table:
    return pa.table({"id": names, "source_text": [f"This is SENTENCE {name}." for name in names]})


def test_a_sentence_stays_in_as_many_languages_as_may_have_it() -> None:
    pairs = {code: _sentences([f"{number}" for number in range(50)]) for code in "abcdef"}
    pairs["g"] = _sentences(["only here"])
    found = beyond(pairs, 2).to_pylist()
    assert len(found) == 50 * 4
    assert {(row["languages"], row["most"]) for row in found} == {(6, 2)}
    lost = Counter(row["language"] for row in found)
    # No language is always the one that goes without.
    assert set(lost) == set("abcdef") and max(lost.values()) < 50
    assert beyond(pairs, 6).num_rows == 0


def test_another_language_moves_few_sentences() -> None:
    pairs = {code: _sentences([f"{number}" for number in range(100)]) for code in "abcd"}
    before = {(row["language"], row["id"]) for row in beyond(pairs, 3).to_pylist()}
    after = {(row["language"], row["id"]) for row in beyond(pairs | {"e": pairs["a"]}, 3).to_pylist()}
    assert before <= after
    assert len(after) == 200


def test_pairs_beyond_the_cap_have_a_row(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _mine(tmp_path / name, _file(tmp_path, GOOD))
    folders = {"aaa": str(tmp_path / "one" / "bitext"), "deu_Latn": str(tmp_path / "two" / "bitext")}
    assert cap_across(folders, 1, str(tmp_path / "across")) == {"documents": 12, "beyond": 6}
    places = [tmp_path / "rendered" / name for name in ("documents", "chat", "dropped")]
    for place in places:
        place.mkdir(parents=True)
    totals = render_pairs(folders["deu_Latn"], str(tmp_path / "across"), GERMAN, *(str(place) for place in places))
    kept, dropped = _rows(places[0]), _rows(places[2])
    assert totals == {"documents": 6, "kept": len(kept)}
    assert 0 < len(kept) < 6 and len(kept) + len(dropped) == 6
    assert {(row["reason"], row["value"], row["threshold"]) for row in dropped} == {("language_cap", 2.0, 1.0)}


def test_a_model_ranks_by_what_sentences_say(tmp_path: Path) -> None:
    """A model of words: a pair whose sides share words is nearer, which the heuristic cannot see."""
    model = _word_model(tmp_path / "model")
    pairs = [("I like the green apple of Anna.", "Der Apfel Anna green ist lecker."), *GOOD[:5]]
    file = _file(tmp_path, pairs)
    totals = _mine(tmp_path / "out", file, top=6, model=str(model))
    kept = _rows(tmp_path / "out" / "bitext")
    assert kept[0]["target_text"] == pairs[0][1]
    assert {row["ranker"] for row in kept} == {totals["ranker"]}
    assert totals["ranker"].startswith("model@")
    assert all(dict(row["scores"])["rank.cosine"] == row["rank_score"] for row in kept)
    vectors = _bytes(tmp_path / "out" / "vectors")
    assert any(name.endswith(".npz") for name in vectors)
    _mine(tmp_path / "out", file, top=6, model=str(model))
    assert _bytes(tmp_path / "out" / "vectors") == vectors


def test_pairs_under_a_floor_are_out(tmp_path: Path) -> None:
    model = _word_model(tmp_path / "model")
    pairs = [("I like the green apple of Anna.", "Der Apfel Anna green ist lecker."), *GOOD[:5]]
    totals = _mine(tmp_path / "out", _file(tmp_path, pairs), model=str(model), floors={"deu_Latn": 0.3})
    assert totals["kept"] < 6
    (low,) = [row for row in totals["dropped"] if row["reason"] == "below_floor"]
    assert low["documents"] == 6 - totals["kept"]
    rows = [row for row in _rows(tmp_path / "out" / "dropped") if row["reason"] == "below_floor"]
    assert all(row["value"] < row["threshold"] == 0.3 for row in rows)


def _word_model(folder: Path) -> Path:
    """A sentence-transformers model that is the mean of random vectors of words."""
    transformers = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers
    from torch import manual_seed

    manual_seed(0)
    words = {word for pair in GOOD for side in pair for word in side.lower().split()}
    vocabulary = {word: at for at, word in enumerate(["[UNK]", "green", "anna", "apple", "apfel", *sorted(words)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    from tokenizers.normalizers import Lowercase

    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    module = StaticEmbedding(tokenizer, embedding_dim=256)
    transformers.SentenceTransformer(modules=[module]).save(str(folder))
    return folder
