"""Where a token of a mixture came from and why it was kept, and where a document of the workspace is read.

All of it stands in the workspace already; nothing is written for it but the look-up tables by id.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mixtures.lineage import Lineage, Reading
from mixtures.local_copy import place_of
from pipelines.document_index import DocumentIndex, read_row
from pipelines.provenance import copies, made_by, revision, synthetic
from pipelines.traced_bucket import TracedBucket
from pipelines.workspace import Workspace
from sources.errors import BabelmixError

# Rows that were dropped and are looked through without an index for the copies of one document.
_SCANNED: Final = 200_000
_STEP: Final = ("folder", "step", "version", "fingerprint")
# Copies whose ids are named; how many there are is said of all.
_NAMED: Final = 100


class Tracer:
    """Traces tokens and documents of the mixture in the folder `mixture`.

    `workspace` is where it was built, by default the one in which it lies.

    Raises:
        BabelmixError: the mixture or its tokens are missing or damaged.
    """

    def __init__(self, mixture: str | Path, workspace: str | None = None) -> None:
        self.lineage = Lineage(mixture, workspace)
        self.workspace = Workspace(place_of(self.lineage.workspace))
        self._rows: list[dict[str, Any]] = self.lineage.totals["buckets"]
        self.buckets = [TracedBucket(self.lineage, self.workspace, number) for number in range(len(self._rows))]

    def sequence(self, number: int, length: int) -> list[dict[str, Any]]:
        """The documents of the `number`-th sequence of `length` tokens, in their order, each briefly.

        `from` and `to` are the document's tokens within the sequence, `cut` whether it goes on beyond it.
        """
        start = first_token(number, length, self.lineage.tokens)
        return self.between(start, start + length)

    def between(self, start: int, stop: int) -> list[dict[str, Any]]:
        """The documents of the tokens from `start` to `stop`, as `sequence` gives them."""
        return [
            {
                "from": max(found.start - start, 0),
                "to": min(found.stop, stop) - start,
                "cut": found.start < start or found.stop > stop,
                **self._brief(found),
            }
            for found in self.lineage.between(start, stop)
        ]

    def token(self, number: int, length: int, token: int) -> dict[str, Any]:
        """Everything that is known of the document to which one token of a sequence belongs.

        Raises:
            BabelmixError: there is no such token, or the documents were made again since the mixture was.
        """
        if not 0 <= token < length:
            raise BabelmixError(f"--token {token}: a sequence has the tokens from 0 to {length - 1}")
        start = first_token(number, length, self.lineage.tokens)
        return {"sequence": number, "token": token, **self.at(start + token)}

    def at(self, token: int) -> dict[str, Any]:
        """Everything that is known of the document to which a token of the mixture belongs."""
        found = self.lineage.at(token)
        return {"token_of_document": token - found.start, **self._reading(found), **self._whole(found)}

    def document(
        self, document_id: str, length: int, source_name: str | None = None, language: str | None = None
    ) -> list[dict[str, Any]]:
        """Every document of the mixture that has this id, with where and in which epochs it is read.

        Ids are unique within a source and language; several sources may use one.

        Raises:
            BabelmixError: no document of the mixture has it; says which filter dropped it where one did.
        """
        found = []
        for number, bucket in enumerate(self.buckets):
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
        return sum(dict(self.indexed()).values())

    def indexed(self) -> Iterator[tuple[str, int]]:
        """The folders that can be looked up by id, made so if they could not, and how many documents each has."""
        for bucket in {bucket.curated: bucket for bucket in self.buckets}.values():
            yield bucket.curated, len(bucket.ids)
            for folder, index in copies(self.workspace, bucket.language, scan=None).items():
                yield folder, len(index)

    def _reading(self, found: Reading, length: int | None = None) -> dict[str, Any]:
        size, given = self.lineage.sizes[found.bucket], self.lineage.given[found.bucket]
        read: dict[str, Any] = {"epoch": found.epoch, "epochs": -(-given // size)}
        read |= {"entry": found.entry, "first_token": found.start, "tokens": found.length}
        if length:
            first, last = found.sequences(length)
            read |= {"first_sequence": first, "last_sequence": last}
        return read

    def _brief(self, found: Reading) -> dict[str, Any]:
        bucket = self.buckets[found.bucket]
        row = read_row(bucket.folder, bucket.place(found.document), ["id", "url"])
        names = {name: self._rows[found.bucket][name] for name in ("category", "source", "language")}
        return {"id": row["id"], "url": row["url"], **names, "epoch": found.epoch, "tokens": found.length}

    def _whole(
        self, found: Reading | None = None, number: int | None = None, document: int | None = None
    ) -> dict[str, Any]:
        if found is not None:
            number, document = found.bucket, found.document
        assert number is not None and document is not None
        # It compiles what measures texts, which a question about a whole sequence need not wait for.
        from pipelines.passed_rules import passed_rules

        bucket = self.buckets[number]
        row = read_row(bucket.folder, bucket.place(document))
        metadata: dict[str, Any] = json.loads(row["metadata"]) if row["metadata"] else {}
        scores = dict(row["scores"] or ())
        steps = made_by(self.workspace, bucket.curated)
        # What was mined or written by a model met other checks than documents that were collected.
        decided = steps[-1] if steps and steps[-1]["step"] == "curate" else None
        return {
            "id": row["id"],
            "source": row["source"],
            "language": row["language"],
            "category": row["category"],
            "url": row["url"],
            "revision": revision(row["source"], steps),
            "metadata": metadata,
            "synthetic": synthetic(metadata),
            "passed": passed_rules(decided["settings"], row["category"], scores) if decided else [],
            "scores": scores,
            "duplicates": self._duplicates(bucket, row, scores),
            "made_by": [{key: step[key] for key in _STEP} for step in steps],
            "text": row["text"],
        }

    def _duplicates(
        self, bucket: "TracedBucket", row: Mapping[str, Any], scores: Mapping[str, float]
    ) -> dict[str, Any]:
        """The documents that were dropped in favour of this one, in its own source and in others."""
        cluster = int(scores.get("duplicates.cluster_size", 1))
        found: list[dict[str, Any]] = []
        unread = []
        for folder, index in copies(self.workspace, bucket.language, _SCANNED).items():
            own = folder == f"dropped/{bucket.source}/{bucket.language}"
            if own and cluster == 1:
                continue
            if index is None:
                unread.append(folder)
                continue
            name = row["id"] if own else f"{bucket.source}: {row['id']}"
            for place in index.find(name)[:_NAMED]:
                held = read_row(self.workspace.at(folder), place)
                if held["filter"] == "duplicates" and held["detail"] == name:
                    where = {"source": folder.split("/")[1], "language": bucket.language}
                    found.append({"id": held["id"], **where, "reason": held["reason"]})
        return {"cluster_size": cluster, "stood_for": found, "not_indexed": unread}

    def _absent(self, document_id: str, source_name: str | None, language: str | None) -> str:
        for bucket in {bucket.curated: bucket for bucket in self.buckets}.values():
            if source_name not in (None, bucket.source) or language not in (None, bucket.language):
                continue
            # Pairs are dropped as they are mined, and as documents are made of them.
            for name in (bucket.source, "bitext-across"):
                row = self._dropped(f"dropped/{name}/{bucket.language}", document_id)
                if row is not None:
                    detail = f" ({row['detail']})" if row["detail"] else ""
                    return (
                        f"{document_id}: not in this mixture; in {bucket.source} {bucket.language} the filter"
                        f" {row['filter']} dropped it: {row['reason']}{detail}"
                    )
        return f"{document_id}: no document of this mixture has this id; ids are those of the source, in full"

    def _dropped(self, folder: str, document_id: str) -> dict[str, Any] | None:
        """The row of a document in a folder of `dropped/`; None where there is none."""
        manifest = self.workspace.manifest(folder)
        if manifest is None:
            return None
        index = DocumentIndex(self.workspace, folder, "id", manifest["fingerprint"])
        rows = (read_row(self.workspace.at(folder), place) for place in index.find(document_id))
        return next((row for row in rows if row["id"] == document_id), None)


def first_token(number: int, length: int, tokens: int) -> int:
    """The first token of the `number`-th sequence of `length` tokens.

    Raises:
        BabelmixError: there are no so many sequences.
    """
    whole = tokens // length if length > 0 else 0
    if not 0 <= number < whole:
        raise BabelmixError(
            f"--sequence {number}: of {length} tokens each the mixture has {whole:,} sequences, counted from 0"
        )
    return number * length
