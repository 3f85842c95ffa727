"""Taking documents down: the workspace's removal list, where it was looked up, and which steps it concerns.

`removals.jsonl` in the workspace is the list (see `sources.removals`); a person may edit it. Its documents are
looked up when the list is made, in `collected/` and in what was mined or written by a model (`taken_down`), and
`removals-found.json` keeps for each source and language what the step that says what stays is to be fingerprinted
with. So a removal changes the steps of the sources and languages that hold its documents, and those that follow
from them, and no others. What is collected or made later meets the whole list.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import fsspec
import pyarrow as pa

from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.object_store import glob
from sources.removals import Removals, digest_of, parse_removals

LIST: Final = "removals.jsonl"
FOUND: Final = "removals-found.json"
Pair = tuple[str, str]


@dataclass(frozen=True)
class RemovalSettings:
    """What the documents of each source and language are fingerprinted with for the workspace's removal list."""

    removals: Removals = field(default_factory=Removals)
    # By source/language: the fingerprint of what was looked through, and the setting.
    found: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of(self, source: str, language: str, origin: str) -> Mapping[str, str] | None:
        """The setting for documents of this origin; None where nothing of them is removed.

        The origin is the fingerprint of what was collected, or of the step that makes them without this setting.
        """
        known = self.found.get(f"{source}/{language}")
        if known and known["collected"] == origin:
            setting: Mapping[str, str] | None = known["setting"]
            return setting
        concerned = self.removals.of(source, language)
        return {"list": concerned.digest} if len(concerned) else None


def removal_settings(workspace: Workspace) -> RemovalSettings:
    """What `pipelines.build.build` needs to know of a workspace's removal list.

    Raises:
        BabelmixError: the list was edited and not looked up since.
    """
    removals = workspace_removals(workspace)
    held = workspace_text(workspace, FOUND)
    found: dict[str, Any] = json.loads(held) if held else {"list": Removals().digest, "places": {}}
    if found["list"] != removals.digest:
        raise BabelmixError(
            f"{workspace.at(LIST)}: edited since its documents were looked up; run `babelmix remove` with the same"
            " --workspace"
        )
    return RemovalSettings(removals, found["places"])


def workspace_removals(workspace: Workspace) -> Removals:
    """The workspace's list; empty where it has none.

    Raises:
        BabelmixError: a line of it is no removal.
    """
    return Removals(parse_removals((workspace_text(workspace, LIST) or "").splitlines(), workspace.at(LIST)))


def documents_to_remove(
    workspace: Workspace, setting: Mapping[str, str], source: str, language: str, documents: str
) -> dict[str, str]:
    """Ids of the documents in the folder `documents` that are to be dropped, and why each is.

    Raises:
        BabelmixError: the list is no longer the one that the step was fingerprinted with.
    """
    removals = workspace_removals(workspace).of(source, language)
    found = matching(documents, removals)
    is_that = {"list": removals.digest, "matched": digest_of(found)}
    if any(is_that[kind] != digest for kind, digest in setting.items()):
        raise changed_list(workspace)
    return found


def changed_list(workspace: Workspace) -> BabelmixError:
    """The error of a step whose list is no longer the one that it was fingerprinted with."""
    return BabelmixError(f"{workspace.at(LIST)}: changed while a build was under way; run the build again")


def matching(folder: str, removals: Removals) -> dict[str, str]:
    """Ids of a folder's documents that fall under `removals`, and why; only ids and URLs are read."""
    if not len(removals):
        return {}
    found: dict[str, str] = {}
    for table in tables(folder, ["id", "url"]):
        rows = table.filter(pa.array(removals.matches(table["id"], table["url"])))
        for each, url in zip(rows["id"].to_pylist(), rows["url"].to_pylist(), strict=True):
            found[each] = removals.why(each, url) or ""
    return found


def tables(folder: str, columns: list[str], names: Iterable[str] | None = None) -> Iterable[pa.Table]:
    """Columns of a folder's Parquet files, or of those of these `names`, a row group at a time."""
    # A plan needs what is listed, and reads no document.
    import pyarrow.parquet as pq
    from datatrove.io import get_datafolder

    from pipelines.document_files import document_files
    from pipelines.document_io import readable

    place = get_datafolder(folder)
    for name in document_files(place) if names is None else names:
        with readable(place, name), place.open(name, "rb") as file:
            parquet = pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
            for group in range(parquet.num_row_groups):
                yield parquet.read_row_group(group, columns)


def places(workspace: Workspace, room: str) -> list[Pair]:
    """The sources and languages that have a complete folder in a room of the workspace."""
    fs, root = fsspec.core.url_to_fs(workspace.at(room))
    found = sorted(glob(fs, f"{root}/*/*/manifest.json"))
    return [(each.split("/")[-3], each.split("/")[-2]) for each in found]


def workspace_text(workspace: Workspace, name: str) -> str | None:
    """The text of a file of the workspace, None where it is not there."""
    fs, path = fsspec.core.url_to_fs(workspace.at(name))
    try:
        content: bytes = fs.cat_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BabelmixError(f"{workspace.at(name)}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
