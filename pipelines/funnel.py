"""The funnel: how many documents went in, which filter dropped how many, how many came out, by language."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table

from filters.names import FILTERS
from sources.shown_text import shown_in_markdown

# Characters of a name in a cell.
_CELL: Final = 120
# So that a table of all filters fits into 80 columns.
_SHORT: Final = {
    "removal": "removed",
    "language": "lang.",
    "duplicates": "dupl.",
    "repetition": "repet.",
    "contamination": "contam.",
    "synthesis": "synth.",
}


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """What became of the documents of one language and source (None: of all sources)."""

    language: str
    source: str | None
    documents: int
    # Documents by the filter that dropped them; filters that dropped none are left out.
    dropped: Mapping[str, int]
    kept: int


def funnel(totals: Mapping[str, Mapping[str, Any]]) -> list[FunnelRow]:
    """One row a language and source from the totals of a build's steps, by step name, languages in order."""
    rows = []
    for name, found in totals.items():
        kind, _, place = name.partition("/")
        if kind != "curated":
            continue
        source, language = place.split("/")
        dropped: Counter[str] = Counter()
        for row in found["dropped"]:
            dropped[row["filter"]] += row["documents"]
        rows.append(FunnelRow(language, source, found["documents"], dropped, found["kept"]))
    return sorted(rows, key=lambda row: (row.language, row.source or ""))


def funnel_table(rows: Iterable[FunnelRow]) -> Table:
    """The funnel by language, all sources together, as a table for the terminal."""
    by_language: dict[str, list[FunnelRow]] = {}
    for row in rows:
        by_language.setdefault(row.language, []).append(row)
    found = [_summed(language, group) for language, group in by_language.items()]
    total = _summed("total", found)
    filters = [name for name in FILTERS if total.dropped.get(name)]
    table = Table(title="Documents", title_justify="left", title_style="bold", show_footer=True, box=None)
    headings = ("language", "in", *(_SHORT.get(name, name) for name in filters), "kept")
    for heading, cell in zip(headings, _cells(total, filters), strict=True):
        style = "bold" if heading in ("in", "kept") else "dim"
        table.add_column(heading, cell, justify="left" if cell == "total" else "right", style=style)
    table.columns[0].style = ""
    for each in found:
        table.add_row(*_cells(each, filters))
    return table


def funnel_markdown(rows: Iterable[FunnelRow]) -> str:
    """The funnel by language and source as a Markdown table."""
    columns, cells = funnel_cells(rows)
    lines = [f"| {' | '.join(columns)} |", "|---|---|" + "--:|" * (len(columns) - 2)]
    shown = ([shown_in_markdown(str(cell), _CELL) for cell in row] for row in cells)
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in shown)])


def funnel_cells(rows: Iterable[FunnelRow]) -> tuple[list[str], list[list[str | int]]]:
    """The funnel by language and source as column names and rows; a filter's column is what it dropped."""
    columns = ["language", "source", "in", *(f"dropped: {name}" for name in FILTERS), "kept"]
    cells: list[list[str | int]] = [
        [row.language, row.source or "", row.documents, *(row.dropped.get(name, 0) for name in FILTERS), row.kept]
        for row in rows
    ]
    return columns, cells


def _summed(language: str, rows: Iterable[FunnelRow]) -> FunnelRow:
    documents, dropped, kept = 0, Counter[str](), 0
    for row in rows:
        documents, kept = documents + row.documents, kept + row.kept
        dropped.update(row.dropped)
    return FunnelRow(language, None, documents, dropped, kept)


def _cells(row: FunnelRow, filters: Iterable[str]) -> list[str]:
    counts = [row.documents, *(row.dropped.get(name, 0) for name in filters), row.kept]
    return [row.language, *(f"{count:,}" if count else "·" for count in counts)]
