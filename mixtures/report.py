"""`report.html` of a mixture: what it holds against what its recipe wants, on one page that needs no network.

The page has no script, and a policy that lets it load nothing. Texts of documents and names from files that anyone
may write are hostile input: see `sources/shown_text.py`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from mixtures.plan import Plan, PlanRow
from mixtures.report_charts import share_bar
from mixtures.report_facts import MixtureFacts
from mixtures.report_funnel import funnel_section
from mixtures.report_sections import (
    bucket_section,
    length_section,
    licence_section,
    sample_section,
    words_section,
)
from mixtures.report_style import STYLE
from mixtures.token_count import format_tokens
from sources.shown_text import shown

# Nothing is fetched, run or sent, whatever a text holds that should have been escaped.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_NAME: Final = 120
_SENTENCE: Final = 1000


def write_report(
    plan: Plan,
    columns: Sequence[str],
    funnel: Iterable[Sequence[Any]],
    path: str | Path,
    facts: MixtureFacts | None = None,
) -> None:
    """Writes the page to `path`.

    `funnel` has a row a language and source with a cell for each of `columns`, as `pipelines.funnel` gives them.
    Without `facts` the page holds what the plan and the funnel say, and nothing of the tokens.
    """
    title = shown(f"{plan.model} stage {plan.stage}", _NAME)
    body = [
        f"<header><h1>{title}</h1>{_tiles(plan, facts)}",
        f"<p class='note'>Tokens of {shown(plan.tokenizer, _NAME)}. Plan"
        f" <code>{shown(plan.fingerprint[:16], 16)}</code>"
        + (f", seed {facts.seed}" if facts else "")
        + f". A bucket is repeated {plan.max_epochs:g} times at most.</p>",
        _warnings(plan.warnings),
        "</header><main>",
        _section("Categories", plan.categories, "category", plan),
        _section("Languages", [row for row in plan.languages if _matters(row)], "language", plan),
    ]
    if facts:
        body += [bucket_section(facts), length_section(facts), words_section(facts)]
    body.append(funnel_section(columns, funnel))
    if facts:
        body += [licence_section(facts), sample_section(facts)]
    Path(path).write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{STYLE}</style></head><body>{''.join(body)}</main></body></html>\n",
        encoding="utf-8",
    )


def _tiles(plan: Plan, facts: MixtureFacts | None) -> str:
    tiles = [(format_tokens(facts.tokens if facts else plan.tokens_planned), "tokens")]
    if plan.tokens_planned < plan.tokens:
        tiles.append((format_tokens(plan.tokens - plan.tokens_planned), "tokens short"))
    if facts:
        read = [bucket for bucket in facts.buckets if bucket.read]
        epochs = facts.documents / max(1, sum(bucket.documents for bucket in read))
        tiles += [
            (f"{facts.documents:,}", "documents read"),
            (f"{epochs:.2f}", "epochs on average"),
            (f"{len(read)}", "buckets"),
            (f"{len({bucket.source for bucket in read})}", "sources"),
            (f"{len(facts.languages)}", "languages"),
        ]
    else:
        tiles.append((f"{sum(1 for row in plan.languages if row.tokens_planned)}", "languages"))
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{number}</dd></div>' for number, name in tiles)}</dl>"


def _warnings(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return f"<ul class='warnings'>{''.join(f'<li>{shown(text, _SENTENCE)}</li>' for text in texts)}</ul>"


def _matters(row: PlanRow) -> bool:
    return bool(row.tokens_wanted or row.tokens_planned)


def _section(heading: str, rows: Sequence[PlanRow], name: str, plan: Plan) -> str:
    """A table with a bar a row: the share planned, and a line at the share that the recipe wants."""
    widest = max((max(row.share_wanted, row.share_planned) for row in rows), default=0.0)
    lines = []
    for row in rows:
        much = " class='much'" if row.epochs > plan.max_epochs * 1.001 else ""
        lines.append(
            f"<tr><th class='name' scope='row'>{shown(str(getattr(row, name)), _NAME)}"
            f"<td class='wide'>{share_bar(row.share_planned, row.share_wanted, widest)}"
            f"<td>{row.share_planned:.2%}<td>{row.share_wanted:.2%}<td{much}>{row.epochs:.2f}"
            f"<td>{row.tokens_planned:,}<td>{row.tokens_available:,}</tr>"
        )
    return (
        f"<section><h2>{heading}</h2><p class='legend'><span><i class='planned'></i>planned</span>"
        "<span><i class='tick'></i>wanted by the recipe</span></p><div class='scroll'><table><thead><tr>"
        f"<th class='name'>{name}<th class='wide name'>share<th>planned<th>wanted<th>epochs<th>tokens<th>available"
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div></section>"
    )
