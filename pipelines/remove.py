"""Adds documents to the workspace's removal list, and says what of the workspace that concerns."""

import datetime
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow.compute as pc

from pipelines.near_removed import near_duplicates as copies_of
from pipelines.provenance import PARENTS
from pipelines.removals import FOUND, LIST, Pair, matching, places, tables, workspace_removals
from pipelines.taken_down import made_here, matching_made, names_of, origin_of
from pipelines.workspace import Workspace
from sources.removals import Removal, Removals, digest_of


@dataclass(frozen=True, slots=True)
class Removed:
    """What a call of `remove` did: documents by source and language, and ids that no document has."""

    # Entries of the list now, and how many of them are new.
    entries: int
    added: int
    documents: Mapping[Pair, int]
    # Sources and languages of which something else is removed than was dropped when they were made.
    recomputed: tuple[Pair, ...]
    near_duplicates: int
    synthesised: int
    unknown: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON; `documents` and `recomputed` by `source/language`."""
        return {
            "entries": self.entries,
            "added": self.added,
            "documents": {"/".join(pair): count for pair, count in self.documents.items()},
            "recomputed": ["/".join(pair) for pair in self.recomputed],
            "near_duplicates": self.near_duplicates,
            "synthesised": self.synthesised,
            "unknown": list(self.unknown),
        }


def remove(
    workspace: Workspace, asked: Removals, near_duplicates: bool = False, synthesised: bool = False
) -> Removed:
    """Adds `asked` to the workspace's list and looks its documents up; the next build drops them.

    They are looked for in what was collected, mined and written by a model. With `near_duplicates` also what says
    the same as one of them, or nearly the same, in any source of its language; with `synthesised` what was
    generated from one of them, and from that. Both are looked for in what the workspace holds now.

    Raises:
        BabelmixError: the workspace cannot be read or written, or another run is working in it.
    """
    with workspace.lock() as workspace:
        listed = workspace_removals(workspace)
        collected, own = _collected(workspace), made_here(workspace)
        folders = collected | own
        near, made = _besides(workspace, collected, own, asked, near_duplicates, synthesised)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        dated = (each.model_copy(update={"asked": each.asked or today}) for each in (asked + near + made).entries)
        now = listed + Removals(dated)
        every = _matched(workspace, collected, own, now)
        places = {
            "/".join(pair): {"collected": folders[pair], "setting": _setting(workspace, pair, folders[pair], ids)}
            for pair, ids in every.items()
        }
        lines = "".join(each.model_dump_json(exclude_defaults=True) + "\n" for each in now.entries)
        _write(workspace, LIST, lines)
        _write(workspace, FOUND, json.dumps({"list": now.digest, "places": places}, indent=1, sort_keys=True))
    held = {name for (source, _), ids in every.items() for each in ids for name in names_of(source, each)}
    return Removed(
        entries=len(now),
        added=len(now) - len(listed),
        documents={pair: len(ids) for pair, ids in every.items() if ids},
        recomputed=tuple(
            pair for pair in every if not _dropped_already(workspace, pair, folders[pair], every[pair])
        ),
        near_duplicates=len(near),
        synthesised=len(made),
        unknown=tuple(each for each in asked.ids if each not in held),
    )


def besides(workspace: Workspace, asked: Removals, near_duplicates: bool, synthesised: bool) -> Removals:
    """What goes with `asked`, as `remove` takes it down; nothing is written."""
    own = made_here(workspace)
    near, made = _besides(workspace, _collected(workspace), own, asked, near_duplicates, synthesised)
    return near + made


def _besides(
    workspace: Workspace,
    collected: Collection[Pair],
    own: Collection[Pair],
    asked: Removals,
    near_duplicates: bool,
    synthesised: bool,
) -> tuple[Removals, Removals]:
    """The near-duplicates of what is asked for, and what was generated from it or from those."""
    near, made = Removals(), Removals()
    if near_duplicates or synthesised:
        found = _matched(workspace, collected, own, asked)
        if near_duplicates:
            near = _near(workspace, found, own)
        if synthesised:
            ids = {each for held in found.values() for each in held}
            made = _synthesised(workspace, collected, own, ids | set(near.ids))
    return near, made


def _matched(
    workspace: Workspace, collected: Iterable[Pair], own: Iterable[Pair], removals: Removals
) -> dict[Pair, dict[str, str]]:
    found = {pair: matching(workspace.at(f"collected/{'/'.join(pair)}"), removals.of(*pair)) for pair in collected}
    return found | {pair: matching_made(workspace, pair, removals.of(*pair)) for pair in own}


def _collected(workspace: Workspace) -> dict[Pair, str]:
    """The fingerprint of every source and language that has been collected."""
    found = {}
    for source, code in places(workspace, "collected"):
        manifest = workspace.manifest(f"collected/{source}/{code}")
        if manifest is not None:
            found[source, code] = manifest["fingerprint"]
    return found


def _setting(workspace: Workspace, pair: Pair, origin: str, ids: Mapping[str, str]) -> Mapping[str, str] | None:
    """What documents of a pair are fingerprinted with: as it was where the same ones are dropped already."""
    manifest = workspace.manifest(f"curated/{'/'.join(pair)}")
    if manifest is not None and _dropped_already(workspace, pair, origin, ids):
        setting: Mapping[str, str] | None = manifest["identity"]["settings"].get("removals")
        return setting
    return {"matched": digest_of(ids)} if ids else None


def _dropped_already(workspace: Workspace, pair: Pair, origin: str, ids: Mapping[str, str]) -> bool:
    name = "/".join(pair)
    manifest = workspace.manifest(f"curated/{name}")
    if manifest is None:
        return not ids
    if origin not in (manifest["identity"]["inputs"].get(f"collected/{name}"), origin_of(manifest)):
        return False
    dropped: str = manifest["totals"].get("removals", digest_of(()))
    return dropped == digest_of(ids)


def _near(workspace: Workspace, found: Mapping[Pair, Mapping[str, str]], own: Iterable[Pair]) -> Removals:
    sources: dict[str, list[str]] = {}
    for source, code in (*places(workspace, "measured"), *own):
        sources.setdefault(code, []).append(source)
    return copies_of(workspace, found, sources, set(own))


def _synthesised(
    workspace: Workspace, collected: Iterable[Pair], own: Iterable[Pair], ids: Collection[str]
) -> Removals:
    """Documents whose metadata name one of `ids` as what they were made from, and what was made from those."""
    folders = dict.fromkeys(collected, "collected") | dict.fromkeys(own, "curated")
    found: list[Removal] = []
    parents, known = set(ids), set(ids)
    while parents:
        made = []
        for (source, code), room in folders.items():
            for child, parent in _children(workspace.at(f"{room}/{source}/{code}"), parents):
                if child not in known:
                    because = f"generated from {parent}"
                    made.append(Removal(id=child, source=source, language=code, because=because))
        found += made
        parents = {each.id for each in made if each.id is not None}
        known |= parents
    return Removals(found)


def _children(folder: str, parents: Collection[str]) -> Iterator[tuple[str, str]]:
    """Ids of the folder's documents that were made from one of `parents`, and from which."""
    for table in tables(folder, ["id", "metadata"]):
        made = pc.match_substring_regex(table["metadata"], f'"(?:{"|".join(PARENTS)})"')
        for row in table.filter(pc.fill_null(made, False)).to_pylist():
            metadata = json.loads(row["metadata"])
            parent = next((metadata[key] for key in PARENTS if metadata.get(key) in parents), None)
            if parent is not None:
                yield row["id"], parent


def _write(workspace: Workspace, name: str, text: str) -> None:
    def write(path: str) -> None:
        with fsspec.open(path, "wb") as file:
            file.write(text.encode())

    workspace.replace_file(name, write)
