"""Where a token of a mixture came from and why it was kept, and where a document of the workspace is read.

The chain is checked link by link: the mixture's manifest names the fingerprints of its tokens, theirs that of the
documents they were made from. What was made again since is not taken for what the mixture was made of.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.indexed import IndexedDataset
from mixtures.lineage import Lineage, Reading
from pipelines.collect import input_fingerprint
from pipelines.document_index import DocumentIndex, Place, category_number, nth_of_category, read_row
from pipelines.passed_rules import passed_rules
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.language import language
from sources.profile import HUB
from sources.source import source, sources

# What a generated document's metadata name.
_ORIGIN: Final = ("model", "revision", "prompt", "prompts", "seed", "template", "verifier", "replayed")
PARENTS: Final = ("source_id", "evidence_id")
# Rows that were dropped and are looked through without an index for the copies of one document.
_SCANNED: Final = 200_000
# Copies whose ids are named; how many there are is said of all.
_NAMED: Final = 100


class Tracer:
    """Traces tokens and documents of the mixture in the folder `mixture`.

    `workspace` is where it was built, by default the one in which it lies; a local folder.

    Raises:
        BabelmixError: the mixture or its tokens are missing or damaged.
    """

    def __init__(self, mixture: str | Path, workspace: str | None = None) -> None:
        self.lineage = Lineage(mixture, workspace)
        self.workspace = Workspace(str(self.lineage.workspace))
        self._rows: list[dict[str, Any]] = self.lineage.totals["buckets"]
        self._buckets = [_Bucket(self.lineage, self.workspace, number) for number in range(len(self._rows))]

    def sequence(self, number: int, length: int) -> list[dict[str, Any]]:
        """The documents of the `number`-th sequence of `length` tokens, in their order, each briefly.

        `from` and `to` are the document's tokens within the sequence, `cut` whether it goes on beyond it.
        """
        start = self._start(number, length)
        return [
            {
                "from": max(found.start - start, 0),
                "to": min(found.stop - start, length),
                "cut": found.start < start or found.stop > start + length,
                **self._brief(found),
            }
            for found in self.lineage.between(start, start + length)
        ]

    def token(self, number: int, length: int, token: int) -> dict[str, Any]:
        """Everything that is known of the document to which one token of a sequence belongs.

        Raises:
            BabelmixError: there is no such token, or the documents were made again since the mixture was.
        """
        if not 0 <= token < length:
            raise BabelmixError(f"--token {token}: a sequence has the tokens from 0 to {length - 1}")
        start = self._start(number, length)
        found = self.lineage.at(start + token)
        place = {"sequence": number, "token": token, "token_of_document": start + token - found.start}
        return {**place, **self._reading(found), **self._whole(found)}

    def document(
        self, document_id: str, length: int, source_name: str | None = None, language: str | None = None
    ) -> list[dict[str, Any]]:
        """Every document of the mixture that has this id, with where and in which epochs it is read.

        Ids are unique within a source and language; several sources may use one.

        Raises:
            BabelmixError: no document of the mixture has it; says which filter dropped it where one did.
        """
        found = []
        for number, bucket in enumerate(self._buckets):
            if source_name not in (None, bucket.source) or language not in (None, bucket.language):
                continue
            for places in bucket.find(document_id):
                readings = [reading for place in places for reading in self.lineage.readings(number, place)]
                readings.sort(key=lambda reading: reading.start)
                found.append(
                    {
                        **self._whole(number=number, document=places[0]),
                        "readings": [self._reading(each, length) for each in readings],
                    }
                )
        if not found:
            raise BabelmixError(self._absent(document_id, source_name, language))
        return found

    def index(self) -> int:
        """Makes what is not yet made of the look-up tables by id; returns how many documents they hold."""
        made = 0
        for bucket in {bucket.curated: bucket for bucket in self._buckets}.values():
            made += len(bucket.ids)
            for copies in _copies(self.workspace, bucket.language, scan=None).values():
                made += len(copies)
        return made

    def _start(self, number: int, length: int) -> int:
        whole = self.lineage.tokens // length if length > 0 else 0
        if not 0 <= number < whole:
            raise BabelmixError(
                f"--sequence {number}: of {length} tokens each the mixture has {whole:,} sequences, counted from 0"
            )
        return number * length

    def _reading(self, found: Reading, length: int | None = None) -> dict[str, Any]:
        size, given = self.lineage.sizes[found.bucket], self.lineage.given[found.bucket]
        read: dict[str, Any] = {"epoch": found.epoch, "epochs": -(-given // size)}
        read |= {"entry": found.entry, "first_token": found.start, "tokens": found.length}
        if length:
            first, last = found.sequences(length)
            read |= {"first_sequence": first, "last_sequence": last}
        return read

    def _brief(self, found: Reading) -> dict[str, Any]:
        bucket = self._buckets[found.bucket]
        row = read_row(bucket.folder, bucket.place(found.document), ["id", "url"])
        names = {name: self._rows[found.bucket][name] for name in ("category", "source", "language")}
        return {"id": row["id"], "url": row["url"], **names, "epoch": found.epoch, "tokens": found.length}

    def _whole(
        self, found: Reading | None = None, number: int | None = None, document: int | None = None
    ) -> dict[str, Any]:
        if found is not None:
            number, document = found.bucket, found.document
        assert number is not None and document is not None
        bucket = self._buckets[number]
        row = read_row(bucket.folder, bucket.place(document))
        metadata: dict[str, Any] = json.loads(row["metadata"]) if row["metadata"] else {}
        scores = dict(row["scores"] or ())
        made = _made_by(self.workspace, bucket.curated)
        decided = next((step for step in made if step["step"] == "curate"), None)
        return {
            "id": row["id"],
            "source": row["source"],
            "language": row["language"],
            "category": row["category"],
            "url": row["url"],
            "revision": _revision(row["source"], made),
            "metadata": metadata,
            "synthetic": _synthetic(metadata),
            "passed": passed_rules(decided["settings"], row["category"], scores) if decided else [],
            "scores": scores,
            "duplicates": self._duplicates(bucket, row, scores),
            "made_by": [{key: step[key] for key in ("folder", "step", "version", "fingerprint")} for step in made],
            "text": row["text"],
        }

    def _duplicates(
        self, bucket: "_Bucket", row: Mapping[str, Any], scores: Mapping[str, float]
    ) -> dict[str, Any]:
        """The documents that were dropped in favour of this one, in its own source and in others."""
        cluster = int(scores.get("duplicates.cluster_size", 1))
        found: list[dict[str, Any]] = []
        unread = []
        for folder, copies in _copies(self.workspace, bucket.language, _SCANNED).items():
            own = folder == f"dropped/{bucket.source}/{bucket.language}"
            if own and cluster == 1:
                continue
            if copies is None:
                unread.append(folder)
                continue
            name = row["id"] if own else f"{bucket.source}: {row['id']}"
            for place in copies.find(name)[:_NAMED]:
                held = read_row(self.workspace.at(folder), place)
                if held["filter"] == "duplicates" and held["detail"] == name:
                    where = {"source": folder.split("/")[1], "language": bucket.language}
                    found.append({"id": held["id"], **where, "reason": held["reason"]})
        return {"cluster_size": cluster, "stood_for": found, "not_indexed": unread}

    def _absent(self, document_id: str, source_name: str | None, language: str | None) -> str:
        for bucket in {bucket.curated: bucket for bucket in self._buckets}.values():
            if source_name not in (None, bucket.source) or language not in (None, bucket.language):
                continue
            folder = f"dropped/{bucket.source}/{bucket.language}"
            manifest = self.workspace.manifest(folder)
            if manifest is None:
                continue
            index = DocumentIndex(self.workspace, folder, "id", manifest["fingerprint"])
            for place in index.find(document_id):
                row = read_row(self.workspace.at(folder), place)
                if row["id"] == document_id:
                    detail = f" ({row['detail']})" if row["detail"] else ""
                    return (
                        f"{document_id}: not in this mixture; in {bucket.source} {bucket.language} the filter"
                        f" {row['filter']} dropped it: {row['reason']}{detail}"
                    )
        return f"{document_id}: no document of this mixture has this id; ids are those of the source, in full"


class _Bucket:
    """A bucket's documents: from their numbers in the order to the rows that they were made from."""

    def __init__(self, lineage: Lineage, workspace: Workspace, number: int) -> None:
        row = lineage.totals["buckets"][number]
        self._lineage, self._workspace, self._number = lineage, workspace, number
        self.category, self.source, self.language = row["category"], row["source"], row["language"]
        self._fingerprint: str = row["fingerprint"]

    @property
    def curated(self) -> str:
        """The folder of documents that the bucket's tokens were made from, relative to the workspace.

        Raises:
            BabelmixError: tokens or documents were made again since the mixture was.
        """
        return self._chain[0]

    @property
    def folder(self) -> str:
        """The path or URL of that folder."""
        return self._workspace.at(self.curated)

    @property
    def ids(self) -> DocumentIndex:
        """The folder's documents by their ids."""
        return DocumentIndex(self._workspace, self.curated, "id", self._chain[1])

    def place(self, number: int) -> Place:
        """The row of the bucket's `number`-th document."""
        shard, place = self._lineage.shard_of(self._number, number)
        distinct = int(_distinct(shard, place + 1)[-1])
        return nth_of_category(self.folder, _file(shard), self.category, distinct)

    def find(self, document_id: str) -> Iterator[list[int]]:
        """The numbers of each document of the bucket with an id: several where it is repeated within an epoch."""
        for place in self.ids.find(document_id):
            row = read_row(self.folder, place, ["id", "category"])
            if row["id"] == document_id and row["category"] == self.category:
                yield self.numbers(place)

    def numbers(self, place: Place) -> list[int]:
        """The numbers in the bucket of the document in a row."""
        before = 0
        for shard in self._lineage.shards(self._number):
            if _file(shard) == place.file:
                own = _distinct(shard, len(shard)) == category_number(self.folder, place, self.category)
                return [before + int(each) for each in np.flatnonzero(own)]
            before += len(shard)
        return []

    @cached_property
    def _chain(self) -> tuple[str, str]:
        name = f"tokens/{self.category}/{self.source}/{self.language}"
        tokens = self._workspace.manifest(name)
        if tokens is None or tokens["fingerprint"] != self._fingerprint:
            raise BabelmixError(
                f"{self._workspace.at(name)}: made again since the mixture was; build that again too"
            )
        ((folder, fingerprint),) = tokens["identity"]["inputs"].items()
        documents = self._workspace.manifest(folder)
        if documents is None or documents["fingerprint"] != fingerprint:
            raise BabelmixError(
                f"{self._workspace.at(folder)}: made again since its tokens were; build the mixture again"
            )
        return folder, fingerprint


def _file(shard: IndexedDataset) -> int:
    """The number of the file of documents that a shard was made from."""
    return int(Path(shard.prefix).name)


def _distinct(shard: IndexedDataset, stop: int) -> npt.NDArray[np.int64]:
    """Which document each of a shard's first sequences is: one that is repeated is several in one place."""
    offsets = shard.offsets[:stop]
    return np.concatenate([[0], np.cumsum(offsets[1:] != offsets[:-1])])


def _copies(workspace: Workspace, language: str, scan: int | None) -> dict[str, Any]:
    """What was dropped of a language by the document that was kept instead; None for a folder without index.

    A folder of at most `scan` rows is indexed as it is asked for, None for any number.
    """
    found: dict[str, Any] = {}
    for name in sources():
        folder = f"dropped/{name}/{language}"
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


def _made_by(workspace: Workspace, folder: str) -> list[dict[str, Any]]:
    """The steps that made a folder, the first ones first; what was made again since says so."""
    found: dict[str, dict[str, Any]] = {}

    def walk(name: str, fingerprint: str | None) -> None:
        manifest = workspace.manifest(name)
        if manifest is None or name in found:
            return
        identity = manifest["identity"]
        for each, wanted in identity["inputs"].items():
            # What came first in the language says which texts were there, and nothing of this document.
            if not (identity["step"] == "curate" and each.startswith("curated/")):
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


def _revision(name: str, made: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Which copy of the source was read: the profile, and on the Hub the pinned commit.

    The commit is the catalog's; where the catalog no longer says what was read, there is none.
    """
    collected = next((step["settings"] for step in made if step["step"] == "collect"), None)
    if collected is None or name not in sources():
        return {"profile": None, "hub_id": None, "revision": None}
    found = source(name)
    pinned = collected["profile"] == HUB and collected["input"] == input_fingerprint(
        found, language(collected["language"]), HUB
    )
    return {
        "profile": collected["profile"],
        "hub_id": found.hub_id,
        "revision": found.revision if pinned else None,
        "input": collected["input"],
    }


def _synthetic(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Model, prompt and what it was made from, where a model wrote the document."""
    if "model" not in metadata or not {"prompt", "prompts"} & metadata.keys():
        return None
    return {key: metadata[key] for key in (*_ORIGIN, *PARENTS) if key in metadata}
