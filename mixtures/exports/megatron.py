"""A mixture for Megatron: the blend of its buckets, and its own order as one IndexedDataset.

`data_path.txt` is what `--data-path` takes, or `--data-args-path` as a file: weights and prefixes of the shards
that the mixture reads, in tokens. Megatron then draws documents itself, by those weights and in an order of its
own. `mixture.bin` and `mixture.idx` are the mixture's documents in the order in which ours are read, with
repetitions. Source of the arguments: Megatron-LM, megatron/training/arguments.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from mixtures.exports.new_folder import new_folder
from mixtures.indexed import IndexedDataset, IndexedWriter
from mixtures.packed import PackedReader
from sources.errors import BabelmixError

DATA_PATH: Final = "data_path.txt"
PREFIX: Final = "mixture"


@dataclass(frozen=True, slots=True)
class MegatronExport:
    """What was written: shards of the blend, documents and tokens of the mixture's own order (0 without it)."""

    folder: Path
    shards: int
    documents: int
    tokens: int


def export_megatron(reader: PackedReader, output: str | Path, copy: bool = True) -> MegatronExport:
    """Writes `data_path.txt` into the new folder `output`, and with `copy` the tokens in the mixture's order.

    The weights are each shard's tokens of the mixture: those planned of its bucket, by the shard's part of the
    bucket. The copy takes 4 bytes a token and 20 a document.

    Raises:
        BabelmixError: the folder is there, a shard is missing, or a path has a blank, at which Megatron splits.
    """
    with new_folder(output) as folder:
        blend = blended_shards(reader)
        text = " ".join(f"{weight} {prefix}" for weight, prefix in blend)
        (folder / DATA_PATH).write_text(text + "\n", encoding="utf-8")
        documents = tokens = 0
        if copy:
            with IndexedWriter(str(folder / PREFIX)) as writer:
                for block in reader.blocks():
                    ids = np.empty(int(block.ends[-1]) - block.start, dtype=np.uint32)
                    reader.fill(block.start, ids)
                    for part in np.split(ids, (block.ends[:-1] - block.start).tolist()):
                        writer.add(part)
                    tokens += len(ids)
                documents = writer.documents
    return MegatronExport(Path(output), len(blend), documents, tokens)


def blended_shards(reader: PackedReader) -> list[tuple[int, str]]:
    """The weight, in tokens, and the absolute prefix of every shard that holds documents of the mixture."""
    found: list[tuple[int, str]] = []
    for row in reader.bucket_rows():
        sizes = {}
        for shard in row["shards"]:
            prefix = str((reader.workspace / shard).absolute())
            if any(map(str.isspace, prefix)):
                raise BabelmixError(f"{prefix}: has a blank, at which Megatron splits; move the workspace")
            sizes[prefix] = int(IndexedDataset(prefix).lengths.sum(dtype=np.int64))
        whole = sum(sizes.values())
        for prefix, size in sizes.items():
            if weight := row["tokens_planned"] * size // whole if whole else 0:
                found.append((weight, prefix))
    return found
