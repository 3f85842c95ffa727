"""The numbers of the signatures as Parquet."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.signatures.routing import Routed, Shares


def write_shares(routed: Routed, path: Path) -> None:
    """A row for each language, layer and expert: the share of the language's tokens that the expert takes."""
    languages, layers, experts = routed.shares.shape
    table = pa.table(
        {
            "language": pa.array(np.repeat(np.array(routed.languages), layers * experts)).dictionary_encode(),
            "layer": np.tile(np.repeat(np.arange(layers, dtype=np.int16), experts), languages),
            "expert": np.tile(np.arange(experts, dtype=np.int16), languages * layers),
            "share": routed.shares.reshape(-1),
            "tokens": np.repeat(routed.tokens, layers * experts),
        }
    )
    pq.write_table(table, path, compression="zstd")


def write_correlations(routed: Routed, correlation: Shares, path: Path) -> None:
    """A row for each ordered pair of languages, itself included."""
    names, count = np.array(routed.languages), len(routed.languages)
    table = pa.table(
        {
            "language": np.repeat(names, count),
            "other": np.tile(names, count),
            "correlation": correlation.reshape(-1),
        }
    )
    pq.write_table(table, path, compression="zstd")
