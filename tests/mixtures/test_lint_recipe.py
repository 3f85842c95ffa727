from pathlib import Path

import polars as pl
import pytest

from mixtures.lint_recipe import POLICY, Apart, Finding, LicenceRule, Policy, lint_recipe, load_policy
from mixtures.plan import Plan
from mixtures.planning import plan
from mixtures.recipe import Recipe, load_recipe
from mixtures.upstream import upstream_ledger
from sources.errors import BabelmixError

Rows = list[tuple[str, str, str, int]]
WEB: Rows = [("multilingual", "fineweb-2", "ell_Grek", 10**9), ("multilingual", "fineweb-2", "deu_Latn", 10**9)]


def a_recipe(**changes: object) -> Recipe:
    written = {
        "model": "m", "stage": 1, "tokens": 10**8, "categories": {"multilingual": 80, "math": 20},
        "languages": {"ell_Grek": 40, "deu_Latn": 40}, **changes,
    }  # fmt: skip
    return Recipe.model_validate(written)


def a_plan(recipe: Recipe, rows: Rows) -> Plan:
    ledger = pl.DataFrame(rows, schema=["category", "source", "language", "tokens"], orient="row")
    return plan(recipe, ledger, recipe.size, "ledger")


def linted(rows: Rows, use: str = "train", policy: Policy | None = None, **changes: object) -> list[Finding]:
    recipe = a_recipe(**changes)
    return lint_recipe(recipe, a_plan(recipe, rows), policy or load_policy(POLICY), 8192, use)


def rules(found: list[Finding]) -> list[str]:
    return [each.rule for each in found]


def test_a_recipe_that_is_well_has_no_finding() -> None:
    assert linted([*WEB, ("math", "finemath", "eng_Latn", 10**9)]) == []


@pytest.mark.parametrize("model", ["marco-mini", "marco-nano"])
@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_the_bundled_recipes_may_be_trained_on(model: str, stage: int) -> None:
    recipe = load_recipe(model, stage)
    found = lint_recipe(recipe, plan(recipe, upstream_ledger(), None, "upstream"), load_policy(POLICY), 8192)
    assert not [each for each in found if "licence" in each.rule or each.rule == "apart"]


def test_more_epochs_than_the_cap_are_an_error_that_says_how_many() -> None:
    found = linted([*WEB, ("math", "finemath", "eng_Latn", 10**6)])
    (each,) = found
    assert (each.level, each.rule) == ("error", "epochs-over-cap")
    assert "math needs 20.00 epochs of 1.00M tokens" in each.message
    assert "cap is 4" in each.message
    assert rules(linted([*WEB, ("math", "finemath", "eng_Latn", 10**6)], max_epochs=20)) == []


def test_a_language_and_a_category_without_tokens() -> None:
    found = linted([("multilingual", "fineweb-2", "deu_Latn", 10**9)])
    said = {each.message.split(":")[0]: each.message for each in found if each.rule == "without-source"}
    assert said.keys() == {"ell_Grek", "math"}
    assert "fineweb-2" in said["ell_Grek"]
    assert "finemath" in said["math"]


def test_shares_below_one_sequence_are_named_in_one_line() -> None:
    rows = [*WEB, ("math", "finemath", "eng_Latn", 10**9)]
    (each,) = linted(rows, categories={"multilingual": 99.999, "math": 0.001}, languages={"ell_Grek": 99.999})
    assert (each.level, each.rule) == ("warning", "below-a-sequence")
    assert "math 1,000" in each.message


def test_licences_by_what_the_mixture_is_for() -> None:
    rows = [*WEB, ("math", "nemotron-cc-math-v1", "eng_Latn", 10**9)]
    assert rules(linted(rows)) == ["gated"]
    found = linted(rows, "publish")
    assert found[0].level == "error"
    assert found[0].rule == "licence-forbidden"
    assert "nemotron-cc-math-v1" in found[0].message
    # The web text's terms must be asked about; errors come first.
    assert [each.level for each in found] == ["error", "warning", "warning"]
    with pytest.raises(BabelmixError, match="--use sell: unknown; write train, commercial, publish"):
        linted(rows, "sell")


def test_what_is_not_used_is_not_asked_about() -> None:
    rows = [*WEB, ("math", "finemath", "eng_Latn", 10**9), ("code", "nemotron-cc-math-v1", "eng_Latn", 10**9)]
    assert linted(rows) == []


def test_texts_that_may_not_stand_together() -> None:
    rows = [*WEB, ("math", "finemath", "eng_Latn", 10**9)]
    apart = Apart(name="both", these=("source: finemath",), those=("category: multilingual",), because="so")
    (each,) = linted(rows, policy=Policy(apart=(apart,)))
    assert each.message == "both: finemath with fineweb-2: so; leave out one of the two"
    assert linted(rows, "publish", Policy(apart=(apart.model_copy(update={"uses": ("train",)}),))) == []
    alone = apart.model_copy(update={"those": ("source: finemath",)})
    assert linted(rows, policy=Policy(apart=(alone,))) == []


def test_the_first_rule_that_matches_a_licence_counts() -> None:
    policy = Policy(
        licences=(
            LicenceRule(licence="ODC-BY-1.0", because="known"),
            LicenceRule(licence="*", train="forbidden", because="not known"),
        )
    )
    found = linted([*WEB, ("math", "finemath", "eng_Latn", 10**9)], policy=policy)
    assert [each.message.split(":")[0] for each in found] == ["fineweb-2"]


def test_every_licence_of_the_policy_is_one_of_the_catalog() -> None:
    from fnmatch import fnmatchcase

    from sources.source import sources

    policy, licences = load_policy(POLICY), {each.licence for each in sources().values()}
    patterns = [rule.licence for rule in policy.licences]
    patterns += [each for rule in policy.apart for each in (*rule.these, *rule.those) if ": " not in each]
    for pattern in patterns:
        assert any(fnmatchcase(licence, pattern) for licence in licences), pattern


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("licences: [{licence: x, sell: ask, because: y}]", "unknown key"),
        ("licences: [{licence: x, train: perhaps, because: y}]", "'allowed', 'ask' or 'forbidden'"),
        ("apart: [{name: n, these: ['source: finemat'], those: [x], because: y}]", "no source 'finemat'"),
        ("apart: [{name: n, these: ['category: maths'], those: [x], because: y}]", "no category 'maths'"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(BabelmixError, match=r"policy\.yaml") as raised:
        load_policy(path)
    assert said in str(raised.value)
