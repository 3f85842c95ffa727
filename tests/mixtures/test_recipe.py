from fractions import Fraction
from pathlib import Path

import pytest

from mixtures.recipe import CATEGORIES, ENGLISH, MULTILINGUAL, load_recipe, recipe_files
from mixtures.token_count import format_tokens, parse_tokens
from sources.errors import BabelmixError
from sources.language import languages

MINIMAL = """
model: mine
stage: 1
tokens: 10M
categories: {code: 40, multilingual: 60}
languages: {ell_Grek: 30, fra_Latn: 30}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_published_stages_hold_what_the_charts_say() -> None:
    sizes = {1: 2_400, 2: 1_700, 3: 500, 4: 500}
    counts = {1: 19, 2: 19, 3: 28, 4: 28}
    multilingual = {1: 30.01, 2: 30.0, 3: 62.5, 4: 87.5}
    for stage in range(1, 5):
        recipe = load_recipe("marco-mini", stage)
        assert recipe.size == sizes[stage] * 10**9
        assert len(recipe.language_codes()) == counts[stage]
        assert recipe.categories[MULTILINGUAL] == multilingual[stage]
        assert sum(recipe.category_shares().values()) == 1
        assert sum(recipe.language_shares().values()) == 1
        # Stage by stage the curriculum goes on where the last one ended.
        assert recipe.begin == sum(sizes[before] for before in range(1, stage)) * 10**9
    assert load_recipe("marco-mini", 4).languages["ell_Grek"] == 3.2  # type: ignore[index]
    assert load_recipe("marco-mini", 2).normalise
    assert any("ind_Latn" in note for note in load_recipe("marco-mini", 2).notes)
    assert any("vie_Latn" in note for note in load_recipe("marco-mini", 3).notes)


def test_second_stage_is_scaled_from_31_3_to_its_multilingual_share() -> None:
    shares = load_recipe("marco-mini", 2).language_shares()
    assert shares["ind_Latn"] == Fraction(15, 313)


def test_global_stages_take_their_categories_from_the_published_ones_and_all_languages() -> None:
    for stage in (3, 4):
        derived, published = load_recipe("marco-mini-global", stage), load_recipe("marco-mini", stage)
        assert derived.categories == published.categories
        assert derived.language_codes() == [code for code in languages() if code != ENGLISH]
        assert "derived" in derived.source.lower()
        assert any("derived" in note for note in derived.notes)


def test_nano_uses_the_mixtures_of_mini() -> None:
    nano, mini = load_recipe("marco-nano", "stage4"), load_recipe("marco-mini", "4")
    assert nano == mini.model_copy(update={"model": "marco-nano"})


def test_every_bundled_recipe_loads() -> None:
    assert list(recipe_files()) == ["marco-mini", "marco-mini-global", "marco-nano"]
    for model, stages in recipe_files().items():
        for stage in stages:
            recipe = load_recipe(model, stage)
            assert (recipe.model, recipe.stage) == (model, stage)
            assert set(recipe.categories) <= set(CATEGORIES)


def test_a_recipe_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    recipe = load_recipe("marco-mini", written(tmp_path, MINIMAL))
    assert (recipe.model, recipe.size, recipe.max_epochs) == ("mine", 10**7, 4)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("code: 40", "code: 40.2", "categories: shares add up to 100.2, not 100 ± 0.1"),
        (
            "fra_Latn: 30",
            "fra_Latn: 30.3",
            "languages: shares add up to 60.3, not to multilingual's 60 ± 0.2",
        ),
        ("fra_Latn", "fra_Lath", "unknown language 'fra_Lath'; did you mean fra_Latn"),
        ("code", "kode", "unknown category 'kode'; did you mean code"),
        ("tokens: 10M", "from: 2T\nto: 1T", "the stage holds -1000000000000 tokens"),
        ("tokens: 10M", "max_epochs: 4", "tokens: missing"),
        ("tokens: 10M", "tokens: 10M\nto: 1T", "keep one of the two"),
        ("tokens: 10M", "tokens: plenty", "'plenty' is not a number of tokens"),
        ("tokens: 10M", "token: 10M", "token"),
        ("code: 40", "code: much", "code"),
        ("code: 40", "code: .nan", "code"),
        ("{ell_Grek: 30, fra_Latn: 30}", "{rule: unimaks, over: all}", "unimax"),
        ("{ell_Grek: 30, fra_Latn: 30}", "{rule: unimax, over: [xxx_Xxxx]}", "unknown language 'xxx_Xxxx'"),
        ("languages: {ell_Grek: 30, fra_Latn: 30}", "", "languages: missing"),
        ("{code: 40, multilingual: 60}", "{code: 100}", "no `multilingual` share"),
    ],
)
def test_a_faulty_recipe_is_one_line_that_names_file_and_field(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in MINIMAL
    path = written(tmp_path, MINIMAL.replace(old, new, 1))
    with pytest.raises(BabelmixError) as raised:
        load_recipe("marco-mini", path)
    assert said in str(raised.value)
    assert "mine.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("old", "new"), [("code: 40", "code: 50"), ("fra_Latn: 30", "fra_Latn: 50")])
def test_sums_that_are_off_are_allowed_where_the_recipe_says_so(tmp_path: Path, old: str, new: str) -> None:
    recipe = load_recipe("mine", written(tmp_path, MINIMAL.replace(old, new) + "normalise: true\n"))
    assert sum(recipe.category_shares().values()) == 1
    assert sum(recipe.language_shares().values()) == 1


def test_sums_within_the_charts_rounding_need_no_word(tmp_path: Path) -> None:
    # 100.1 and 60.2: at the limits, which binary fractions would miss.
    text = MINIMAL.replace("code: 40", "code: 40.1").replace("fra_Latn: 30", "fra_Latn: 30.2")
    assert load_recipe("mine", written(tmp_path, text)).language_shares()["ell_Grek"] == Fraction(300, 602)


@pytest.mark.parametrize(
    ("model", "stage", "said"),
    [
        ("marco-mni", 4, "did you mean marco-mini"),
        ("marco-mini", 5, "marco-mini has stage1, stage2, stage3, stage4"),
        ("marco-mini-global", 1, "marco-mini-global has stage3, stage4"),
        ("marco-mini", "stag4", "marco-mini has stage1"),
        ("marco-mini", "no/such.yaml", "no such recipe file"),
    ],
)
def test_an_unknown_model_or_stage_is_told_what_there_is(model: str, stage: int | str, said: str) -> None:
    with pytest.raises(BabelmixError, match=said):
        load_recipe(model, stage)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("500G", 5 * 10**11),
        ("2.4T", 24 * 10**11),
        ("300k", 300_000),
        (" 1.5 m ", 1_500_000),
        (7, 7),
        ("7B", 7 * 10**9),
    ],
)
def test_token_counts_are_exact(text: str | int, tokens: int) -> None:
    assert parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["", "G", "-1", "1.5", "1e9", "5 GB", True, 2.5, None])
def test_what_is_no_token_count_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="tokens"):
        parse_tokens(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [(0, "0"), (950, "950"), (1_000, "1.00k"), (23_850_000_000, "23.9G"), (999_950, "1.00M"),
     (999_400, "999k"), (9_995_000, "10.0M"), (99_960_000, "100M"), (2_400_000_000_000, "2.40T")],
)  # fmt: skip
def test_token_counts_are_printed_with_three_digits(tokens: int, text: str) -> None:
    assert format_tokens(tokens) == text
