"""Duplicates of one language: candidates by datatrove's MinHash, each held against the text that is kept.

Four stages, as datatrove has them: signatures of every file (`Signatures`), matches in every bucket,
clusters of matches, and the filter (`Duplicates`). Between the last two stands `Verify`: a cluster is a chain
of likely matches, and the ends of a chain of template-heavy texts may have nothing in common but the template.
The first document of a cluster, in the order of the files, is kept; a later one is dropped only if it is the
same text or shares enough n-grams with a document that is kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike, get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import TextNormConfig, ngrams, simplify_text
from datatrove.utils.word_tokenizers import WordTokenizer

from filters.settings import MinHash
from filters.verdict import Drop, Judge
from sources.language import Language

Hashes: TypeAlias = npt.NDArray[np.uint64]

# Documents of one cluster that are kept and compared with. A cluster with more of them is made of a template;
# what matches none of these stays.
_MOST_COMPARED = 64
_VERDICTS = pa.schema(
    [
        # The row in the file of this rank.
        pa.field("row", pa.int64(), nullable=False),
        # Documents that are one and the same by this verdict, the kept one included.
        pa.field("size", pa.int64(), nullable=False),
        # Null where the document is kept: "exact" or "near", and the document that is kept instead.
        pa.field("reason", pa.string()),
        pa.field("kept", pa.string()),
    ]
)


def minhash_config(settings: MinHash, language: Language) -> MinhashConfig:
    """datatrove's configuration of `settings`.

    Texts are compared in lower case, without punctuation, numbers as one digit and, where words are spaced,
    without diacritics. Elsewhere the marks stay: the dictionary finds no words without them.
    """
    return MinhashConfig(
        n_grams=settings.n_grams,
        num_buckets=settings.buckets,
        hashes_per_bucket=settings.hashes,
        seed=settings.seed,
        norm_config=TextNormConfig(norm_unicode_diacritics=language.segmentation.rule == "spaces"),
        hash_config=HashConfig(precision=64),
    )


def exact_hash(text: str) -> int:
    """64 bits of a text without regard to case and white space."""
    return xxhash.xxh3_64_intdigest(" ".join(text.casefold().split()))


class Signatures(MinhashDedupSignature):  # type: ignore[misc]
    """Stage 1: a rank's signatures to `output`, one set for each document of the rank, in order.

    `near` are the categories whose near-duplicates are wanted; of the others only the same text is found.
    A text of fewer words than an n-gram is one n-gram: short documents have duplicates too.
    """

    def __init__(
        self,
        output: DataFolderLike,
        config: MinhashConfig,
        words: WordTokenizer,
        near: tuple[str, ...],
    ) -> None:
        super().__init__(output, config, language=words)
        self.near = near

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> None:
        """Writes the signatures; yields nothing."""
        super().run((_Marked(each.text, self.wants_near(each)) for each in data), rank, world_size)

    def wants_near(self, document: Document) -> bool:
        """Whether near-duplicates of the document are wanted."""
        return document.metadata["category"] in self.near

    def get_shingles(self, text: str) -> npt.NDArray[np.uint64]:
        """The hashes of the text's n-grams, of shape (n-grams, 1)."""
        if isinstance(text, _Exact):
            return np.array([[exact_hash(text)]], dtype=np.uint64)
        words = self.word_tokenizer.word_tokenize(simplify_text(text, self.config.norm_config))
        if len(words) < self.config.n_grams:
            return np.array([[exact_hash(text)]], dtype=np.uint64)
        grams = (self._hash_func(" ".join(gram)) for gram in ngrams(words, self.config.n_grams))
        return np.fromiter(grams, dtype=np.uint64).reshape((-1, 1))


class _Exact(str):
    """A text of which only exact duplicates are wanted."""

    __slots__ = ()


class _Marked:
    __slots__ = ("text",)

    def __init__(self, text: str, near: bool) -> None:
        self.text = text if near else _Exact(text)


def buckets(signatures: DataFolderLike, output: DataFolderLike, config: MinhashConfig) -> PipelineStep:
    """Stage 2: the pairs of documents that match in a bucket. Runs as `config.num_buckets` tasks."""
    return MinhashDedupBuckets(signatures, output, config=config)


def clusters(pairs: DataFolderLike, output: DataFolderLike, config: MinhashConfig) -> PipelineStep:
    """Stage 3: the clusters of all pairs. One task."""
    return MinhashDedupCluster(pairs, output, config=config, save_cluster_id=True, save_cluster_size=True)


@dataclass(slots=True)
class _Kept:
    id: str
    row: dict[str, Any]
    shingles: Hashes | None


@dataclass(slots=True)
class _Cluster:
    last: int
    kept: list[_Kept] = field(default_factory=list)
    by_hash: dict[int, _Kept] = field(default_factory=dict)


class Verify(PipelineStep):
    """Holds each document of a cluster against those of it that are kept. One task, all files in order.

    `counts` are the documents of each file, `found` the folder of stage 3; the verdicts go to `output`, one
    file for each file that has documents in a cluster. Memory grows with the duplicates, not the documents.
    """

    type = "🫂 - DEDUP"
    name = "verify"

    def __init__(
        self,
        found: DataFolderLike,
        output: DataFolderLike,
        counts: Sequence[int],
        signatures: Signatures,
        overlap: float,
    ) -> None:
        super().__init__()
        self.found = get_datafolder(found)
        self.output = get_datafolder(output)
        self.counts = list(counts)
        self.signatures = signatures
        self.overlap = overlap

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields the documents as they come."""
        starts = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)
        members = self._members(starts)
        open_clusters = {cluster: _Cluster(last) for last, cluster in members.items()}
        rows: dict[int, dict[str, Any]] = {}
        for position, document in enumerate(data):
            cluster = members.get(position)
            if cluster is not None:
                with self.track_time():
                    held = open_clusters[cluster]
                    rows[position] = self._verdict(document, held)
                    if held.last == position:
                        del open_clusters[cluster]
            yield document
        self._write(rows, starts)

    def _members(self, starts: npt.NDArray[np.int64]) -> dict[int, int]:
        """The cluster of each document that is in one, by its position over all files, in order."""
        members: dict[int, int] = {}
        for number in range(len(self.counts)):
            name = f"{number:06d}.clusters"
            if self.found.isfile(name):
                with self.found.open(name, "rb") as file:
                    pairs = np.frombuffer(file.read(), dtype="<u4").reshape(-1, 2)
                members |= {int(starts[number]) + int(row): int(cluster) for row, cluster in pairs}
        return members

    def _verdict(self, document: Document, cluster: _Cluster) -> dict[str, Any]:
        same = exact_hash(document.text)
        shingles = self._shingles(document)
        twin, reason = cluster.by_hash.get(same), "exact"
        if twin is None and shingles is not None:
            twin, reason = self._nearest(shingles, cluster.kept), "near"
        if twin is None:
            row = {"size": 1, "reason": None, "kept": None}
            kept = _Kept(document.id, row, shingles)
            cluster.by_hash[same] = kept
            if len(cluster.kept) < _MOST_COMPARED:
                cluster.kept.append(kept)
            return row
        cluster.by_hash[same] = twin
        twin.row["size"] += 1
        return {"twin": twin.row, "reason": reason, "kept": twin.id}

    def _shingles(self, document: Document) -> Hashes | None:
        if not self.signatures.wants_near(document):
            return None
        return np.unique(self.signatures.get_shingles(document.text))

    def _nearest(self, shingles: Hashes, kept: list[_Kept]) -> _Kept | None:
        best, best_overlap = None, self.overlap
        for each in kept:
            if each.shingles is None:
                continue
            common = len(np.intersect1d(shingles, each.shingles, assume_unique=True))
            overlap = common / (len(shingles) + len(each.shingles) - common)
            # The first of equals: the earliest document.
            if overlap > best_overlap or (best is None and overlap == best_overlap):
                best, best_overlap = each, overlap
        return best

    def _write(self, rows: dict[int, dict[str, Any]], starts: npt.NDArray[np.int64]) -> None:
        by_file: dict[int, list[dict[str, Any]]] = {}
        for position, row in rows.items():
            number = int(np.searchsorted(starts, position, side="right")) - 1
            size = row["twin"]["size"] if "twin" in row else row["size"]
            by_file.setdefault(number, []).append(
                {"row": position - int(starts[number]), "size": size, **_pick(row)}
            )
        for number, found in by_file.items():
            with self.output.open(_verdict_file(number), "wb") as file:
                pq.write_table(pa.Table.from_pylist(found, schema=_VERDICTS), file)


def _pick(row: dict[str, Any]) -> dict[str, Any]:
    return {"reason": row["reason"], "kept": row["kept"]}


def _verdict_file(number: int) -> str:
    return f"{number:05d}.verdicts.parquet"


class Duplicates(Judge):
    """Stage 4: drops what `Verify` found to be a copy; `value` is its cluster's size, `detail` the id kept.

    It must be the first step after the reader: a document is known by its place in the file of its rank.
    """

    name = "duplicates"
    filter: ClassVar[str] = "duplicates"

    def __init__(self, verdicts: DataFolderLike, dropped: DataFolderLike) -> None:
        super().__init__(dropped)
        self.verdicts = get_datafolder(verdicts)
        self._found: dict[int, dict[str, Any]] = {}
        self._row = -1

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields the documents that stay, in their order."""
        self._row, self._found = -1, {}
        if self.verdicts.isfile(_verdict_file(rank)):
            with self.verdicts.open(_verdict_file(rank), "rb") as file:
                self._found = {row["row"]: row for row in pq.read_table(file).to_pylist()}
        yield from super().run(data, rank, world_size)

    def judge(self, document: Document) -> Drop | None:
        """Why the document is dropped, or None if it stays."""
        self._row += 1
        found = self._found.get(self._row)
        size = found["size"] if found else 1
        document.metadata["scores"]["duplicates.cluster_size"] = float(size)
        if found is None or found["reason"] is None:
            return None
        return Drop(found["reason"], value=float(size), threshold=1.0, detail=found["kept"])
