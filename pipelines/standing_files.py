"""What stands of the sources that come first: the texts that a later source need not bring again.

Curating a source leaves the signature and the id of every document that was kept, row for row beside `curated/`. A
source of lower priority in the same language is held against them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datatrove.io import get_datafolder

from filters.statistics import BANDS
from pipelines.document_files import document_files
from pipelines.document_io import row_batches, row_batches_of

STANDING: Final = pa.schema(
    [
        pa.field("exact", pa.uint64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        # Null for documents whose near-copies are not looked for.
        pa.field("bands", pa.list_(pa.uint64(), BANDS)),
    ]
)


@dataclass(frozen=True, slots=True)
class Stand:
    """What an earlier source left: the folders of its signatures and of the documents that were kept."""

    signatures: str
    documents: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The documents that stand, by the hash of their text without regard to case and white space.

    8 bytes a document for the hash and some 60 for the id; what was kept of all sources before this one, in one
    language. Documents are numbered over all sources, in their order.
    """

    exact: npt.NDArray[np.uint64]
    # The number of the document that has a hash.
    documents: npt.NDArray[np.int64]
    ids: pa.ChunkedArray
    # Source names, and the number of the first document of each and the end.
    sources: tuple[str, ...]
    starts: npt.NDArray[np.int64]
    stands: tuple[Stand, ...]

    @classmethod
    def read(cls, stands: Mapping[str, Stand]) -> "Standing":
        """Reads what sources left, by name; the first source that has a text has it."""
        exact, ids, counts = [np.zeros(0, np.uint64)], [pa.array([], pa.string())], []
        for each in stands.values():
            count = 0
            for batch in row_batches(each.signatures, ["exact", "id"], STANDING):
                exact.append(batch.column("exact").to_numpy())
                ids.append(batch.column("id"))
                count += batch.num_rows
            counts.append(count)
        every = np.concatenate(exact)
        order = np.argsort(every, kind="stable")
        starts = np.cumsum([0, *counts]).astype(np.int64)
        return cls(every[order], order, pa.chunked_array(ids), tuple(stands), starts, tuple(stands.values()))

    def holds(self, exact: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Which of the hashes stand."""
        if not len(self.exact):
            return np.zeros(len(exact), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.exact, exact), len(self.exact) - 1)
        found: npt.NDArray[np.bool_] = self.exact[places] == exact
        return found

    def name(self, exact: int) -> str:
        """Source and id of the document that stands for a hash."""
        return self.name_of(int(self.documents[np.searchsorted(self.exact, np.uint64(exact))]))

    def name_of(self, document: int) -> str:
        """Source and id of a document by its number."""
        source = int(np.searchsorted(self.starts, document, side="right")) - 1
        return f"{self.sources[source]}: {self.ids[document].as_py()}"

    def bands(self) -> Iterator[tuple[int, npt.NDArray[np.uint64], npt.NDArray[np.int64]]]:
        """Signatures in batches: the number of a batch's first document, its bands, and which rows have them."""
        first = 0
        for each in self.stands:
            for batch in row_batches(each.signatures, ["bands"], STANDING):
                column = batch.column("bands")
                rows = np.flatnonzero(pc.is_valid(column).to_numpy(zero_copy_only=False))
                values = column.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, BANDS)
                yield first, values, rows
                first += batch.num_rows

    def texts(self, documents: npt.NDArray[np.int64]) -> Iterator[Any]:
        """The texts of the documents of these numbers, which are sorted, in Arrow arrays."""
        first = at = 0
        for each in self.stands:
            for name in document_files(get_datafolder(each.documents)):
                for batch in row_batches_of(each.documents, name, ["text"]):
                    last = int(np.searchsorted(documents, first + batch.num_rows))
                    if last > at:
                        yield batch.column("text").take(pa.array(documents[at:last] - first))
                    first, at = first + batch.num_rows, last
