import json
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.plan import Plan
from mixtures.planning import plan
from mixtures.recipe import Recipe, load_recipe
from mixtures.unimax import share_out, unimax
from sources.errors import BabelmixError

CODES = ("ben_Beng", "ell_Grek", "fra_Latn", "kaz_Cyrl", "zsm_Latn")
Row = tuple[str, str, str, int]


def a_recipe(**changes: Any) -> Recipe:
    settings: dict[str, Any] = {
        "model": "test",
        "stage": 1,
        "tokens": 1_000_000,
        "categories": {"code": 20, "math": 10, "multilingual": 70},
        "languages": dict.fromkeys(CODES, 14.0),
    }
    return Recipe.model_validate(settings | changes)


def a_ledger(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, "f" + str(row[3])) for row in rows],
        schema={"category": pl.String, "source": pl.String, "language": pl.String, "tokens": pl.Int64,
                "fingerprint": pl.String},
        orient="row",
    )  # fmt: skip


def plenty(size: int = 10**9, **of: int) -> list[Row]:
    """Much of everything, but `of` for the languages named."""
    rows = [("code", "c", "eng_Latn", size), ("math", "m", "eng_Latn", size)]
    return rows + [("multilingual", "fineweb-2", code, of.get(code, size)) for code in CODES]


ledgers = st.lists(
    st.tuples(
        st.sampled_from(["code", "math", "multilingual", "stem"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([*CODES, "eng_Latn", "hin_Deva"]),
        st.integers(0, 400_000),
    ),
    max_size=30,
    unique_by=lambda row: row[:3],
).filter(
    lambda rows: any(
        tokens
        and (
            (category in ("code", "math") and code == "eng_Latn") or (category == "multilingual" and code in CODES)
        )
        for category, _, code, tokens in rows
    )
)
recipes = st.builds(
    lambda weights, epochs, tokens: a_recipe(
        languages=dict(zip(CODES, weights, strict=True)), max_epochs=epochs, tokens=tokens, normalise=True
    ),
    st.lists(st.integers(1, 100).map(lambda tenths: tenths / 10), min_size=5, max_size=5),
    st.sampled_from([0.5, 1, 2.5, 4]),
    st.integers(1, 3_000_000),
)


@given(recipes, ledgers)
def test_shares_add_up_and_no_cap_is_passed(recipe: Recipe, rows: list[Row]) -> None:
    made = plan(recipe, a_ledger(*rows), recipe.size)
    for listed in (made.categories, made.languages):
        assert sum(row.tokens_wanted for row in listed) == recipe.size == made.tokens
        assert sum(row.tokens_planned for row in listed) == made.tokens_planned
        assert sum(row.tokens_available for row in listed) == made.tokens_available
        assert sum(row.share_wanted for row in listed) == pytest.approx(1)
        if made.tokens_planned:
            assert sum(row.share_planned for row in listed) == pytest.approx(1)
    assert sum(row.tokens_planned for row in made.buckets) == made.tokens_planned
    for bucket in made.buckets:
        assert bucket.tokens_planned <= recipe.max_epochs * bucket.tokens_available


@given(recipes, ledgers)
def test_a_category_is_short_only_when_it_is_used_up(recipe: Recipe, rows: list[Row]) -> None:
    made = plan(recipe, a_ledger(*rows), recipe.size)
    epochs = Fraction(recipe.max_epochs)
    for category in made.categories:
        caps = sum(
            int(epochs * bucket.tokens_available)
            for bucket in made.buckets
            if bucket.category == category.category
        )
        assert category.tokens_planned == min(category.tokens_wanted, caps)
    short = made.tokens_planned < made.tokens
    assert short == any("SHORTFALL" in warning for warning in made.warnings)


@given(recipes, ledgers, st.randoms(use_true_random=False), st.integers(1, 5))
def test_the_plan_depends_neither_on_the_order_of_rows_nor_on_how_they_are_split(
    recipe: Recipe, rows: list[Row], chance: Any, pieces: int
) -> None:
    ledger = a_ledger(*rows)
    split = [
        (category, source, code, tokens // pieces + (tokens % pieces if piece == 0 else 0))
        for category, source, code, tokens in rows
        for piece in range(pieces)
    ]
    chance.shuffle(split)
    whole = plan(recipe, ledger, recipe.size)
    parts = plan(recipe, a_ledger(*split), recipe.size)
    assert parts.as_dict() | {"fingerprint": ""} == whole.as_dict() | {"fingerprint": ""}
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert plan(recipe, a_ledger(*shuffled), recipe.size) == whole


@given(recipes, ledgers, st.integers(0, 20), st.integers(1, 200_000))
def test_more_of_a_bucket_never_gives_its_language_less(
    recipe: Recipe, rows: list[Row], which: int, more: int
) -> None:
    category, source, code, tokens = rows[which % len(rows)]
    richer = [row for row in rows if row[:3] != (category, source, code)]
    richer.append((category, source, code, tokens + more))
    before, after = (
        {row.language: row.tokens_planned for row in plan(recipe, a_ledger(*each), recipe.size).languages}
        for each in (rows, richer)
    )
    assert after[code] >= before[code] - 1 if code in before else after == before


@given(
    st.integers(0, 10**12),
    st.dictionaries(st.text("abcdef", min_size=1), st.integers(0, 10**11), min_size=1, max_size=12),
)
def test_equal_weights_are_unimax_as_its_paper_has_it(total: int, caps: dict[str, int]) -> None:
    made = unimax(total, dict.fromkeys(caps, Fraction(1)), caps)
    # The paper's loop: from the smallest up, each takes an equal part of what is left, or all it has.
    left = float(total)
    for position, name in enumerate(sorted(caps, key=lambda name: caps[name])):
        part = min([left / (len(caps) - position), float(caps[name])])
        left -= part
        assert made[name] == pytest.approx(part, abs=1.5, rel=1e-9)
    assert sum(made.values()) == min(total, sum(caps.values()))


@given(st.integers(0, 10**9), st.dictionaries(st.text(max_size=3), st.integers(0, 100), min_size=1, max_size=9))
def test_whole_tokens_are_never_a_token_off_their_share(total: int, weights: dict[str, int]) -> None:
    made = share_out(total, {name: Fraction(weight) for name, weight in weights.items()})
    whole = sum(weights.values())
    assert sum(made.values()) == (total if whole else 0)
    for name, weight in weights.items():
        assert abs(made[name] - (Fraction(total * weight, whole) if whole else 0)) < 1


def test_a_plan_without_shortage_is_the_recipe() -> None:
    made = plan(a_recipe(), a_ledger(*plenty()), 1_000_000)
    wanted = {"code": 200_000, "math": 100_000, "multilingual": 700_000}
    assert {row.category: row.tokens_planned for row in made.categories} == wanted
    assert {row.tokens_planned for row in made.languages if row.language != "eng_Latn"} == {140_000}
    assert made.warnings == ()


def test_what_a_language_lacks_goes_to_the_others_of_its_category_and_is_said() -> None:
    made = plan(a_recipe(), a_ledger(*plenty(kaz_Cyrl=15_000)), 1_000_000)
    planned = {row.language: row.tokens_planned for row in made.languages}
    assert planned == {
        "eng_Latn": 300_000, "kaz_Cyrl": 60_000,
        "ben_Beng": 160_000, "ell_Grek": 160_000, "fra_Latn": 160_000, "zsm_Latn": 160_000,
    }  # fmt: skip
    assert made.tokens_planned == 1_000_000
    said = "\n".join(made.warnings)
    assert "capped at 4 epochs: kaz_Cyrl (140k wanted, 60.0k planned)" in said
    assert "epochs above 1: kaz_Cyrl 4.00" in said
    assert "kaz_Cyrl -8.00, ben_Beng +2.00" in said


def test_a_language_without_any_text_is_said() -> None:
    made = plan(a_recipe(), a_ledger(*(row for row in plenty() if row[2] != "ell_Grek")), 1_000_000)
    assert "nothing available, so nothing planned: ell_Grek" in made.warnings
    greek = next(row for row in made.languages if row.language == "ell_Grek")
    assert (greek.tokens_wanted, greek.tokens_planned, greek.epochs) == (140_000, 0, 0)
    assert made.tokens_planned == 1_000_000


def test_a_category_that_is_short_makes_the_plan_smaller_and_is_said() -> None:
    rows = [("math", "m", "eng_Latn", 10_000) if row[0] == "math" else row for row in plenty()]
    made = plan(a_recipe(), a_ledger(*rows), 1_000_000)
    assert made.tokens_planned == 940_000
    assert "SHORTFALL: 60,000 of 1,000,000 tokens wanted cannot be planned" in made.warnings
    assert [row.tokens_planned for row in made.categories] == [200_000, 40_000, 700_000]


def test_a_recipe_may_ask_to_fail_instead() -> None:
    with pytest.raises(BabelmixError, match=r"multilingual kaz_Cyrl by 80\.0k"):
        plan(a_recipe(on_shortage="fail"), a_ledger(*plenty(kaz_Cyrl=15_000)), 1_000_000)
    assert plan(a_recipe(on_shortage="fail"), a_ledger(*plenty()), 1_000_000).tokens_planned == 1_000_000


def test_sources_of_a_bucket_are_read_equally_often() -> None:
    rows = [*plenty(), ("code", "d", "eng_Latn", 3 * 10**9)]
    made = plan(a_recipe(), a_ledger(*rows), 1_000_000)
    code = {row.source: row.tokens_planned for row in made.buckets if row.category == "code"}
    assert code == {"c": 50_000, "d": 150_000}


def test_without_a_number_a_ledger_is_read_once_on_average() -> None:
    rows = [("code", "c", "eng_Latn", 300), ("math", "m", "eng_Latn", 100)]
    rows += [("multilingual", "fineweb-2", code, 100) for code in CODES]
    made = plan(a_recipe(), a_ledger(*rows, ("multilingual", "fineweb-2", "hin_Deva", 50)))
    assert made.tokens == made.tokens_available == 900
    said = "\n".join(made.warnings)
    assert "900 tokens of the stage's 1.00M, as many as the ledger's buckets hold" in said
    assert "50 tokens are not in this recipe: hin_Deva" in said
    assert plan(a_recipe(), a_ledger(*rows), inventory="upstream").tokens == 1_000_000
    assert plan(a_recipe(), a_ledger(*plenty())).tokens == 1_000_000


def test_a_ledger_that_holds_nothing_of_the_recipe_is_refused() -> None:
    with pytest.raises(BabelmixError, match="test stage 1: the ledger has no tokens"):
        plan(a_recipe(), a_ledger(("multilingual", "fineweb-2", "hin_Deva", 50)))
    with pytest.raises(BabelmixError, match="0 tokens to plan"):
        plan(a_recipe(), a_ledger(*plenty()), 0)


def test_the_fingerprint_changes_with_what_the_mixture_depends_on_and_nothing_else() -> None:
    made = plan(a_recipe(), a_ledger(*plenty()), 1_000_000)
    other_notes = plan(a_recipe(notes=("a word",), source="a chart"), a_ledger(*plenty()), 1_000_000)
    other_language = plan(
        a_recipe(), a_ledger(*plenty(), ("multilingual", "fineweb-2", "hin_Deva", 50)), 1_000_000
    )
    assert {made.fingerprint} == {other_notes.fingerprint, other_language.fingerprint}
    changed = [
        plan(a_recipe(), a_ledger(*plenty()), 999_999),
        plan(a_recipe(), a_ledger(*plenty(kaz_Cyrl=10**8)), 1_000_000),
        plan(a_recipe(tokenizer="another"), a_ledger(*plenty()), 1_000_000),
        plan(a_recipe(categories={"code": 21, "math": 9, "multilingual": 70}), a_ledger(*plenty()), 1_000_000),
        plan(a_recipe(), a_ledger(*plenty()).with_columns(fingerprint=pl.lit("other")), 1_000_000),
    ]
    assert len({made.fingerprint, *(each.fingerprint for each in changed)}) == 1 + len(changed)
    assert len(made.fingerprint) == 64


def test_a_plan_survives_json() -> None:
    made = plan(a_recipe(), a_ledger(*plenty(kaz_Cyrl=15_000)), 1_000_000)
    plain = json.loads(json.dumps(made.as_dict()))
    assert Plan.from_dict(plain) == made
    assert {"model", "stage", "tokens", "inventory", "fingerprint", "warnings"} <= plain.keys()
    numbers = {
        "share_wanted",
        "share_planned",
        "tokens_wanted",
        "tokens_planned",
        "tokens_available",
        "epochs",
    }
    assert plain["categories"][0].keys() == numbers | {"category"}
    assert plain["languages"][1].keys() == numbers | {"language", "category"}
    assert plain["buckets"][0].keys() == numbers | {"category", "language", "source"}


def test_published_shares_survive_the_plan() -> None:
    rows: list[Row] = [(name, "s", "eng_Latn", 10**13) for name in load_recipe("marco-mini", 4).categories]
    rows += [("multilingual", "s", code, 10**13) for code in load_recipe("marco-mini", 4).language_codes()]
    made = plan(load_recipe("marco-mini", 4), a_ledger(*rows), inventory="upstream")
    shares = {row.language: row.share_planned for row in made.languages}
    assert made.tokens == made.tokens_planned == 500 * 10**9
    assert shares["ell_Grek"] == pytest.approx(0.032 * 0.875 / 0.874 / 1.0001, abs=1e-9)
    # The chart rounds to a tenth of a point; nothing may be further off than that.
    charted = load_recipe("marco-mini", 4).languages
    assert all(abs(100 * shares[code] - share) < 0.05 for code, share in charted.items())  # type: ignore[union-attr]


def test_a_rules_shares_are_the_same_whatever_they_are_held_against() -> None:
    recipe = load_recipe("marco-mini-global", 4)
    rows: list[Row] = [("multilingual", "s", code, 1000 + n) for n, code in enumerate(recipe.language_codes())]
    small = plan(recipe, a_ledger(*rows))
    large = plan(recipe, a_ledger(*((*row[:3], row[3] * 10**9) for row in rows)), inventory="upstream")
    assert [row.share_wanted for row in small.languages] == [row.share_wanted for row in large.languages]
    wanted = {row.language: row.share_wanted for row in small.languages}
    # Yoruba's 59 million words, four times over, are far less than an equal part of 437G tokens.
    assert wanted["yor_Latn"] < wanted["gle_Latn"] < wanted["ell_Grek"]
    assert wanted["ell_Grek"] == pytest.approx(wanted["rus_Cyrl"])
    assert sum(share for code, share in wanted.items() if code != "eng_Latn") == pytest.approx(0.875 / 1.0001)
