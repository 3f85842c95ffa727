"""What is asked of the set: near-duplicates, benchmark questions, even positions, lengths, quotas, identity."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.settings import Contamination, benchmarks_digest
from sources.language import language
from synth.questions.balance import Standing, even, longest_is_key
from synth.questions.benchmark_questions import benchmark_checks
from synth.questions.near_duplicates import Seen, distinct, duplicate_check
from synth.questions.record import QUESTION, Draft, Leaf, Passage, Question, question, shuffled
from synth.questions.settings import Balance

LEAF = Leaf("eng_Latn", "GB", "United Kingdom", "food", "sweets", "parkin", "material")
DRAFT = Draft(
    "What is parkin sweetened with?", "Treacle", ("Honey", "Dates", "Maple sap"), "With treacle.", "treacle"
)


def _question(draft: Draft = DRAFT, leaf: Leaf = LEAF, seed: int = 0) -> Question:
    return question(
        leaf,
        draft,
        Passage("d", "", "CC0-1.0"),
        seed=seed,
        model="m",
        revision="r",
        prompt="p@1",
        licence="CC0-1.0",
    )


def test_the_key_is_found_wherever_it_stands() -> None:
    for seed in range(20):
        made = _question(seed=seed)
        assert made.key == "Treacle"
        assert sorted(made.distractors) == sorted(DRAFT.distractors)
        assert made.id == _question().id


def test_positions_are_even_and_only_seed_and_id_decide_them() -> None:
    ids = [f"{number:024x}" for number in range(4000)]
    first = Counter(shuffled(4, each, 1).index(0) for each in ids)
    assert even([first[at] for at in range(4)])[1] > 0.001
    orders = Counter(shuffled(4, each, 1) for each in ids)
    assert len(orders) == 24
    assert min(orders.values()) > 100
    assert [shuffled(4, each, 1) for each in ids] == [shuffled(4, each, 1) for each in ids]
    assert [shuffled(4, each, 1) for each in ids] != [shuffled(4, each, 2) for each in ids]


def test_a_record_survives_arrow() -> None:
    made = replace(_question(), checks={"form.lengths": 0.0, "model.solve": 0.8})
    row = pa.Table.from_pylist([made.row()], schema=QUESTION).to_pylist()[0]
    assert row["options"] == list(made.options)
    assert dict(row["checks"]) == made.checks
    assert {name: value for name, value in row.items() if name not in ("options", "checks")} == {
        name: value for name, value in made.row().items() if name not in ("options", "checks")
    }


@pytest.mark.parametrize(
    ("counts", "chi_square", "probability"),
    # scipy.stats.chisquare's values.
    [([25, 25, 25, 25], 0.0, 1.0), ([40, 20, 20, 20], 12.0, 0.007383), ([10, 12, 9, 9], 0.6, 0.896432)],
)
def test_chi_square_with_three_degrees_of_freedom(
    counts: list[int], chi_square: float, probability: float
) -> None:
    found = even(counts)
    assert found[0] == pytest.approx(chi_square)
    assert found[1] == pytest.approx(probability, abs=1e-6)


def test_uneven_positions_are_warned_of() -> None:
    standing = Standing(Balance())
    for _ in range(40):
        standing.add(_question())
    assert "positions" in standing.report()["warnings"][0]
    assert not Standing(Balance()).report()["warnings"]


@pytest.mark.parametrize(("settings", "reason"), [({"region": 3}, "region_full"), ({"topic": 2}, "topic_full")])
def test_quotas(settings: dict[str, int], reason: str) -> None:
    standing = Standing(Balance.model_validate(settings))
    kept = 0
    while (found := standing.check(_question())).passed:
        standing.add(_question())
        kept += 1
    assert (kept, found.reason) == (next(iter(settings.values())), reason)
    assert standing.check(_question(leaf=replace(LEAF, region="IE"))).passed


@given(st.lists(st.booleans(), max_size=80))
def test_the_longest_option_is_seldom_the_key(wants: list[bool]) -> None:
    long, short = replace(DRAFT, answer="Black treacle and oats"), DRAFT
    standing = Standing(Balance(longest_is_key=0.4))
    for want in wants:
        made = _question(long if want else short)
        assert longest_is_key(made) is want
        found = standing.check(made)
        assert found.passed or (want and found.reason == "key_longest_too_often")
        if found.passed:
            standing.add(made)
        # Two standard deviations of a share of 0.4 are less than the root of the number.
        assert standing.longest <= 0.4 * standing.kept + standing.kept**0.5 + 1
    assert standing.kept - standing.longest == wants.count(False)


def test_questions_that_answer_without_their_stem_are_held_to_a_share() -> None:
    standing = Standing(Balance(guessable=0.35))
    guessed = replace(_question(), checks={"model.options_only": 1.0})
    for made in [guessed, _question()] * 1000:
        if standing.check(made).passed:
            standing.add(made)
    assert standing.kept - standing.guessable == 1000
    assert 0.35 <= standing.guessable / standing.kept <= 0.38


def test_a_question_in_other_marks_or_nearly_the_same_words_is_a_duplicate() -> None:
    seen = Seen(0.7, 100)
    assert duplicate_check(DRAFT, "a", seen).passed
    for again in (
        replace(DRAFT, stem="what is PARKIN sweetened with"),
        replace(DRAFT, stem="What is the parkin sweetened with?"),
        replace(DRAFT, distractors=("Figs", "Sugar beet", "Plums")),
    ):
        found = duplicate_check(again, "b", seen)
        assert (found.passed, found.reason, found.detail) == (False, "near_duplicate", "a")
    assert duplicate_check(
        replace(DRAFT, stem="On which night is parkin eaten?", answer="Bonfire Night"), "c", seen
    ).passed
    assert len(seen) == 2


def test_what_is_remembered_is_bounded() -> None:
    seen = Seen(0.9, 3)
    for number in range(50):
        assert seen.like(f"{number} {'abcdefghijklmnopqrst'[number % 17 :]} {number * 7919}", str(number))[0] < 0.9
        assert len(seen) <= 3
    assert seen.like("49 oprqst", "again")[0] < 0.9
    assert not {name for names in seen._by_hash.values() for name in names} - set(seen._texts)


def test_names_are_kept_once_and_in_their_order() -> None:
    seen = Seen(0.8, 100)
    assert distinct(["Mozartkugel", "mozart-kugel", "…", "Linzer Torte", "Sachertorte", "Marille"], seen, 3) == [
        "Mozartkugel", "Linzer Torte", "Sachertorte",
    ]  # fmt: skip
    assert distinct(["Sachertorte", "Marille"], seen, 3) == ["Marille"]


@pytest.fixture
def benchmark(tmp_path: Path) -> Contamination:
    path = tmp_path / "mine.jsonl"
    rows = [
        {"benchmark": "mine", "id": "1", "question": "What is parkin sweetened with?"},
        {
            "benchmark": "mine",
            "id": "2",
            "question": "Which of the seven bridges over the river was built by the guild of the tanners in the "
            "year of the great flood?\nThe northern one\nThe covered one",
        },
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return Contamination(lists=(str(path),), digest=benchmarks_digest((str(path),)))


@pytest.mark.parametrize(
    ("stem", "passed"),
    [
        # Of five words: too short for runs of words.
        ("What is PARKIN sweetened with", False),
        ("What is parkin made with?", True),
        (
            "Which of the seven bridges over the river was built by the guild of the tanners in the year of the "
            "great flood?",
            False,
        ),
        (
            "So which of the seven bridges over the river was built by the guild of the tanners in that year?",
            False,
        ),
        ("Which of the bridges did the tanners build?", True),
    ],
)
def test_a_benchmarks_question_is_found(benchmark: Contamination, stem: str, passed: bool) -> None:
    found = benchmark_checks([replace(DRAFT, stem=stem)], language("eng_Latn"), benchmark)[0]
    assert found.passed is passed
    assert found.detail.startswith("" if passed else "mine")
