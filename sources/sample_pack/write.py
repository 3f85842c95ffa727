"""Writers whose bytes depend on nothing but the rows: no time stamps, no thread order, no host name."""

import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def parquet(path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> None:
    """One row group, zstd. The file names the version of Arrow that wrote it, nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    pq.write_table(table, path, compression="zstd", compression_level=9)


def json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines; compressed where the path ends in `.gz`."""
    _bytes(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def tab_separated(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Tab-separated values without a header, as NLLB's files are; no field may hold a tab or a line break."""
    lines = []
    for row in rows:
        if any("\t" in field or "\n" in field for field in row):
            raise ValueError(f"{path}: a field holds a tab or a line break: {row}")
        lines.append("\t".join(row) + "\n")
    _bytes(path, "".join(lines).encode())


def _bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        buffer = io.BytesIO()
        # An empty name and time 0: the two fields of gzip's header that would differ from run to run.
        with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=0, compresslevel=9) as file:
            file.write(content)
        content = buffer.getvalue()
    path.write_bytes(content)
