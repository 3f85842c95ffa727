"""A mixture as shards of MosaicML Streaming: packed sequences in the mixture's order, without that library.

A shard is, little-endian: the number of samples and where each begins and the last ends in the file (uint32), a
description in JSON, and the samples. A sample is the sizes of its columns that have no fixed one (uint32), and the
columns, in the order of their names. `index.json` lists the shards.
Source of the format: MosaicML Streaming 0.13, streaming/base/format/mds, version 2 of its index; its reader opens
these shards in tests/mixtures/test_exports_streaming.py.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mixtures.exports.new_folder import new_folder
from mixtures.exports.sequences import packed_sequences, sequence_count
from mixtures.packed import TokenRow

# As large as Streaming makes them by itself; offsets in a shard are 32 bits.
SHARD_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class StreamingExport:
    """What was written."""

    folder: Path
    shards: int
    sequences: int
    tokens: int


def export_streaming(
    row: TokenRow, output: str | Path, length: int, shard_bytes: int = SHARD_BYTES
) -> StreamingExport:
    """Writes the row's sequences of `length` tokens into the new folder `output`.

    Columns: `tokens`, int32, of shape (length,), and `begins`, int32: where documents begin in the sequence,
    the first 0. StreamingDataset(local=output, shuffle=False) on one rank reads them in the mixture's order.

    Raises:
        BabelmixError: the folder is there, or the row has no sequence of that length.
    """
    count = sequence_count(row, length)
    # A fixed number of samples a shard, of which the longest `begins` would still fit.
    most = max(1, shard_bytes // (8 * length + 16))
    shards: list[dict[str, Any]] = []
    with new_folder(output) as folder:
        for start in range(0, count, most):
            samples = [_sample(*each) for each in packed_sequences(row, length, start, start + most)]
            shards.append(_write_shard(folder, len(shards), samples, length, shard_bytes))
        index = json.dumps({"shards": shards, "version": 2}, sort_keys=True)
        (folder / "index.json").write_text(index, encoding="utf-8")
    return StreamingExport(Path(output), len(shards), count, count * length)


def _sample(tokens: npt.NDArray[np.int32], begins: npt.NDArray[np.int32]) -> bytes:
    # An array without a fixed shape says it first: one dimension (1 << 2), its size in 4 bytes (2).
    varying = struct.pack("<BI", (1 << 2) | 2, len(begins)) + begins.astype("<i4").tobytes()
    return struct.pack("<I", len(varying)) + varying + tokens.astype("<i4").tobytes()


def _description(length: int, shard_bytes: int) -> dict[str, Any]:
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": shard_bytes,
        "column_names": ["begins", "tokens"],
        "column_encodings": ["ndarray:int32", f"ndarray:int32:{length}"],
        "column_sizes": [None, 4 * length],
    }


def _write_shard(folder: Path, number: int, samples: list[bytes], length: int, shard_bytes: int) -> dict[str, Any]:
    description = _description(length, shard_bytes)
    text = json.dumps(description, sort_keys=True).encode()
    head = 4 + 4 * (len(samples) + 1) + len(text)
    offsets = head + np.cumsum([0, *map(len, samples)], dtype=np.int64)
    name = f"shard.{number:05d}.mds"
    with (folder / name).open("wb") as file:
        file.write(struct.pack("<I", len(samples)) + offsets.astype("<u4").tobytes() + text)
        file.writelines(samples)
    data = {"basename": name, "bytes": int(offsets[-1]), "hashes": {}}
    return {**description, "samples": len(samples), "raw_data": data, "zip_data": None}
