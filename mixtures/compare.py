"""Two plans side by side: which shares, tokens and epochs moved from one to the other, and by how much."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mixtures.local_copy import copied, local_folder
from mixtures.plan import Plan, PlanRow
from mixtures.token_count import format_tokens
from sources.errors import BabelmixError
from sources.shown_text import shown_in_terminal

_KINDS: Final = ("categories", "languages", "buckets")
# A share that moved by less than this many percentage points prints as 0.00.
_VISIBLE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Side:
    """What one plan holds of a row: share of its tokens planned (a fraction of 1), tokens and mean epochs."""

    share: float
    tokens: int
    epochs: float


_NOTHING: Final = Side(0.0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A category, a language or a bucket (`category/source/language`) in both plans."""

    kind: str
    name: str
    before: Side
    after: Side

    @property
    def moved(self) -> float:
        """Percentage points by which the share of the tokens planned moved; negative where it fell."""
        return 100 * (self.after.share - self.before.share)

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON, `moved` in percentage points."""
        return {**asdict(self), "moved": self.moved}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two plans, row by row: `before` is what the other is held against."""

    before: Plan
    after: Plan
    rows: tuple[ComparedRow, ...]

    def of(self, kind: str) -> tuple[ComparedRow, ...]:
        """The rows of `categories`, `languages` or `buckets`."""
        return tuple(row for row in self.rows if row.kind == kind)

    def above(self, points: float) -> tuple[ComparedRow, ...]:
        """Categories and languages whose share moved by more than so many percentage points, furthest first."""
        found = [row for row in self.rows if row.kind != "buckets" and abs(row.moved) > points]
        return tuple(sorted(found, key=lambda row: (-abs(row.moved), row.kind, row.name)))

    def as_dict(self) -> dict[str, Any]:
        """JSON: what each plan is, what differs between the two, and a list of rows for each kind."""
        return {
            "before": _heading(self.before),
            "after": _heading(self.after),
            "differences": differences(self.before, self.after),
            **{kind: [row.as_dict() for row in self.of(kind)] for kind in _KINDS},
        }


def compare(before: Plan, after: Plan) -> Comparison:
    """Holds `after` against `before`; what only one of them has counts as nothing in the other."""
    rows: list[ComparedRow] = []
    for kind in _KINDS:
        old, new = _sides(before, kind), _sides(after, kind)
        rows += [
            ComparedRow(kind, name, old.get(name, _NOTHING), new.get(name, _NOTHING))
            for name in dict.fromkeys((*new, *old))
        ]
    return Comparison(before, after, tuple(rows))


def differences(before: Plan, after: Plan) -> list[str]:
    """One line for each setting of the plans that differs and without which shares cannot be judged."""
    named: tuple[tuple[str, Callable[[Plan], str]], ...] = (
        ("plan", lambda plan: f"{plan.model} stage {plan.stage}"),
        ("tokens", lambda plan: format_tokens(plan.tokens)),
        ("tokens planned", lambda plan: format_tokens(plan.tokens_planned)),
        ("tokenizer", lambda plan: plan.tokenizer),
        ("inventory", lambda plan: plan.inventory),
        ("max_epochs", lambda plan: f"{plan.max_epochs:g}"),
    )
    return [f"{name}: {of(before)} → {of(after)}" for name, of in named if of(before) != of(after)]


def read_plan(place: str) -> Plan | None:
    """The plan in a mixture's folder or in a file that `babelmix inspect --json` wrote; None for neither.

    Raises:
        BabelmixError: the folder or file is there, but holds no plan.
    """
    path = local_folder(place)
    if "://" in place and not place.endswith(".json"):
        path = Path(copied(str(path / "manifest.json")))
    elif path.is_dir():
        path = path / "manifest.json"
    elif path.suffix != ".json":
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Plan.from_dict(content["totals"]["plan"] if path.name == "manifest.json" else content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BabelmixError(
            f"{path}: no plan ({type(error).__name__}: {error}); name a mixture's folder, or a file that"
            " `babelmix inspect --json` wrote"
        ) from error


def render_comparison(found: Comparison, console: Console) -> None:
    """Prints what differs, categories and languages side by side, and what moved most."""
    title = Text(shown_in_terminal(f"{_title(found.before)} → {_title(found.after)}"), style="bold")
    console.print(title)
    for line in differences(found.before, found.after):
        console.print(Text(shown_in_terminal(f"  {line}"), style="dim"))
    for kind in _KINDS[:2]:
        console.print(_table(kind, found.of(kind)))
    moved = found.above(_VISIBLE)
    said = ", ".join(f"{row.name} {row.moved:+.2f}" for row in moved[:12]) or "nothing"
    more = f" and {len(moved) - 12} more" if len(moved) > 12 else ""
    console.print(Text(shown_in_terminal(f"Moved, in percentage points: {said}{more}")))


def _table(kind: str, rows: tuple[ComparedRow, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column({"categories": "category", "languages": "language"}[kind])
    for heading in ("share %", "→", "moved", "tokens", "→", "epochs", "→"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        style = "" if abs(row.moved) < _VISIBLE else "yellow" if row.moved > 0 else "cyan"
        table.add_row(
            Text(shown_in_terminal(row.name)),
            f"{100 * row.before.share:.2f}",
            f"{100 * row.after.share:.2f}",
            Text(f"{row.moved:+.2f}" if abs(row.moved) >= _VISIBLE else "·", style=style),
            format_tokens(row.before.tokens),
            format_tokens(row.after.tokens),
            f"{row.before.epochs:.2f}",
            f"{row.after.epochs:.2f}",
        )
    return table


def _sides(plan: Plan, kind: str) -> dict[str, Side]:
    return {
        name: Side(row.share_planned, row.tokens_planned, row.epochs) for name, row in _named(getattr(plan, kind))
    }


def _named(rows: tuple[PlanRow, ...]) -> Iterator[tuple[str, PlanRow]]:
    for row in rows:
        if row.source is not None:
            yield f"{row.category}/{row.source}/{row.language}", row
        else:
            # A row of languages names its category too where there is one only.
            yield row.language or row.category or "", row


def _heading(plan: Plan) -> Mapping[str, Any]:
    names = ("model", "stage", "tokens", "tokens_planned", "tokens_available", "inventory", "tokenizer")
    return {**{name: getattr(plan, name) for name in names}, "fingerprint": plan.fingerprint}


def _title(plan: Plan) -> str:
    return f"{plan.model} stage {plan.stage} ({plan.fingerprint[:12]})"
