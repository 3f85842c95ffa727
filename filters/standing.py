"""What stands already: signatures of a source on disk, so that a new source is compared without recomputing them.

A folder holds, for each band and for the exact hashes, the sorted keys and the documents that have them, as plain
`.npy` files that are mapped into memory; the documents' ids; and `standing.json`, written last.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.statistics import Ragged
from sources.errors import BabelmixError

_VERSION: Final = 1
_DESCRIPTION: Final = "standing.json"
# Standing documents that a new one is held against, over all bands: of a template there may be millions.
MOST_CANDIDATES: Final = 64
# Keys that are looked up at once.
_BLOCK: Final = 1 << 16


def write_standing(
    folder: Path,
    source: str,
    ids: Sequence[str],
    bands: npt.NDArray[np.uint64],
    exact: npt.NDArray[np.uint64],
    near: npt.NDArray[np.bool_],
) -> None:
    """Writes the signatures of a source's documents: `bands` (documents, bands), the others (documents,).

    Takes the place of what stood in `folder`. A killed run leaves the old state or none that can be opened. On
    disk 16 bytes a document for each band and the exact hash, and the ids; in memory beyond the arguments 16 bytes
    a document, and the ids.
    """
    beside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    wanted = np.flatnonzero(near)
    for band in range(bands.shape[1]):
        _write_sorted(beside, f"band_{band:02d}", bands[wanted, band], wanted)
    _write_sorted(beside, "exact", exact, np.arange(len(exact)))
    encoded = [each.encode() for each in ids]
    np.save(beside / "ids.offsets.npy", np.cumsum([0, *map(len, encoded)], dtype=np.int64))
    np.save(beside / "ids.bytes.npy", np.frombuffer(b"".join(encoded), dtype=np.uint8))
    description = {
        "version": _VERSION,
        "source": source,
        "documents": len(exact),
        "near": len(wanted),
        "bands": bands.shape[1],
    }
    (beside / _DESCRIPTION).write_text(json.dumps(description) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _write_sorted(folder: Path, name: str, keys: npt.NDArray[np.uint64], documents: npt.NDArray[np.int64]) -> None:
    # Stable: of equal keys the first document comes first.
    order = np.argsort(keys, kind="stable")
    np.save(folder / f"{name}.keys.npy", keys[order])
    np.save(folder / f"{name}.documents.npy", documents[order])


class Standing:
    """The signatures in a folder, mapped into memory.

    Raises BabelmixError where they are missing, cut short, or of another version.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / _DESCRIPTION
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BabelmixError(f"{path}: no standing signatures ({error}); curate that source again") from error
        if not isinstance(found, dict) or found.get("version") != _VERSION:
            raise BabelmixError(f"{path}: not version {_VERSION} of standing signatures; curate that source again")
        self.folder = folder
        self.source: str = found["source"]
        self.documents: int = found["documents"]
        self.bands = [self._sorted(f"band_{band:02d}", found["near"]) for band in range(found["bands"])]
        """Sorted keys and their documents, for each band."""
        self.exact = self._sorted("exact", self.documents)
        """Sorted exact hashes and their documents."""
        self._id_offsets = self._mapped("ids.offsets", self.documents + 1)
        self._id_bytes = self._mapped("ids.bytes", int(self._id_offsets[-1]))

    def id(self, document: int) -> str:
        """The id of a document by its index."""
        start, end = self._id_offsets[document : document + 2].tolist()
        return self._id_bytes[start:end].tobytes().decode()

    def _sorted(self, name: str, count: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
        return self._mapped(f"{name}.keys", count), self._mapped(f"{name}.documents", count)

    def _mapped(self, name: str, count: int) -> npt.NDArray[Any]:
        path = self.folder / f"{name}.npy"
        try:
            array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BabelmixError(f"{path}: cannot be read ({error}); curate that source again") from error
        if array.shape != (count,):
            raise BabelmixError(f"{path}: {array.shape}, should be {(count,)}; curate that source again")
        return array


@dataclass(frozen=True, slots=True)
class Pairs:
    """New documents and standing ones that may be the same, each of shape (pairs,), sorted, none twice."""

    new: npt.NDArray[np.int64]
    # Which of the standing sources that were given, and which document of it.
    source: npt.NDArray[np.int64]
    document: npt.NDArray[np.int64]
    # Whether the exact hashes are equal; otherwise a band is.
    exact: npt.NDArray[np.bool_]


def against(
    standing: Sequence[Standing],
    bands: npt.NDArray[np.uint64],
    exact: npt.NDArray[np.uint64],
    near: npt.NDArray[np.bool_],
    most: int = MOST_CANDIDATES,
) -> Pairs:
    """The pairs of new documents, with `bands` (documents, bands), and standing ones that agree in a key.

    Of standing documents with the same exact hash only the first of the first source is given. Of those that agree
    in a band each new document gets at most `most` a source, the first of those in the first bands. Nothing but
    the standing keys that are looked at is read from disk. Memory is about 100 bytes a pair and 16 a new document,
    beside the pages of the maps.
    """
    parts = [np.zeros((0, 4), dtype=np.int64)]
    unmet = np.ones(len(exact), dtype=np.bool_)
    for number, each in enumerate(standing):
        if len(each.bands) != bands.shape[1]:
            raise BabelmixError(
                f"{each.folder}: {len(each.bands)} bands, the new documents have {bands.shape[1]}; "
                "measure both alike"
            )
        rows, documents = _equal(exact, np.flatnonzero(unmet), each.exact, 1)
        unmet[rows] = False
        parts.append(_rows(rows, number, documents, True))
    for number, each in enumerate(standing):
        found = np.zeros((0, 4), dtype=np.int64)
        wanted = np.flatnonzero(near & unmet)
        for band, keys in enumerate(each.bands):
            rows, documents = _equal(bands[:, band], wanted, keys, most)
            found = _sorted(np.concatenate([found, _rows(rows, number, documents, False)]))
            found = _first_of_each(found, most)
        parts.append(found)
    pairs = _sorted(np.concatenate(parts))
    return Pairs(pairs[:, 0], pairs[:, 1], pairs[:, 2], pairs[:, 3].astype(np.bool_))


def _rows(
    new: npt.NDArray[np.int64], source: int, documents: npt.NDArray[np.int64], exact: bool
) -> npt.NDArray[np.int64]:
    return np.column_stack([new, np.full(len(new), source), documents, np.full(len(new), exact)]).astype(np.int64)


def _sorted(pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The rows in order, each once."""
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    first = np.ones(len(pairs), dtype=np.bool_)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[first]


def _first_of_each(pairs: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """The first `most` rows of each new document; rows are sorted."""
    starts = np.searchsorted(pairs[:, 0], pairs[:, 0], side="left")
    return pairs[np.arange(len(pairs)) - starts < most]


def _equal(
    keys: npt.NDArray[np.uint64],
    wanted: npt.NDArray[np.int64],
    standing: tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]],
    most: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The `wanted` rows of `keys` and the documents whose keys are equal, at most `most` a row."""
    # In the order of the keys, so that the map is read from front to back.
    order = wanted[np.argsort(keys[wanted], kind="stable")]
    rows, documents = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        first = np.searchsorted(standing[0], keys[block], side="left")
        last = np.minimum(np.searchsorted(standing[0], keys[block], side="right"), first + most)
        counts = last - first
        rows.append(np.repeat(block, counts))
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        documents.append(np.asarray(standing[1][np.repeat(first, counts) + within]))
    return np.concatenate(rows), np.concatenate(documents)


@dataclass(frozen=True, slots=True)
class Copies:
    """What new documents are copies of, one entry a new document, each of shape (documents,)."""

    # The standing source, -1 for one that is no copy, and the document of it.
    source: npt.NDArray[np.int64]
    document: npt.NDArray[np.int64]
    exact: npt.NDArray[np.bool_]


def copies(
    pairs: Pairs,
    count: int,
    overlap: float,
    new_shingles: Callable[[npt.NDArray[np.int64]], Ragged] | None = None,
    standing_shingles: Callable[[int, npt.NDArray[np.int64]], Ragged] | None = None,
) -> Copies:
    """Which of `count` new documents are copies of standing ones, by the candidates that `against` found.

    Where both callbacks are given, of new documents and of (source, documents), a pair that agrees in a band is
    verified: the Jaccard similarity of its distinct shingles is at least `overlap`. Without them nothing can be
    held against anything, and only equal exact hashes count: a candidate alone is no reason to drop a document.
    The most similar standing document is given, of equals the first. The shingles of 256 pairs are in memory.
    """
    from filters.compiled_clusters import jaccard

    found = Copies(np.full(count, -1), np.full(count, -1), np.zeros(count, dtype=np.bool_))
    same = np.flatnonzero(pairs.exact)
    found.source[pairs.new[same]], found.document[pairs.new[same]] = pairs.source[same], pairs.document[same]
    found.exact[pairs.new[same]] = True
    if new_shingles is None or standing_shingles is None:
        return found
    best = np.full(count, overlap)
    by_source = np.flatnonzero(~pairs.exact)
    by_source = by_source[np.argsort(pairs.source[by_source], kind="stable")]
    for source in np.unique(pairs.source[by_source]):
        of_source = by_source[pairs.source[by_source] == source]
        for start in range(0, len(of_source), 256):
            block = of_source[start : start + 256]
            new, rows = np.unique(pairs.new[block], return_inverse=True)
            old, others = np.unique(pairs.document[block], return_inverse=True)
            mine, theirs = _sets(new_shingles(new)), _sets(standing_shingles(int(source), old))
            for pair, row, other in zip(block, rows, others, strict=True):
                document = pairs.new[pair]
                share = jaccard(mine[row], theirs[other], best[document])
                if share > best[document] or (share == best[document] and found.source[document] < 0):
                    found.source[document], found.document[document] = source, pairs.document[pair]
                    best[document] = share
    return found


def _sets(shingles: Ragged) -> Ragged:
    from filters.compiled_clusters import distinct

    values = np.array(shingles.values)
    return Ragged(values, distinct(values, shingles.offsets))


def in_priority(sources: Sequence[str], priority: Sequence[str]) -> list[str]:
    """`sources` as their texts are to be kept: those named in `priority` in its order, then the others by name."""
    rank = {name: number for number, name in enumerate(priority)}
    return sorted(sources, key=lambda name: (rank.get(name, len(rank)), name))


def in_earlier_sources(standing: Sequence[Standing], number: int) -> npt.NDArray[np.bool_]:
    """Which documents of `standing[number]` are, by their exact hash, also in one of those before it.

    Of shape (documents,). Give the sources, or a source's languages, in the order of `in_priority`: the first that
    has a text keeps it. Reads the maps from front to back; memory is one byte a document.
    """
    keys, documents = standing[number].exact
    found = np.zeros(standing[number].documents, dtype=np.bool_)
    for start in range(0, len(keys), _BLOCK):
        block = np.asarray(keys[start : start + _BLOCK])
        known = np.zeros(len(block), dtype=np.bool_)
        for each in standing[:number]:
            others = each.exact[0]
            if len(others):
                places = np.minimum(np.searchsorted(others, block), len(others) - 1)
                known |= others[places] == block
        found[documents[start : start + _BLOCK]] = known
    return found
