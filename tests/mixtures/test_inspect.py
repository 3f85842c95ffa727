import io

import polars as pl
from rich.console import Console

from mixtures.inspect import category_table, language_table, render
from mixtures.plan import Plan
from mixtures.planning import plan
from mixtures.recipe import load_recipe


def a_plan(kazakh: int) -> Plan:
    recipe = load_recipe("marco-mini", 4)
    rows = [(name, "s", "eng_Latn", 10**12) for name in recipe.categories if name not in ("wiki", "multilingual")]
    rows += [("multilingual", "s", code, 10**12) for code in recipe.language_codes() if code != "kaz_Cyrl"]
    rows.append(("multilingual", "s", "kaz_Cyrl", kazakh))
    ledger = pl.DataFrame(rows, schema=["category", "source", "language", "tokens"], orient="row")
    return plan(recipe, ledger, inventory="upstream")


def printed(shown: Plan, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    render(shown, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_tables_fit_and_hold_every_row() -> None:
    shown = a_plan(10**9)
    text = printed(shown)
    assert max(map(len, text.splitlines())) <= 110
    assert "…" not in text
    for row in (*shown.categories, *shown.languages):
        name = row.category if row in shown.categories else row.language
        assert name is not None
        assert name in text
    assert "marco-mini stage 4" in text
    assert shown.fingerprint[:12] in text


def test_a_row_shows_the_plans_numbers_in_human_units() -> None:
    greek = next(row for row in language_table(a_plan(10**12)) if row["language"] == "ell_Grek")
    assert greek == {
        "language": "ell_Grek",
        "share wanted": "3.20 %",
        "share planned": "3.20 %",
        "tokens wanted": "16.0G",
        "tokens planned": "16.0G",
        "tokens available": "1.00T",
        "epochs": "0.02",
    }


def test_totals_are_those_of_the_plan() -> None:
    shown = a_plan(10**12)
    for table in (category_table(shown), language_table(shown)):
        assert list(table[-1].values())[3:5] == ["500G", "500G"]
    assert len(category_table(shown)) == len(shown.categories) + 1


def test_what_is_short_is_marked_in_its_row_and_in_the_warnings() -> None:
    text = printed(a_plan(10**9))
    line = next(line for line in text.splitlines() if "kaz_Cyrl" in line)
    assert line.split()[-2:] == ["4.00", "cap"]
    assert next(line for line in text.splitlines() if line.startswith("wiki")).split()[-1] == "none"
    folded = " ".join(text.split())
    for warning in a_plan(10**9).warnings:
        assert " ".join(warning.split()) in folded
