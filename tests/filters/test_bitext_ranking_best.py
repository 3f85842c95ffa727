"""What is kept of a stream against a sort of all of it, however it comes."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.bitext.ranking import best as best_module
from filters.bitext.ranking.best import HOST_CAP, OUTRANKED, Best, content_hash, quotas
from filters.bitext.ranking.settings import LengthBin, Ranking

BINS = (LengthBin(words=5, share=0.25), LengthBin(words=10, share=0.5), LengthBin(words=None, share=0.25))


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[int]]:
    """Rows, few of which differ in score, and where the batches end."""
    count = draw(st.integers(0, 120))
    seed = draw(st.integers(0, 10_000))
    chance = np.random.default_rng(seed)
    rows = [
        {
            "id": f"{at}",
            "source_text": f"text {chance.integers(60)}",
            "target_text": f"Text {chance.integers(3)}",
            "score": float(chance.integers(8)) / 8,
            "words": float(chance.integers(1, 14)),
            "host": [None, "a.org", "b.org", "c.org"][chance.integers(4)],
        }
        for at in range(count)
    ]
    ends = sorted(draw(st.lists(st.integers(0, count), max_size=8)))
    return rows, [*ends, count]


def fed(best: Best, rows: list[dict[str, Any]], ends: list[int]) -> tuple[list[str], dict[str, str]]:
    """Ids of the best, and the reason of every other."""
    gone: dict[str, str] = {}
    scores: dict[str, float] = {}
    begin = 0

    def note(outs: list[Any]) -> None:
        for out in outs:
            for name, score, reason in zip(out.ids.to_pylist(), out.scores, out.reasons, strict=True):
                assert name not in gone
                gone[name], scores[name] = reason, score

    for end in ends:
        part = rows[begin:end]
        begin = end
        table = pa.table(
            {
                name: pa.array([row[name] for row in part], pa.string())
                for name in ("id", "source_text", "target_text")
            }
        )
        score = np.array([row["score"] for row in part])
        note(best.add(table, score, np.array([row["words"] for row in part]), [row["host"] for row in part]))
    kept, ranks, out = best.ranked()
    note(out)
    ids = [] if kept is None else kept.column("id").to_pylist()
    by_id = {row["id"]: row for row in rows}
    assert ranks.tolist() == [by_id[name]["score"] for name in ids]
    assert scores == {name: by_id[name]["score"] for name in gone}
    assert sorted([*ids, *gone]) == sorted(by_id)
    return ids, gone


def sorted_out(rows: list[dict[str, Any]], top: int, of_one_host: int) -> list[str]:
    """All rows sorted at once, then the rules one after the other."""
    import xxhash

    def key(row: dict[str, Any]) -> tuple[float, int, int]:
        return (
            -row["score"],
            content_hash(row["source_text"], row["target_text"]),
            xxhash.xxh3_64_intdigest(row["id"]),
        )

    def bin_of(row: dict[str, Any]) -> int:
        return 0 if row["words"] <= 5 else 1 if row["words"] <= 10 else 2

    hosts: Counter[Any] = Counter()
    allowed = []
    for row in sorted(rows, key=key):
        hosts[bin_of(row), row["host"]] += 1
        if row["host"] is None or hosts[bin_of(row), row["host"]] <= of_one_host:
            allowed.append(row)
    by_bin = defaultdict(list)
    for row in allowed:
        by_bin[bin_of(row)].append(row)
    chosen = [row for number, quota in enumerate(quotas([0.25, 0.5, 0.25], top)) for row in by_bin[number][:quota]]
    taken = {row["id"] for row in chosen}
    chosen += [row for row in allowed if row["id"] not in taken][: top - len(chosen)]
    return [row["id"] for row in sorted(chosen, key=key)]


@settings(max_examples=100)
@given(streams(), st.integers(1, 40), st.integers(1, 6), st.integers(0, 10_000), st.sampled_from([1, 7, 10_000]))
def test_the_best_are_those_of_a_sort(
    stream: tuple[list[dict[str, Any]], list[int]], top: int, of_one_host: int, seed: int, slack: int
) -> None:
    rows, ends = stream
    ranking = Ranking(top=top, bins=BINS, of_one_host=of_one_host)
    expected = sorted_out(rows, top, of_one_host)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(best_module, "_SLACK", slack)
        ids, gone = fed(Best(ranking), rows, ends)
        assert ids == expected
        shuffled = [rows[at] for at in np.random.default_rng(seed).permutation(len(rows))]
        assert fed(Best(ranking), shuffled, [len(rows)])[0] == expected
        assert fed(Best(ranking), shuffled, list(range(1, len(rows) + 1)))[0] == expected
    assert set(gone.values()) <= {OUTRANKED, HOST_CAP}


def many(count: int, seed: int = 1) -> tuple[pa.Table, np.ndarray, np.ndarray, list[str | None]]:
    chance = np.random.default_rng(seed)
    names = pa.array([f"{seed}-{at}" for at in range(count)])
    table = pa.table({"id": names, "source_text": names, "target_text": names})
    hosts: list[str | None] = [f"host{number}" if number else None for number in chance.integers(0, 50, count)]
    return table, chance.random(count), chance.integers(1, 40, count).astype(np.float64), hosts


def test_memory_does_not_grow() -> None:
    """However many rows come: twice the best, what waits, and one batch."""
    best = Best(Ranking(top=1_000))
    held = []
    gone = 0
    for seed in range(60):
        gone += sum(len(out.scores) for out in best.add(*many(2_000, seed)))
        held.append(sum(table.num_rows for table in best._rows))
    assert max(held) <= 2 * 1_000 + best_module._SLACK + 2_000
    # What cannot be among the best is not even taken in: little waits in the end.
    assert held[-1] < 2 * 1_000 + 0.1 * 120_000
    kept, _, out = best.ranked()
    assert kept is not None
    assert kept.num_rows == 1_000
    assert gone + sum(len(each.scores) for each in out) + 1_000 == 120_000


def test_every_length_has_its_share() -> None:
    """Where scores would take the short alone, and what a bin cannot fill goes to the others."""
    table, scores, words, hosts = many(4_000)
    scores = scores - words
    best = Best(Ranking(top=400))
    best.add(table, scores, words, hosts)
    found, _, _ = best.ranked()
    assert found is not None
    by_id = dict(zip(table.column("id").to_pylist(), words, strict=True))
    lengths = [by_id[name] for name in found.column("id").to_pylist()]
    counts = np.histogram(lengths, [0, 7.5, 15.5, 27.5, 1_000])[0].tolist()
    assert counts == [60, 140, 140, 60]
    few = words <= 15
    best = Best(Ranking(top=400))
    best.add(
        table.filter(pa.array(few)), scores[few], words[few], [h for h, f in zip(hosts, few, strict=True) if f]
    )
    found, _, _ = best.ranked()
    assert found is not None
    assert found.num_rows == 400


def test_a_host_has_its_cap() -> None:
    table, scores, words, _ = many(2_000)
    best = Best(Ranking(top=1_500, of_one_host=30))
    outs = best.add(table, scores, words, ["one.org"] * 2_000)
    found, _, rest = best.ranked()
    assert found is not None
    assert found.num_rows == 30 * 4
    assert Counter(reason for out in [*outs, *rest] for reason in out.reasons) == {HOST_CAP: 1_880}


def test_no_rows_at_all() -> None:
    found, scores, out = Best(Ranking()).ranked()
    assert found is None
    assert len(scores) == 0
    assert out == []


def test_a_score_that_is_no_number() -> None:
    table, scores, words, hosts = many(3)
    scores[1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        Best(Ranking()).add(table, scores, words, hosts)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(0, 1_000))
def test_quotas_add_up(weights: list[float], top: int) -> None:
    shares = [each / sum(weights) for each in weights]
    found = quotas(shares, top)
    assert found.sum() == top
    assert all(abs(quota - share * top) < 1 for quota, share in zip(found, shares, strict=True))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"bins": [{"words": 5, "share": 1}]}, "null in the last bin"),
        ({"bins": [{"words": 5, "share": 0.5}, {"words": None, "share": 0.4}]}, "add up to 0.9, not to 1"),
        (
            {"bins": [{"words": 9, "share": 0.2}, {"words": 5, "share": 0.5}, {"words": None, "share": 0.3}]},
            "words must rise",
        ),
        ({"instruction": "no place"}, r"has not one \{text\}"),
        ({"floors": {"deu": 0.5}}, "floors: no language deu"),
        ({"unlisted": ["klingon"]}, "unlisted: no language klingon"),
        ({"top": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_are_wrong(field: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Ranking.model_validate(field)
