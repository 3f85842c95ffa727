"""What stands of the sources that come first: the texts that a later source need not bring again.

Curating a source leaves the exact hash and the id of every document that was kept. A source of lower priority in
the same language is held against them, without reading a text of either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.io import get_datafolder

from pipelines.document_files import document_files

STANDING: Final = pa.schema(
    [pa.field("exact", pa.uint64(), nullable=False), pa.field("id", pa.string(), nullable=False)]
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The documents that stand, by the hash of their text without regard to case and white space.

    8 bytes a document for the hash and some 60 for the id; what was kept of all sources before this one, in one
    language.
    """

    exact: npt.NDArray[np.uint64]
    ids: pa.ChunkedArray
    # The place of each document's source in `sources`.
    source: npt.NDArray[np.int32]
    sources: tuple[str, ...]

    @classmethod
    def read(cls, folders: Mapping[str, str]) -> "Standing":
        """Reads the folders of sources, by name; the first source that has a text has it."""
        exact, ids, source = [np.zeros(0, np.uint64)], [pa.array([], pa.string())], [np.zeros(0, np.int32)]
        for number, folder in enumerate(folders.values()):
            place = get_datafolder(folder)
            for name in document_files(place):
                with place.open(name, "rb") as file:
                    table = pq.read_table(file)
                exact.append(table["exact"].to_numpy())
                ids.append(table["id"].combine_chunks())
                source.append(np.full(len(table), number, np.int32))
        every = np.concatenate(exact)
        order = np.argsort(every, kind="stable")
        return cls(
            every[order],
            pa.chunked_array(ids).take(pa.array(order)),
            np.concatenate(source)[order],
            tuple(folders),
        )

    def holds(self, exact: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Which of the hashes stand."""
        if not len(self.exact):
            return np.zeros(len(exact), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.exact, exact), len(self.exact) - 1)
        found: npt.NDArray[np.bool_] = self.exact[places] == exact
        return found

    def name(self, exact: int) -> str:
        """Source and id of the document that stands for a hash."""
        place = int(np.searchsorted(self.exact, np.uint64(exact)))
        return f"{self.sources[self.source[place]]}: {self.ids[place].as_py()}"
