"""What says the same as a removed document, or nearly the same, in any source of its language.

Looked for among what was measured, not among what was dropped: a copy that was kept after the removal of another
is found too. What was mined or written by a model is measured as it is read; of all else the signatures are read,
and texts only of what may be a copy. The measures are those of curation: the text without regard to case and white
space, or five words in a row in common, by Jaccard's similarity. In memory are the signatures and shingles of the
removed documents.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datatrove.io import get_datafolder

from filters.settings import MinHash
from filters.statistics import BANDS, measure
from pipelines.document_files import document_files
from pipelines.document_io import readable
from pipelines.removals import Pair, tables
from pipelines.workspace import Workspace
from sources.language import Language
from sources.language import language as registered
from sources.removals import Removal, Removals

_SIGNATURES: Final = ["id", "duplicates.exact", "duplicates.bands"]
# Documents that are measured at once.
_ROWS: Final = 1000
_Hashes = npt.NDArray[np.uint64]


@dataclass(slots=True)
class _Removed:
    """The removed documents of one language, by their signatures."""

    ids: list[str] = field(default_factory=list)
    shingles: list[_Hashes] = field(default_factory=list)
    exact: dict[int, int] = field(default_factory=dict)
    # Of each band, the documents by its hash.
    bands: list[dict[int, list[int]]] = field(default_factory=lambda: [defaultdict(list) for _ in range(BANDS)])

    def add(self, document_id: str, exact: int, bands: _Hashes, shingles: _Hashes) -> None:
        number = len(self.ids)
        self.ids.append(document_id)
        self.shingles.append(shingles)
        self.exact.setdefault(exact, number)
        for held, band in zip(self.bands, bands.tolist(), strict=True):
            held[band].append(number)

    def candidates(self, exact: _Hashes, bands: _Hashes) -> npt.NDArray[np.bool_]:
        """Which documents agree with one of these in a signature."""
        found = np.isin(exact, np.fromiter(self.exact, np.uint64, len(self.exact)))
        for number, held in enumerate(self.bands):
            found |= np.isin(bands[:, number], np.fromiter(held, np.uint64, len(held)))
        return found

    def like(self, exact: int, bands: _Hashes, shingles: _Hashes, overlap: float) -> str | None:
        """The id of the removed document that a document is a copy of, or nearly is."""
        if exact in self.exact:
            return self.ids[self.exact[exact]]
        near = {one for held, band in zip(self.bands, bands.tolist(), strict=True) for one in held.get(band, ())}
        return next(
            (self.ids[one] for one in sorted(near) if _similar(self.shingles[one], shingles, overlap)), None
        )


def near_duplicates(
    workspace: Workspace,
    removed: Mapping[Pair, Mapping[str, str]],
    sources: Mapping[str, list[str]],
    made: Collection[Pair] = (),
) -> Removals:
    """The copies and near-copies of `removed`, ids by source and language, that are not removed themselves.

    `sources` are those that are looked at, by language: what was measured, and what a step `made` itself.
    """
    overlap = MinHash().overlap
    found: list[Removal] = []

    def groups_of(source: str, language: Language) -> Iterator[_Group]:
        of = _made_groups if (source, language.code) in made else _groups
        return of(workspace, source, language)

    for code in sorted({language for (_, language), ids in removed.items() if ids}):
        spoken, gone = registered(code), _Removed()
        for name in sources.get(code, []):
            ids = pa.array(list(removed.get((name, code), {})), pa.string())
            for group in groups_of(name, spoken) if len(ids) else ():
                own = np.flatnonzero(pc.is_in(group.table["id"], ids).to_numpy())
                for row, shingles in zip(own.tolist(), group.shingles(own, spoken), strict=True):
                    gone.add(group.table["id"][row].as_py(), int(group.exact[row]), group.bands[row], shingles)
        for name in sources.get(code, []) if gone.ids else []:
            for group in groups_of(name, spoken):
                wanted = np.flatnonzero(gone.candidates(group.exact, group.bands))
                for row, shingles in zip(wanted.tolist(), group.shingles(wanted, spoken), strict=True):
                    each = group.table["id"][row].as_py()
                    of = gone.like(int(group.exact[row]), group.bands[row], shingles, overlap)
                    if of is not None and each not in removed.get((name, code), {}):
                        because = f"near-duplicate of {of}"
                        found.append(Removal(id=each, source=name, language=code, because=because))
    return Removals(found)


@dataclass(frozen=True, slots=True)
class _Group:
    """The signatures of a row group, and where its texts are."""

    table: pa.Table
    exact: _Hashes
    bands: _Hashes
    texts: Any

    def shingles(self, rows: npt.NDArray[np.int64], language: Language) -> list[_Hashes]:
        """The distinct shingles of some rows."""
        if not len(rows):
            return []
        measured = measure(self.texts().take(pa.array(rows)).combine_chunks(), language)
        return [np.unique(measured.shingles[number]) for number in range(len(rows))]


def _made_groups(workspace: Workspace, source: str, language: Language) -> Iterator[_Group]:
    for table in tables(workspace.at(f"curated/{source}/{language.code}"), ["id", "text"]):
        for start in range(0, len(table), _ROWS):
            part = table.slice(start, _ROWS)
            found = measure(part["text"].combine_chunks(), language)

            def texts(part: pa.Table = part) -> pa.ChunkedArray:
                return part["text"]

            yield _Group(part, found.exact, found.bands, texts)


def _groups(workspace: Workspace, source: str, language: Language) -> Iterator[_Group]:
    place = f"{source}/{language.code}"
    beside, of = (get_datafolder(workspace.at(f"{room}/{place}")) for room in ("measured", "collected"))
    for name in document_files(beside):
        with readable(beside, name), beside.open(name, "rb") as left, of.open(name, "rb") as right:
            measured, documents = (
                pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False) for file in (left, right)
            )
            for group in range(measured.num_row_groups):
                table = measured.read_row_group(group, _SIGNATURES)
                bands = table["duplicates.bands"].combine_chunks().flatten().to_numpy().reshape(-1, BANDS)

                def texts(group: int = group, left: Any = measured, right: Any = documents) -> pa.ChunkedArray:
                    own = [file.read_row_group(group, ["text"])["text"] for file in (left, right)]
                    return pc.coalesce(*own)

                yield _Group(table, table["duplicates.exact"].to_numpy(), bands, texts)


def _similar(one: _Hashes, other: _Hashes, overlap: float) -> bool:
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both > 0 and both >= overlap * (len(one) + len(other) - both)
