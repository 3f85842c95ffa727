"""Taking down what a step makes itself: documents that were mined, or that a model wrote.

They are not in `collected/`: a step that makes them asks of each, when all else is decided, whether it may stay.
So what is removed makes room for nothing else, and each has its row in `dropped/`. A document `source/x` is named
by that id or by `x`, the id of its record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datatrove.io import get_datafolder

from filters.judge import DroppedRows
from filters.verdict import Drop
from pipelines.document_files import document_files
from pipelines.removals import Pair, changed_list, places, tables, workspace_removals
from pipelines.step import Step, fingerprint_of
from pipelines.workspace import Workspace
from sources.removals import Removals, digest_of

FILTER: Final = "removal"
REASON: Final = "removed"
# Where the pairs stand of which documents are rendered, with the URLs of both sides.
_PAIRS: Final = ("bitext", ("url_source", "url_target"))


class TakenDown:
    """What a removal list says of the documents of one source as they are made."""

    def __init__(self, removals: Removals | None = None, source: str = "", *, may_be_none: bool = False) -> None:
        """Without `removals`, which are those of one source and language, every document stays.

        With `may_be_none` it is no error if nothing is left: what it would stand on may have been removed.
        """
        self._removals = removals or Removals()
        self.may_be_none = may_be_none
        self._source = source
        # Ids of the documents that went, with what was said about each; in the order in which they were made.
        self.removed: dict[str, str] = {}

    def takes(self, document_id: str, *urls: str | None) -> bool:
        """Whether the document goes; it is noted."""
        if not len(self._removals):
            return False
        said = _why(self._removals, self._source, document_id, urls)
        if said is not None:
            self.removed[document_id] = said
        return said is not None

    def taken(self, batch: pa.RecordBatch, urls: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which rows of a batch with a column `id` and columns of `urls` go; they are noted."""
        found = _matches(self._removals, self._source, batch, urls)
        for row in batch.select(["id", *urls]).filter(pa.array(found)).to_pylist():
            self.takes(row["id"], *(row[name] for name in urls))
        return found

    def write(self, dropped: str) -> None:
        """Writes the rows of what went into a folder of `dropped/`; no file where nothing did."""
        rows = DroppedRows(dropped, FILTER, 0)
        for document_id, said in self.removed.items():
            rows.add(document_id, Drop(REASON, detail=said))
        rows.close()

    def counted(self) -> list[dict[str, Any]]:
        """The row of a step's totals, under `dropped`; none where nothing went."""
        return [{"filter": FILTER, "reason": REASON, "documents": len(self.removed)}] if self.removed else []


def taken_down(step: Step, workspace: Workspace) -> TakenDown:
    """What the workspace's list says of what a step makes; to be asked before it runs.

    Raises:
        BabelmixError: the list is no longer the one that the step was fingerprinted with.
    """
    setting = step.settings.get("removals")
    source, language = step.settings["source"], step.settings["language"]
    # A take-down must not fail for what stood on the documents that it leaves out.
    may_be_none = any(each.settings.get("removals") for each in (step, *step.inputs))
    if not setting:
        return TakenDown(source=source, may_be_none=may_be_none)
    removals = workspace_removals(workspace).of(source, language)
    if setting.get("list") not in (None, removals.digest):
        raise changed_list(workspace)
    return TakenDown(removals, source, may_be_none=may_be_none)


def with_removed(step: Step, workspace: Workspace, totals: Mapping[str, Any], found: TakenDown) -> dict[str, Any]:
    """The totals of a step with a digest of what it left out for the list.

    Raises:
        BabelmixError: what it left out is not what it was fingerprinted with.
    """
    setting = step.settings.get("removals")
    if not setting:
        return dict(totals)
    digest = digest_of(found.removed)
    if setting.get("matched") not in (None, digest):
        raise changed_list(workspace)
    return {**totals, "removals": digest}


def made_here(workspace: Workspace) -> dict[Pair, str]:
    """The origins, for `RemovalSettings.of`, of the documents of `curated/` that a step made itself."""
    found = {}
    for pair in places(workspace, "curated"):
        manifest = workspace.manifest(f"curated/{'/'.join(pair)}")
        if manifest is not None and manifest["identity"]["step"] != "curate":
            found[pair] = origin_of(manifest)
    return found


def is_made(workspace: Workspace, pair: Pair) -> bool:
    """Whether a step made the documents of a source and language itself; they stand in `curated/`."""
    manifest = workspace.manifest(f"curated/{'/'.join(pair)}")
    return manifest is not None and manifest["identity"]["step"] != "curate"


def origin_of(manifest: Mapping[str, Any]) -> str:
    """The fingerprint of a step that makes documents itself, without the setting of a removal list."""
    identity = manifest["identity"]
    settings = {name: value for name, value in identity["settings"].items() if name != "removals"}
    return fingerprint_of({**identity, "settings": settings})


def matching_made(workspace: Workspace, pair: Pair, removals: Removals) -> dict[str, str]:
    """Ids of the documents of `curated/` that fall under `removals`, and why, if a step made them itself.

    Those that were left out for an earlier list and fall under this one too are among them.
    """
    if not len(removals):
        return {}
    source, code = pair
    manifest = workspace.manifest(f"curated/{source}/{code}")
    assert manifest is not None, pair
    room, urls = _PAIRS
    if f"{room}/{code}" in manifest["identity"]["inputs"]:
        return dict(_matching(workspace.at(f"{room}/{code}"), urls, source, removals))
    found = dict(_matching(workspace.at(f"curated/{source}/{code}"), ("url",), source, removals))
    for row in _left_out(workspace.at(f"dropped/{source}/{code}")):
        names = (row["id"], _record(source, row["id"]))
        if any(removals.still(name, row["detail"] or "") for name in names):
            found[row["id"]] = row["detail"]
    return found


def names_of(source: str, document_id: str) -> tuple[str, str]:
    """The names by which a list may mean a document: its id, and that of its record."""
    return document_id, _record(source, document_id)


def _matching(folder: str, urls: Sequence[str], source: str, removals: Removals) -> Iterator[tuple[str, str]]:
    for table in tables(folder, ["id", *urls]):
        rows = table.filter(pa.array(_matches(removals, source, table, urls)))
        for row in rows.to_pylist():
            yield row["id"], _why(removals, source, row["id"], [row[name] for name in urls]) or ""


def _left_out(folder: str) -> Iterator[dict[str, Any]]:
    place = get_datafolder(folder)
    if not place.exists(""):
        return
    for name in document_files(place):
        if name.startswith(f"{FILTER}-"):
            for table in tables(folder, ["id", "detail"], (name,)):
                yield from table.to_pylist()


def _matches(
    removals: Removals, source: str, rows: pa.RecordBatch | pa.Table, urls: Sequence[str]
) -> npt.NDArray[np.bool_]:
    if not len(removals):
        return np.zeros(rows.num_rows, np.bool_)
    ids = rows.column("id")
    found = np.zeros(rows.num_rows, np.bool_)
    for name in urls:
        found |= removals.matches(ids, rows.column(name))
    records = pc.replace_substring_regex(ids, f"^{re.escape(source)}/", "")
    return found | removals.matches(records, pa.nulls(rows.num_rows, pa.string()))


def _why(removals: Removals, source: str, document_id: str, urls: Sequence[str | None]) -> str | None:
    named = (removals.why(name, None) for name in names_of(source, document_id))
    begun = (removals.why(document_id, url) for url in urls)
    return next((said for said in (*named, *begun) if said is not None), None)


def _record(source: str, document_id: str) -> str:
    return document_id.removeprefix(f"{source}/")
