"""Finds the copies among the documents of one source and language, from their signatures on disk.

Signatures are read once; what matches in a band is a candidate, and only candidates' texts are read again, to be
held against one another. Memory is some 40 bytes a document; signatures and shingles are memory maps in a
temporary folder.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.clusters import clusters
from filters.duplicates import duplicates, preference
from filters.standing import Newcomers, near_copies
from filters.statistics import BANDS, Ragged, measure
from filters.verdict import Drop
from filters.verdicts import Decision
from pipelines.document_files import document_files
from pipelines.document_io import row_batches_of, row_counts
from pipelines.measured_files import Group, groups
from pipelines.standing_files import Standing
from sources.language import Language

_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Copies:
    """What is a copy of what, one entry a document, in the order of the files."""

    # The place of the document that is kept instead, -1 for one that is no copy.
    kept: npt.NDArray[np.int64]
    # Documents that are one and the same by this verdict, the kept one included.
    size: npt.NDArray[np.int64]
    # The same text but for case and white space, or one that shares enough of its words.
    exact: npt.NDArray[np.bool_]
    # Ids of the documents that are kept instead of others, by their place.
    ids: dict[int, str]
    # The number of the document of an earlier source that each is a near-copy of, -1 for none; and how similar.
    standing: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]

    @classmethod
    def none(cls, count: int) -> "Copies":
        """No copies among `count` documents."""
        nothing = np.full(count, -1, dtype=np.int64)
        return cls(
            nothing.copy(), np.ones(count, np.int64), np.zeros(count, np.bool_), {}, nothing, np.zeros(count)
        )

    def slice(self, start: int, stop: int) -> "Copies":
        """The entries of the documents from `start` to `stop`."""
        part = slice(start, stop)
        return Copies(
            self.kept[part],
            self.size[part],
            self.exact[part],
            self.ids,
            self.standing[part],
            self.similarity[part],
        )

    def drop(self, row: int) -> Drop:
        """Why the copy in a row is dropped: `value` is its cluster's size, `detail` the id of what is kept."""
        reason = "exact" if self.exact[row] else "near"
        return Drop(reason, float(self.size[row]), 1.0, self.ids[int(self.kept[row])])


def find_copies(documents: str, measured: str, decision: Decision, standing: Standing) -> Copies:
    """The copies among the documents of a folder by what was measured of them; one is kept of each cluster.

    What stands in an earlier source is left out: it is dropped as that source's copy, by `standing`. What is
    kept of a cluster and passes the other filters is held against what stands, to find its near-copies.

    It is one that passes the other filters, if any does; of several the longest, since copies are cut more often
    than added to; and of these the first.
    """
    count = sum(row_counts(documents))
    copies = Copies.none(count)
    with tempfile.TemporaryDirectory() as folder:
        candidates = _Candidates.read(documents, measured, decision, standing, count, Path(folder))
        labels = clusters(candidates.bands, candidates.exact, candidates.near)
        sizes = np.bincount(labels, minlength=len(labels))[labels] if len(labels) else labels
        if (sizes > 1).any():
            shingles = _Shingles(Path(folder) / "shingles.u64", candidates.place[(sizes > 1) & candidates.near])
            shingles.read(_texts_at(documents, measured, shingles.place), decision.language)
            found = duplicates(
                labels,
                candidates.score,
                candidates.exact,
                candidates.near,
                lambda rows: shingles.of(candidates.place[rows]),
                decision.settings.minhash.overlap,
            )
            place = candidates.place
            is_copy = found.kept >= 0
            copies.kept[place[is_copy]] = place[found.kept[is_copy]]
            copies.size[place] = found.size
            copies.exact[place] = found.exact
            copies.ids.update(_ids(documents, np.unique(copies.kept[copies.kept >= 0])))
        if standing.sources:
            _against_standing(documents, measured, decision, standing, candidates, copies, Path(folder))
    return copies


def _against_standing(
    documents: str,
    measured: str,
    decision: Decision,
    standing: Standing,
    candidates: "_Candidates",
    copies: Copies,
    folder: Path,
) -> None:
    """Fills in which of the documents that would be kept are near-copies of documents of earlier sources."""
    rows = np.flatnonzero(candidates.near & candidates.passes & (copies.kept[candidates.place] < 0))
    newcomers = Newcomers(candidates.bands[rows], folder)
    for first, bands, held in standing.bands():
        newcomers.meet(bands, held + first)
    pairs = newcomers.pairs()
    if not len(pairs):
        return
    place = candidates.place[rows]
    new = _Shingles(folder / "new.u64", place[np.unique(pairs[:, 0])])
    new.read(_texts_at(documents, measured, new.place), decision.language)
    old = _Shingles(folder / "old.u64", np.unique(pairs[:, 1]))
    old.read(standing.texts(old.place), decision.language)
    found = near_copies(
        pairs, len(rows), decision.settings.minhash.overlap, lambda each: new.of(place[each]), old.of
    )
    copies.standing[place], copies.similarity[place] = found.document, found.similarity


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Signatures of the documents that are in their language and looked at for duplicates."""

    place: npt.NDArray[np.int64]
    bands: npt.NDArray[np.uint64]
    exact: npt.NDArray[np.uint64]
    near: npt.NDArray[np.bool_]
    # Whether each passes the other filters.
    passes: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float64]

    @classmethod
    def read(
        cls, documents: str, measured: str, decision: Decision, standing: Standing, count: int, folder: Path
    ) -> "_Candidates":
        bands = np.lib.format.open_memmap(
            folder / "bands.npy", mode="w+", dtype=np.uint64, shape=(max(count, 1), BANDS), fortran_order=True
        )
        place, exact = np.empty(count, np.int64), np.empty(count, np.uint64)
        near, passes, length = np.empty(count, np.bool_), np.empty(count, np.bool_), np.empty(count, np.float64)
        at = start = 0
        for group in _groups(documents, measured, ["category"]):
            table, categories = group.measured, group.documents["category"]
            verdicts = decision.verdicts(table, categories)
            wants_near = decision.meeting("near", categories)
            compared = verdicts.identified & (decision.meeting("exact", categories) | wants_near)
            wanted = np.flatnonzero(compared & ~standing.holds(table["duplicates.exact"].to_numpy()))
            to = slice(at, at + len(wanted))
            values = table["duplicates.bands"].combine_chunks().flatten().to_numpy().reshape(-1, BANDS)
            bands[to] = values[wanted]
            place[to], exact[to] = start + wanted, table["duplicates.exact"].to_numpy()[wanted]
            near[to] = wants_near[wanted]
            passes[to] = verdicts.passes[wanted]
            length[to] = table["quality.characters"].to_numpy()[wanted]
            at, start = at + len(wanted), start + len(table)
        score = preference(passes[:at], length[:at])
        return cls(place[:at], bands[:at], exact[:at], near[:at], passes[:at], score)


class _Shingles:
    """The distinct shingles of the documents at the sorted places `place`, in a file."""

    def __init__(self, path: Path, place: npt.NDArray[np.int64]) -> None:
        self._path, self.place = path, place
        self._offsets = np.zeros(len(place) + 1, dtype=np.int64)
        self._values: Any = np.zeros(0, dtype=np.uint64)

    def read(self, texts: Iterable[pa.ChunkedArray | pa.Array], language: Language) -> None:
        """Takes the documents' texts, in their order."""
        at = 0
        with self._path.open("wb") as file:
            for batch in texts:
                for part in _parts(batch):
                    found = measure(part, language).shingles
                    for row in range(len(found)):
                        distinct = np.unique(found[row])
                        distinct.tofile(file)
                        self._offsets[at + 1] = self._offsets[at] + len(distinct)
                        at += 1
        if at and self._offsets[at]:
            self._values = np.memmap(self._path, dtype=np.uint64, mode="r")

    def of(self, place: npt.NDArray[np.int64]) -> Ragged:
        """The shingles of the documents at `place`, distinct and sorted."""
        rows = np.searchsorted(self.place, place)
        parts = [self._values[self._offsets[row] : self._offsets[row + 1]] for row in rows]
        offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        return Ragged(np.concatenate([np.zeros(0, np.uint64), *parts]), offsets)


def _texts_at(documents: str, measured: str, place: npt.NDArray[np.int64]) -> Iterator[pa.ChunkedArray]:
    """The repaired texts of the documents at the sorted places `place`."""
    start = at = 0
    for group in _groups(documents, measured, ["text"]):
        stop = start + len(group.measured)
        last = int(np.searchsorted(place, stop))
        if last > at:
            yield group.texts().take(pa.array(place[at:last] - start))
        start, at = stop, last


def _groups(documents: str, measured: str, columns: list[str]) -> Iterator[Group]:
    for name in document_files(documents):
        yield from groups(documents, measured, name, columns)


def _parts(texts: pa.ChunkedArray | pa.Array) -> Iterator[pa.Array]:
    """The texts in arrays of bounded size."""
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text.as_py())
        size += len(held[-1])
        if size >= _BYTES:
            yield pa.array(held, pa.large_string())
            held, size = [], 0
    if held:
        yield pa.array(held, pa.large_string())


def _ids(documents: str, place: npt.NDArray[np.int64]) -> dict[int, str]:
    """The ids of the documents at `place`, sorted."""
    found: dict[int, str] = {}
    start = at = 0
    for name in document_files(documents):
        for batch in row_batches_of(documents, name, ["id"]):
            stop = start + len(batch)
            last = int(np.searchsorted(place, stop))
            found |= {int(each): batch["id"][int(each) - start].as_py() for each in place[at:last]}
            start, at = stop, last
    return found
