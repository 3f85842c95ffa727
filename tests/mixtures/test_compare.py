import io
import json
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from mixtures.compare import compare, differences, read_plan, render_comparison
from mixtures.plan import Plan
from mixtures.planning import plan
from mixtures.recipe import load_recipe
from sources.errors import BabelmixError


def a_plan(stage: int, kazakh: int = 10**12, tokens: int | None = None) -> Plan:
    recipe = load_recipe("marco-mini", stage)
    rows = [(name, "s", "eng_Latn", 10**12) for name in recipe.categories if name != "multilingual"]
    rows += [("multilingual", "s", code, 10**12) for code in recipe.language_codes() if code != "kaz_Cyrl"]
    rows.append(("multilingual", "s", "kaz_Cyrl", kazakh))
    ledger = pl.DataFrame(rows, schema=["category", "source", "language", "tokens"], orient="row")
    return plan(recipe, ledger, tokens, inventory="upstream")


def test_a_plan_beside_itself_moves_nothing() -> None:
    found = compare(a_plan(4), a_plan(4))
    assert found.rows
    assert not found.above(0.0)
    assert differences(found.before, found.after) == []


def test_shares_that_move_add_up_to_nothing_and_are_those_of_the_plans() -> None:
    before, after = a_plan(3), a_plan(4)
    found = compare(before, after)
    for kind in ("categories", "languages", "buckets"):
        assert sum(row.moved for row in found.of(kind)) == pytest.approx(0, abs=1e-6)
    wanted = {row.category: row for row in after.categories}
    for row in found.of("categories"):
        assert row.after.tokens == (wanted[row.name].tokens_planned if row.name in wanted else 0)


def test_what_only_one_plan_has_is_nothing_in_the_other() -> None:
    found = compare(a_plan(3), a_plan(4))
    only_new = [row for row in found.of("languages") if not row.before.tokens and row.after.tokens]
    old = {row.language for row in found.before.languages}
    assert {row.name for row in only_new} >= {
        row.language for row in found.after.languages if row.language not in old and row.tokens_planned
    }


def test_a_share_above_the_limit_is_found_furthest_first() -> None:
    found = compare(a_plan(4), a_plan(4, kazakh=10**8))
    moved = found.above(0.5)
    assert moved[0].name == "kaz_Cyrl"
    assert moved[0].moved < -0.5
    assert [abs(row.moved) for row in moved] == sorted((abs(row.moved) for row in moved), reverse=True)
    assert not found.above(100)


def test_a_plan_is_read_from_a_mixture_and_from_a_file(tmp_path: Path) -> None:
    shown = a_plan(4)
    (tmp_path / "plan.json").write_text(json.dumps(shown.as_dict()))
    mixture = tmp_path / "mixture"
    mixture.mkdir()
    (mixture / "manifest.json").write_text(json.dumps({"totals": {"plan": shown.as_dict()}}))
    assert read_plan(str(tmp_path / "plan.json")) == shown == read_plan(str(mixture))
    assert read_plan("stage4") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"model": "m"}', "1"])
def test_what_is_no_plan_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(BabelmixError, match=r"plan\.json: no plan"):
        read_plan(str(path))


def test_what_differs_is_printed_within_80_columns() -> None:
    found = compare(a_plan(3), a_plan(4, tokens=10**9))
    console = Console(file=io.StringIO(), width=80, color_system=None)
    render_comparison(found, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 80
    assert "marco-mini stage 3" in text
    assert "tokens: " in text
    largest = found.above(0.005)[0]
    assert f"{largest.name} {largest.moved:+.2f}" in text
