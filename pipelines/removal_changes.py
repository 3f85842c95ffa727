"""What a build changed for the removal list: documents that went, copies that are kept instead, and tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipelines.step import Step
from pipelines.workspace import Workspace

Totals = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class RemovalChange:
    """One source and language whose removed documents are others than before the build."""

    source: str
    language: str
    # Documents dropped as removed, and documents kept.
    removed_before: int
    removed: int
    kept_before: int
    kept: int
    # Of all the tokenised categories of the source and language that the build has.
    tokens_before: int
    tokens: int

    def as_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return asdict(self)


def standing_totals(steps: Iterable[Step], workspace: Workspace) -> dict[str, Mapping[str, Any]]:
    """The totals of what stands of the steps that curate and tokenise, by their names; to be asked before a build.

    What stands may be of other settings: it is what the build is going to replace.
    """
    found = {}
    for step in steps:
        if step.kind in ("curate", "tokenise") and (manifest := workspace.manifest(step.name)) is not None:
            found[step.name] = manifest["totals"]
    return found


def removal_changes(steps: Iterable[Step], before: Totals, after: Totals) -> list[RemovalChange]:
    """Where a build dropped other documents for the removal list than what stood before it."""
    tokens: dict[tuple[str, str], list[int]] = {}
    curated: dict[tuple[str, str], str] = {}
    for step in steps:
        pair = (step.settings.get("source", ""), step.settings.get("language", ""))
        if step.kind == "curate":
            curated[pair] = step.name
        elif step.kind == "tokenise":
            counted = tokens.setdefault(pair, [0, 0])
            counted[0] += before.get(step.name, {}).get("tokens", 0)
            counted[1] += after.get(step.name, {}).get("tokens", 0)
    found = []
    for pair, name in sorted(curated.items()):
        old, new = before.get(name), after.get(name)
        if new is None or (_removed(old) == _removed(new) and (old or {}).get("removals") == new.get("removals")):
            continue
        counted = tokens.get(pair, [0, 0])
        kept = old["kept"] if old else 0
        found.append(RemovalChange(*pair, _removed(old), _removed(new), kept, new["kept"], *counted))
    return found


def removal_table(changes: Iterable[RemovalChange]) -> Table:
    """The changes as a table for the terminal."""
    table = Table(title="Removed", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("source", "language"):
        table.add_column(heading)
    for heading in ("removed", "kept before", "kept now", "tokens before", "tokens now"):
        table.add_column(heading, justify="right")
    for each in changes:
        numbers = (each.removed, each.kept_before, each.kept, each.tokens_before, each.tokens)
        table.add_row(each.source, each.language, *(f"{number:,}" for number in numbers))
    return table


def _removed(totals: Mapping[str, Any] | None) -> int:
    return sum(row["documents"] for row in totals["dropped"] if row["filter"] == "removal") if totals else 0
