"""What stands of a curation: files that another run would write again byte for byte are taken over, not made.

A file of `curated/`, with those of `dropped/` and `standing/` beside it, follows from the file of documents that
it is of, from the settings, and from what was said of its documents from outside: which are removed, which are
copies, of what, and how many. The last is what `said_of` hashes. So after a removal only the files are made again
that held what was removed, or a copy of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from filters.verdicts import Decision
from pipelines.duplicates import Copies
from pipelines.measured_files import groups
from pipelines.standing_files import Standing
from pipelines.take_over import take_over


@dataclass(frozen=True, slots=True)
class StandingShards:
    """The files of an earlier run of the same settings on the same documents.

    `folders` are where they stand, in the order in which `take` is given those to write into; `shards` the totals
    of the run's manifest, by the files' names.
    """

    folders: tuple[str, ...]
    shards: Mapping[str, Mapping[str, Any]]

    def take(self, name: str, said: str, folders: Sequence[str]) -> Mapping[str, Any] | None:
        """Takes the files of this name into `folders`, if the same was said of its documents; their totals."""
        known = self.shards.get(name)
        if known is None or known["said"] != said:
            return None
        for stands, target in zip(self.folders, folders, strict=True):
            # Where no document was kept, or none dropped, there is no file.
            take_over(stands, name, Path(target, name))
        return known


def said_of(
    documents: str, measured: str, name: str, start: int, count: int, decision: Decision, copies: Copies,
    standing: Standing, removed: Mapping[str, str],
) -> str:  # fmt: skip
    """A hash of what is said of the documents of one file from outside: 128 bits as hexadecimal digits.

    The file has `count` documents, the first of which is number `start` of the folder's.
    """
    found = xxhash.xxh3_128()
    part = copies.slice(start, start + count)
    for each in (part.kept, part.size, part.exact):
        found.update(each.tobytes())
    for row in np.flatnonzero(part.standing >= 0).tolist():
        found.update(
            f"{row} {float(part.similarity[row])!r} {standing.name_of(int(part.standing[row]))}\n".encode()
        )
    if removed or standing.sources:
        ids = pa.array(list(removed), pa.string())
        for number, group in enumerate(
            groups(documents, measured, name, ["category"], ["id", "duplicates.exact"])
        ):
            gone = np.flatnonzero(pc.is_in(group.measured["id"], ids))
            for row in gone.tolist():
                found.update(f"{number} {row} {removed[group.measured['id'][row].as_py()]}\n".encode())
            exact = group.measured["duplicates.exact"].to_numpy()
            held = decision.meeting("exact", group.documents["category"]) & standing.holds(exact)
            for row in np.flatnonzero(held).tolist():
                found.update(f"{number} {row} {standing.name(int(exact[row]))}\n".encode())
    return found.hexdigest()
