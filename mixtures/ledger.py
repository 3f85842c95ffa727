"""The ledger: what of every bucket is on disk, in documents, tokens and bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from sources.errors import BabelmixError

COLUMNS: Final[dict[str, Any]] = {
    "category": pl.String,
    "source": pl.String,
    "language": pl.String,
    "documents": pl.Int64,
    # Ends of documents included, as they are read in training.
    "tokens": pl.Int64,
    # UTF-8 of the texts.
    "bytes": pl.Int64,
    # Tokens of the longest document.
    "longest": pl.Int64,
    # Prefixes of `.bin` and `.idx`, relative to the workspace.
    "shards": pl.List(pl.String),
    # The fingerprint of the step that wrote them.
    "fingerprint": pl.String,
}


def write_ledger(rows: Sequence[Mapping[str, Any]], path: str) -> None:
    """Writes one row a bucket to the Parquet file at `path`."""
    pl.DataFrame(rows, schema=COLUMNS).write_parquet(path, compression="zstd")


def read_ledger(path: str) -> pl.DataFrame:
    """The ledger at `path`, with the columns of `COLUMNS`.

    Raises:
        BabelmixError: there is none, or the file is no ledger.
    """
    try:
        ledger = pl.read_parquet(path)
    except FileNotFoundError as error:
        raise BabelmixError(
            f"{path}: no ledger; build a mixture in this workspace first, or use --inventory upstream"
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BabelmixError(f"{path}: no whole Parquet file; delete it and build the mixture again") from error
    if missing := [name for name in COLUMNS if name not in ledger.columns]:
        raise BabelmixError(f"{path}: no column {missing[0]!r}; delete it and build the mixture again")
    return ledger.select(*COLUMNS)
