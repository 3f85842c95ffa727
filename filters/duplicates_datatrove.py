"""Duplicates over many machines: our signatures in the files of datatrove's MinHash stages.

`SignatureFiles` takes the place of datatrove's stage 1; its stages 2 and 3 (`MinhashDedupBuckets`,
`MinhashDedupCluster`) run on these files as they are, by any of its executors, and `read_labels` reads what they
find. The clusters are those of `filters.clusters`, whatever the number of files and machines.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike, get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.utils.hashing import HashConfig

from filters.statistics import BANDS, measure
from sources.language import Language

# The key of a band is one 64-bit hash of its minima, so a bucket holds one hash a document. One bucket more holds
# the exact hashes: a document of which no near-duplicates are wanted has no other.
CONFIG: Final = MinhashConfig(num_buckets=BANDS + 1, hashes_per_bucket=1, hash_config=HashConfig(precision=64))

# datatrove takes 2^61 - 1 for the end of 64-bit hashes and reads none from there on (minhash.py, `read_sigs`).
_END: Final = np.uint64((1 << 61) - 1)
_RECORD: Final = np.dtype([("hash", "<u8"), ("document", "<u4")])
_BATCH: Final = 256


def write_signatures(
    output: DataFolderLike,
    rank: int,
    bands: npt.NDArray[np.uint64],
    exact: npt.NDArray[np.uint64],
    near: npt.NDArray[np.bool_],
) -> None:
    """Writes the signatures of the file of one rank as datatrove's stage 1 does, sorted.

    `bands` has the shape (documents, BANDS), `exact` and `near` (documents,). A document that is not near is in
    the bucket of the exact hashes alone.
    """
    folder = get_datafolder(output)
    for bucket in range(CONFIG.num_buckets):
        rows = np.flatnonzero(near) if bucket < BANDS else np.arange(len(exact))
        records = np.empty(len(rows), dtype=_RECORD)
        records["hash"] = (bands[rows, bucket] if bucket < BANDS else exact) % _END
        records["document"] = rows
        records.sort(order=("hash", "document"))
        with folder.open(f"bucket_{bucket:03d}/{rank:05d}.minhash.sig", "wb") as file:
            file.write(records.tobytes())


class SignatureFiles(PipelineStep):
    """Stage 1: measures the documents of a rank and writes their signatures; memory is 120 bytes a document.

    `near` are the categories whose near-duplicates are wanted; of the others only the same text is found.
    """

    type = "🫂 - DEDUP"
    name = "🎯 Signatures"

    def __init__(self, output: DataFolderLike, language: Language, near: Sequence[str]) -> None:
        super().__init__()
        self.output, self.language, self.near = output, language, tuple(near)

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Writes the signatures; yields nothing."""
        bands = [np.empty((0, BANDS), dtype=np.uint64)]
        exact, near = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.bool_)]
        documents = iter(data or ())
        while batch := list(islice(documents, _BATCH)):
            with self.track_time():
                found = measure(pa.array([each.text for each in batch], pa.string()), self.language)
                bands.append(found.bands)
                exact.append(found.exact)
                near.append(np.array([each.metadata["category"] in self.near for each in batch]))
            self.stat_update("documents", value=len(batch))
        write_signatures(self.output, rank, np.concatenate(bands), np.concatenate(exact), np.concatenate(near))
        yield from ()


def read_labels(found: DataFolderLike, counts: Sequence[int]) -> npt.NDArray[np.int64]:
    """The labels of all documents, as those of `clusters`, from the folder of stage 3.

    That must have been run with `save_cluster_id`. `counts` are the documents of each rank's file; documents are
    numbered over all files in order. Memory is 16 bytes a document.
    """
    folder = get_datafolder(found)
    starts = np.cumsum([0, *counts])
    labels = np.arange(starts[-1])
    documents, names = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for rank in range(len(counts)):
        name = f"{rank:06d}.clusters"
        if folder.isfile(name):
            with folder.open(name, "rb") as file:
                pairs = np.frombuffer(file.read(), dtype="<u4").reshape(-1, 2).astype(np.int64)
            documents.append(starts[rank] + pairs[:, 0])
            names.append(pairs[:, 1])
    members, cluster = np.concatenate(documents), np.concatenate(names)
    if len(members):
        smallest = np.full(int(cluster.max()) + 1, starts[-1])
        np.minimum.at(smallest, cluster, members)
        labels[members] = smallest[cluster]
    return labels
