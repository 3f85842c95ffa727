"""What the workspace knows of a document beside its row: the steps that made it, its revision, its copies."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipelines.document_index import DocumentIndex
from pipelines.input_fingerprint import input_fingerprint
from pipelines.workspace import Workspace
from sources.language import language
from sources.source import Source, source, sources

# What a generated document's metadata say of how it was made, and of what.
ORIGIN: Final = ("model", "revision", "prompt", "prompts", "seed", "template", "verifier", "replayed")
PARENTS: Final = ("source_id", "evidence_id")


def copies(workspace: Workspace, code: str, scan: int | None) -> dict[str, Any]:
    """What was dropped of a language by the document that was kept instead; None for a folder without index.

    A folder of at most `scan` rows is indexed as it is asked for, None for any number.
    """
    found: dict[str, Any] = {}
    for name in sources():
        folder = f"dropped/{name}/{code}"
        manifest = workspace.manifest(folder)
        if manifest is None or manifest["identity"]["step"] != "curate":
            continue
        rows = sum(each["documents"] for each in manifest["totals"]["dropped"])
        known = DocumentIndex.stands(workspace, folder, "detail", manifest["fingerprint"])
        if known or scan is None or rows <= scan:
            found[folder] = DocumentIndex(workspace, folder, "detail", manifest["fingerprint"])
        else:
            found[folder] = None
    return found


def made_by(workspace: Workspace, folder: str) -> list[dict[str, Any]]:
    """The steps that made a folder, the first ones first; what was made again since says so."""
    found: dict[str, dict[str, Any]] = {}

    def walk(name: str, fingerprint: str | None) -> None:
        manifest = workspace.manifest(name)
        if manifest is None or name in found:
            return
        identity = manifest["identity"]
        for each, wanted in identity["inputs"].items():
            # What came first in the language says which texts were there, and nothing of this document; nor do
            # the pairs of other languages.
            if not (
                identity["step"] == "across" or (identity["step"] == "curate" and each.startswith("curated/"))
            ):
                walk(each, wanted)
        found[name] = {
            "folder": name,
            "step": identity["step"],
            "version": identity["version"],
            "fingerprint": manifest["fingerprint"],
            "settings": identity["settings"],
            "stands": fingerprint in (None, manifest["fingerprint"]),
        }

    walk(folder, None)
    return list(found.values())


def revision(name: str, made: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which copy of the source was read: the profile, and on the Hub the pinned commit.

    The commit is the catalog's; where the catalog no longer says what was read, there is none.
    """
    collected = next((step["settings"] for step in made if step["step"] in ("collect", "mine")), None)
    if collected is None or name not in sources():
        return {"profile": None, "hub_id": None, "revision": None}
    found = source(name)
    pinned = collected["profile"] == "hub" and collected["input"] == _on_the_hub(found, collected["language"])
    return {
        "profile": collected["profile"],
        "hub_id": found.hub_id,
        "revision": found.revision if pinned else None,
        "input": collected["input"],
    }


def _on_the_hub(found: Source, code: str) -> str:
    return input_fingerprint(found, language(code), "hub")


def synthetic(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Model, prompt and what it was made from, where a model wrote the document."""
    if "model" not in metadata or not {"prompt", "prompts"} & metadata.keys():
        return None
    return {key: metadata[key] for key in (*ORIGIN, *PARENTS) if key in metadata}
