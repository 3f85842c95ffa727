"""What a build changed for the removal list: documents that went, copies that are kept instead, and tokens."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pipelines.step import Step
from pipelines.workspace import Workspace
from sources.removals import digest_of
from sources.shown_text import shown_in_terminal

_NONE: Final = digest_of(())
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
    # Files of documents, and how many of them were made anew; both 0 where they are always all made.
    files: int = 0
    files_anew: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return asdict(self)


def standing_totals(steps: Iterable[Step], workspace: Workspace) -> dict[str, Mapping[str, Any]]:
    """The totals of what stands of the steps that give documents and tokens; to be asked before a build.

    By the steps' names. What stands may be of other settings: it is what the build is going to replace.
    """
    found = {}
    for step in steps:
        manifest = workspace.manifest(step.name) if _gives_documents(step) or step.kind == "tokenise" else None
        if manifest is not None:
            found[step.name] = manifest["totals"]
    return found


def removal_changes(steps: Iterable[Step], before: Totals, after: Totals) -> list[RemovalChange]:
    """Where a build dropped other documents for the removal list than what stood before it.

    And where it made others of them: what a model wrote of a document goes with it.
    """
    tokens_before: Counter[tuple[str, str]] = Counter()
    tokens: Counter[tuple[str, str]] = Counter()
    found: dict[tuple[str, str], RemovalChange] = {}
    changed: set[str] = set()
    every = tuple(steps)
    for step in every:
        if step.kind == "tokenise":
            pair = (step.settings["source"], step.settings["language"])
            tokens_before[pair] += before.get(step.name, {}).get("tokens", 0)
            tokens[pair] += after.get(step.name, {}).get("tokens", 0)
    for step in filter(_gives_documents, every):
        pair = (step.settings["source"], step.settings["language"])
        old, new = before.get(step.name), after.get(step.name)
        if new is None:
            continue
        removed, gone = _removed(old), _removed(new)
        # A list that names none of its documents is as good as none.
        listed = removed != gone or (old or {}).get("removals", _NONE) != new.get("removals", _NONE)
        kept = old["kept"] if old else 0
        follows = old is not None and kept != new["kept"] and any(each.name in changed for each in step.inputs)
        if listed or follows:
            changed.add(step.name)
            shards, stood = new.get("shards", {}), (old or {}).get("shards", {})
            anew = sum(stood.get(name) != each for name, each in shards.items())
            found[pair] = RemovalChange(
                *pair, removed, gone, kept, new["kept"], tokens_before[pair], tokens[pair], len(shards), anew
            )
    return [found[pair] for pair in sorted(found)]


def _gives_documents(step: Step) -> bool:
    return step.name.startswith("curated/")


def removal_table(changes: Iterable[RemovalChange]) -> Table:
    """The changes as a table for the terminal."""
    table = Table(title="Removed", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("source", "language"):
        table.add_column(heading)
    for heading in ("removed", "kept before", "kept now", "tokens before", "tokens now", "files anew"):
        table.add_column(heading, justify="right")
    for each in changes:
        numbers = (each.removed, each.kept_before, each.kept, each.tokens_before, each.tokens)
        files = f"{each.files_anew:,} of {each.files:,}" if each.files else "all"
        names = (Text(shown_in_terminal(name)) for name in (each.source, each.language))
        table.add_row(*names, *(f"{number:,}" for number in numbers), files)
    return table


def _removed(totals: Mapping[str, Any] | None) -> int:
    return sum(row["documents"] for row in totals["dropped"] if row["filter"] == "removal") if totals else 0
