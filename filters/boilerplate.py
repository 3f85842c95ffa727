"""Lines that repeat over many documents of one host: menus, notices, footers. They are cut, the rest stays.

Two passes: `LineCounts` counts in how many documents of its host each line stands, `repeated_lines` says which of
them are too many, `cut` takes these out. Off unless asked for: FineWeb-2 has no such step. CCNet (Wenzek et al.
2020) drops every paragraph that stood in any document before; this asks for many documents of the same host.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import BaseModel, ConfigDict, Field

# Counts are kept on disk in so many parts, of which one at a time is in memory; what is counted waits until there
# is so much of it.
_PARTS: Final = 64
_BUFFER: Final = 1 << 20
_LINE: Final = np.dtype([("key", "<u8"), ("host", "<u8"), ("count", "<i8")])
# The host of an address, as far as a text's neighbours are concerned: without user, port and `www.`.
_HOST: Final = r"^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?(?:www\.)?(?P<host>[^/?#:@]+)"


class Boilerplate(BaseModel):
    """When a line is boilerplate: it stands in so many documents of its host, and in such a share of them.

    Our own choice, on the careful side: a line must be in one in ten pages, and in ten at least.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    documents: int = Field(default=10, ge=2)
    share: float = Field(default=0.1, gt=0, le=1)


class LineCounts:
    """Counts the lines of documents into files in `folder`. `rank` parts those who count side by side.

    Memory is bounded; on disk are 24 bytes for each line of a document at most.
    """

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self._folder, self._rank = folder, rank
        self._rows: list[npt.NDArray[Any]] = []
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, texts: pa.Array, urls: pa.Array) -> None:
        """Counts the lines of some documents, arrays of strings; without an address a document has no host."""
        from filters.compiled_lines import line_keys

        hosts = _hosts(urls)
        keys, owners = line_keys(*_utf8(texts), hosts)
        lines = np.empty(len(keys), dtype=_LINE)
        lines["key"], lines["host"], lines["count"] = keys, hosts[owners], 1
        # A document is counted as a line whose key is its host.
        known = hosts[hosts != 0]
        documents = np.empty(len(known), dtype=_LINE)
        documents["key"], documents["host"], documents["count"] = known, 0, 1
        self._rows += [lines, documents]
        self._count += len(lines) + len(documents)
        if self._count >= _BUFFER:
            self._spill()

    def close(self) -> None:
        """Writes what is held."""
        self._spill()

    def _spill(self) -> None:
        if not self._count:
            return
        rows = _summed(np.concatenate(self._rows))
        self._rows, self._count = [], 0
        # Sorted by kind, then by key: a part is a range of keys, of lines or of hosts.
        bounds = np.arange(_PARTS + 1, dtype=object) * (1 << 64) // _PARTS
        for kind, held in (("hosts", rows[rows["host"] == 0]), ("lines", rows[rows["host"] != 0])):
            places = np.searchsorted(held["key"], np.array(bounds[1:-1], dtype=np.uint64))
            for part, each in enumerate(np.split(held, places)):
                if len(each):
                    with (self._folder / f"{kind}-{part:02d}-{self._rank:05d}").open("ab") as file:
                        each.tofile(file)


def repeated_lines(folder: Path, settings: Boilerplate) -> npt.NDArray[np.uint64]:
    """The sorted keys of the lines that are boilerplate, from what `LineCounts` has counted into `folder`.

    One part of the counts is in memory at a time, and 24 bytes for each line that is in documents enough.
    """
    candidates = [np.empty(0, dtype=_LINE)]
    for part in range(_PARTS):
        counted = _counted(folder, f"lines-{part:02d}-*")
        candidates.append(counted[counted["count"] >= settings.documents])
    lines = np.concatenate(candidates)
    lines.sort(order="host")
    found = [np.empty(0, dtype=np.uint64)]
    for part in range(_PARTS):
        hosts = _counted(folder, f"hosts-{part:02d}-*")
        if len(hosts):
            first = np.searchsorted(lines["host"], hosts["key"][0], side="left")
            last = np.searchsorted(lines["host"], hosts["key"][-1], side="right")
            mine = lines[first:last]
            documents = hosts["count"][np.searchsorted(hosts["key"], mine["host"])]
            found.append(mine["key"][mine["count"] >= settings.share * documents])
    return np.unique(np.concatenate(found))


@dataclass(frozen=True, slots=True)
class Cut:
    """Texts without their boilerplate, and what was taken from each, of shape (documents,).

    `characters` count the ends of lines too. A text that was nothing else is empty.
    """

    texts: pa.Array
    lines: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]


def cut(texts: pa.Array, urls: pa.Array, repeated: npt.NDArray[np.uint64]) -> Cut:
    """Cuts the lines that `repeated_lines` has found from texts, an array of strings, by their addresses."""
    from filters.compiled_lines import cut_lines

    data, offsets, lines = cut_lines(*_utf8(texts), _hosts(urls), repeated)
    kept = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(data))
    before, after = (pc.utf8_length(each).to_numpy(zero_copy_only=False) for each in (texts, kept))
    return Cut(kept, lines, (before - after).astype(np.int64))


def _summed(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows sorted by key, those of one key and host as one; that keys of two hosts meet is next to impossible."""
    rows = rows[np.argsort(rows["key"], kind="stable")]
    starts = np.flatnonzero(np.concatenate([[True], rows["key"][1:] != rows["key"][:-1]]))
    summed = rows[starts]
    summed["count"] = np.add.reduceat(rows["count"], starts)
    return summed


def _counted(folder: Path, pattern: str) -> npt.NDArray[Any]:
    """All counts of a part, added up, read a piece at a time."""
    total = np.empty(0, dtype=_LINE)
    for path in sorted(folder.glob(pattern)):
        with path.open("rb") as file:
            while len(piece := np.fromfile(file, dtype=_LINE, count=_BUFFER)):
                total = _summed(np.concatenate([total, piece]))
    return total


def _hosts(urls: pa.Array) -> npt.NDArray[np.uint64]:
    """A hash of the host of each address, 0 where there is none."""
    found = pc.struct_field(pc.extract_regex(pc.utf8_lower(urls), _HOST), "host").dictionary_encode()
    hashes = np.array(
        [xxhash.xxh3_64_intdigest(host) or 1 for host in found.dictionary.to_pylist()] + [0], np.uint64
    )
    places = found.indices.fill_null(len(hashes) - 1).to_numpy(zero_copy_only=False)
    of_each: npt.NDArray[np.uint64] = hashes[places]
    return of_each


def _utf8(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes of texts, one after the other, and where each begins, of shape (texts + 1,)."""
    # A copy where the array is a part of another, so that its bytes begin at 0.
    texts = pa.concat_arrays([texts.cast(pa.large_string())])
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8), offsets
