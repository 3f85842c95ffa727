"""From a bucket's documents as the order counts them to the rows that they were made from, and back.

The chain is checked: the mixture's manifest names the fingerprint of its tokens, theirs that of the documents they
were made from. What was made again since is not taken for what the mixture was made of.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mixtures.indexed import IndexedDataset
from mixtures.lineage import Lineage
from pipelines.document_index import DocumentIndex, Place, category_number, nth_of_category, read_row
from pipelines.workspace import Workspace
from sources.errors import BabelmixError


class TracedBucket:
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
        return nth_of_category(self.folder, _file(shard.prefix), self.category, distinct)

    def find(self, document_id: str) -> Iterator[list[int]]:
        """The numbers of each document of the bucket with an id: several where it is repeated within an epoch."""
        for place in self.ids.find(document_id):
            row = read_row(self.folder, place, ["id", "category"])
            if row["id"] == document_id and row["category"] == self.category:
                yield self.numbers(place)

    def numbers(self, place: Place) -> list[int]:
        """The numbers in the bucket of the document in a row."""
        starts = self._lineage.starts(self._number)
        for prefix, before in zip(self._lineage.prefixes(self._number), starts[:-1].tolist(), strict=True):
            if _file(prefix) == place.file:
                shard = IndexedDataset(prefix)
                own = _distinct(shard, len(shard)) == category_number(self.folder, place, self.category)
                return [before + int(each) for each in np.flatnonzero(own)]
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


def _file(prefix: str) -> int:
    """The number of the file of documents that a file of tokens was made from."""
    return int(Path(prefix).name)


def _distinct(shard: IndexedDataset, stop: int) -> npt.NDArray[np.int64]:
    """Which document each of a shard's first sequences is: one that is repeated is several in one place."""
    offsets = shard.offsets[:stop]
    return np.concatenate([[0], np.cumsum(offsets[1:] != offsets[:-1])])
