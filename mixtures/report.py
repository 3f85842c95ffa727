"""`report.html` of a mixture: what it holds against what its recipe wants, on one page that needs no network."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mixtures.plan import Plan, PlanRow
from mixtures.token_count import format_tokens

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #8883; }
th:first-child, td:first-child, .name { text-align: left; }
.bar { min-width: 12rem; text-align: left; } .bar i { display: block; height: .7rem; background: #3b82f6; }
.bar i + i { height: .2rem; background: #9ca3af; margin-top: 1px; }
small { color: #888; }
"""


def write_report(plan: Plan, columns: Sequence[str], funnel: Iterable[Sequence[Any]], path: Path) -> None:
    """Writes the page to `path`: the plan's categories and languages, its warnings, and the funnel.

    `funnel` has a row a language and source with a cell for each of `columns`. Every text is escaped: names of
    languages and sources come from files that anyone may write.
    """
    body = [
        f"<h1>{escape(plan.model)} stage {plan.stage}</h1>",
        f"<p>{format_tokens(plan.tokens_planned)} tokens of {escape(plan.tokenizer)}"
        f" <small>plan {escape(plan.fingerprint[:16])}</small></p>",
        _list(plan.warnings),
        "<h2>Categories</h2>",
        _shares(plan.categories, "category"),
        "<h2>Languages</h2>",
        _shares(plan.languages, "language"),
        "<h2>Documents</h2>",
        _table(columns, funnel),
    ]
    path.write_text(
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(plan.model)} stage {plan.stage}</title><style>{_STYLE}</style>"
        f"<body>{''.join(body)}</body></html>\n",
        encoding="utf-8",
    )


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _shares(rows: Sequence[PlanRow], name: str) -> str:
    """A table with two bars a row: the share planned above, thinner and grey the share wanted below."""
    widest = max((max(row.share_wanted, row.share_planned) for row in rows), default=0) or 1
    lines = []
    for row in rows:
        planned, wanted = (100 * share / widest for share in (row.share_planned, row.share_wanted))
        cells = [
            f"<td class='name'>{escape(str(getattr(row, name)))}</td>",
            f"<td class='bar'><i style='width:{planned:.2f}%'></i><i style='width:{wanted:.2f}%'></i></td>",
            f"<td>{row.share_planned:.2%}</td><td>{row.share_wanted:.2%}</td>",
            f"<td>{row.tokens_planned:,}</td><td>{row.tokens_available:,}</td><td>{row.epochs:.2f}</td>",
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head = f"<th>{name}<th class='bar'>share<th>planned<th>wanted<th>tokens<th>available<th>epochs"
    return f"<div class='scroll'><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(column)}" for column in columns)
    lines = ("".join(f"<td>{escape(str(cell))}" for cell in row) for row in rows)
    return (
        f"<div class='scroll'><table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table></div>"
    )
