"""The funnel: how many documents went in, which filter dropped how many, how many came out, by language."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from filters.names import FILTERS


def funnels(totals: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a language and source from the totals of a build's steps, by step name, languages in order.

    A row has `language`, `source`, `documents`, one key for each filter in `FILTERS`, and `kept`.
    """
    rows = []
    for name, found in totals.items():
        kind, _, place = name.partition("/")
        if kind != "curated":
            continue
        source, language = place.split("/")
        dropped: Counter[str] = Counter()
        for row in found["dropped"]:
            dropped[row["filter"]] += row["documents"]
        rows.append(
            {
                "language": language,
                "source": source,
                "documents": found["documents"],
                **{each: dropped[each] for each in FILTERS},
                "kept": found["kept"],
            }
        )
    return sorted(rows, key=lambda row: (row["language"], row["source"]))


def funnel_table(totals: Mapping[str, Mapping[str, Any]]) -> Table:
    """The funnel of a build as a table for the terminal."""
    table = Table(title="Documents", title_justify="left", title_style="bold")
    table.add_column("language")
    table.add_column("source")
    for column in ("documents", *FILTERS, "kept"):
        table.add_column(column, justify="right")
    for row in funnels(totals):
        numbers = [row[column] for column in ("documents", *FILTERS, "kept")]
        table.add_row(row["language"], row["source"], *(f"{number:,}" if number else "·" for number in numbers))
    return table


def funnel_markdown(totals: Mapping[str, Mapping[str, Any]]) -> str:
    """The funnel of a build as a Markdown table."""
    columns = ("language", "source", "documents", *FILTERS, "kept")
    lines = [f"| {' | '.join(columns)} |", "|---|---|" + "--:|" * (len(columns) - 2)]
    lines += [f"| {' | '.join(str(row[column]) for column in columns)} |" for row in funnels(totals)]
    return "\n".join(lines)
