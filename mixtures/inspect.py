"""A plan as tables for people: in the terminal, and as rows for an artifact or a web page."""

from rich.box import Box
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mixtures.plan import Plan, PlanRow
from mixtures.token_count import format_tokens
from sources.shown_text import shown_in_terminal

# A line under the headings and no columns between the cells: a table of nine columns fits 80 characters.
_HEAD_LINE = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")

# Share planned above share wanted from which a row is marked: half of the last digit printed.
_VISIBLE = 0.00005


def render(plan: Plan, console: Console) -> None:
    """Print the plan: a heading, its categories, its languages, its warnings. Fits 80 columns and more."""
    console.print(_heading(plan))
    for part in (
        _table("category", plan.categories, plan),
        _table("language", plan.languages, plan),
        _warnings(plan),
    ):
        console.print()
        console.print(part)


def category_table(plan: Plan) -> list[dict[str, str]]:
    """The categories as printed, a dict for each row; the last row is the total."""
    return [*(_cells("category", row) for row in plan.categories), _total("category", plan)]


def language_table(plan: Plan) -> list[dict[str, str]]:
    """The languages as printed, a dict for each row; the last row is the total."""
    return [*(_cells("language", row) for row in plan.languages), _total("language", plan)]


def _cells(kind: str, row: PlanRow) -> dict[str, str]:
    return {
        kind: (row.category if kind == "category" else row.language) or "",
        "share wanted": f"{100 * row.share_wanted:.2f} %",
        "share planned": f"{100 * row.share_planned:.2f} %",
        "tokens wanted": format_tokens(row.tokens_wanted),
        "tokens planned": format_tokens(row.tokens_planned),
        "tokens available": format_tokens(row.tokens_available),
        "epochs": f"{row.epochs:.2f}",
    }


def _total(kind: str, plan: Plan) -> dict[str, str]:
    return {
        kind: "total",
        "share wanted": "100.00 %",
        "share planned": "100.00 %" if plan.tokens_planned else "0.00 %",
        "tokens wanted": format_tokens(plan.tokens),
        "tokens planned": format_tokens(plan.tokens_planned),
        "tokens available": format_tokens(plan.tokens_available),
        "epochs": f"{plan.tokens_planned / plan.tokens_available:.2f}" if plan.tokens_available else "0.00",
    }


def _heading(plan: Plan) -> Text:
    source = "published sizes (no data read)" if plan.inventory == "upstream" else "the workspace's ledger"
    heading = Text(f"{shown_in_terminal(plan.model)} stage {plan.stage}", style="bold")
    heading.append(f"  {format_tokens(plan.tokens)} tokens wanted", style="not bold")
    heading.append(f", {format_tokens(plan.tokens_planned)} planned", style="not bold")
    heading.append(
        f"\nfrom {source}, tokens of {shown_in_terminal(plan.tokenizer)}, plan {plan.fingerprint[:12]}",
        style="not bold dim",
    )
    return heading


def _table(kind: str, rows: tuple[PlanRow, ...], plan: Plan) -> Table:
    cells = category_table(plan) if kind == "category" else language_table(plan)
    table = Table(
        box=_HEAD_LINE,
        show_footer=True,
        header_style="bold",
        footer_style="bold",
        pad_edge=False,
        padding=(0, 0),
        show_edge=False,
    )
    for title, foot in cells[-1].items():
        first, second = title.split(" ") if " " in title else ("", title)
        header = f"{first} %\n{second}" if first == "share" else f"{first}\n{second}"
        table.add_column(
            header, foot.removesuffix(" %"), justify="left" if title == kind else "right", no_wrap=True
        )
    table.add_column("\n", "", no_wrap=True)
    for row, text in zip(rows, cells[:-1], strict=True):
        mark, style = _mark(row, plan)
        shown = (Text(shown_in_terminal(cell.removesuffix(" %"))) for cell in text.values())
        table.add_row(*shown, mark, style=style)
    return table


def _mark(row: PlanRow, plan: Plan) -> tuple[str, str]:
    """A short sign and a colour for what is unusual about a row; the warnings say it in words."""
    if row.tokens_wanted and not row.tokens_available:
        return "none", "red"
    if row.tokens_wanted > plan.max_epochs * row.tokens_available:
        return "cap", "yellow"
    if row.epochs > 1:
        return "×", "cyan"
    if row.share_planned - row.share_wanted > _VISIBLE:
        return "+", ""
    return "", ""


def _warnings(plan: Plan) -> Group:
    """Each warning as a paragraph of its own, its lines hanging under its first."""
    lines = []
    for warning in plan.warnings:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=1)
        grid.add_column(overflow="fold")
        grid.add_row(Text("!", style="yellow"), Text(shown_in_terminal(warning)))
        lines.append(grid)
    return Group(*(Padding(line, (0, 0, 0, 0)) for line in lines))
