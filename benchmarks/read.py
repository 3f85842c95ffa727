"""Reads generated Parquet and JSON lines with our readers and with datatrove's, side by side.

    python -m benchmarks.read [--documents 40000]

Each reading is a process of its own, several rounds in turn, the best of which counts. Printed are documents a
second, the ratio of ours to datatrove's, and how much memory each took beyond its imports for the input and for
four times as much. datatrove checks less: it passes NUL bytes on, leaves out lines that it cannot parse and rows
without a text, and knows no special tokens. It reads all columns into `metadata`; ours reads the two declared.
"""

import argparse
import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

# The sizes of web documents: about 3 kB of text, and columns as FineWeb-2 has them.
WORDS: Final = 500
FORMS: Final = {"parquet": "x.parquet", "jsonl": "x.jsonl", "gzip": "x.jsonl.gz", "zstd": "x.jsonl.zst"}
ROUNDS: Final = 3


def main() -> None:
    """Generates the data, measures every reader and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=40_000)
    parser.add_argument("--measure", nargs=3, metavar=("READER", "FORM", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*options.measure)))
        return
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place) / "1x", Path(place) / "4x"
        generate(small, options.documents)
        generate(large, 4 * options.documents)
        print(f"{options.documents:,} documents, {sum(f.stat().st_size for f in small.iterdir()) / 1e6:,.0f} MB")
        print(f"{'format':8} {'ours/s':>10} {'datatrove/s':>12} {'ratio':>6}   MiB ours 1x, 4x   datatrove 1x, 4x")
        for form in FORMS:
            rates = {"ours": 0.0, "datatrove": 0.0}
            for _ in range(ROUNDS):
                for reader, best in rates.items():
                    rates[reader] = max(best, measured(reader, form, small)["rate"])
            memory = [measured(reader, form, size)["mebibytes"] for reader in rates for size in (small, large)]
            ratio = rates["ours"] / rates["datatrove"]
            print(
                f"{form:8} {rates['ours']:10,.0f} {rates['datatrove']:12,.0f} {ratio:6.2f}"
                f"   {memory[0]:8.0f}, {memory[1]:5.0f} {memory[2]:12.0f}, {memory[3]:5.0f}"
            )


def generate(folder: Path, documents: int) -> None:
    """Writes the same documents in every format."""
    folder.mkdir()
    with (
        (folder / FORMS["jsonl"]).open("wb") as plain,
        gzip.open(folder / FORMS["gzip"], "wb", compresslevel=4) as packed,
        zstandard.open(folder / FORMS["zstd"], "wb") as zstd,
    ):
        writer = None
        rows: list[dict[str, Any]] = []
        for row in generated(documents):
            rows.append(row)
            line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
            for file in (plain, packed, zstd):
                file.write(line)
            if len(rows) == 1000:
                table = pa.Table.from_pylist(rows)
                writer = writer or pq.ParquetWriter(folder / FORMS["parquet"], table.schema)
                writer.write_table(table)
                rows = []
        if writer:
            writer.close()


def generated(documents: int) -> Iterator[dict[str, Any]]:
    """Documents of drawn words, some with markup, one in a thousand with a special token."""
    draw = random.Random(1)
    known = ["".join(draw.choices("abcdefghijklmnoprstuvæøå", k=draw.randint(2, 9))) for _ in range(20_000)]
    for number in range(documents):
        words = draw.choices(known, k=WORDS)
        words[:3] = ["<p>", "[1]", "a < b"]
        if number % 1000 == 0:
            words[-1] = "<|endoftext|>"
        yield {
            "text": " ".join(words),
            "id": f"<urn:uuid:{number:032x}>",
            "dump": "CC-MAIN-2024-10",
            "url": f"https://example.org/{number}",
            "language_score": 0.98,
        }


def measured(reader: str, form: str, folder: Path) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.read", "--measure", reader, form, str(folder)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def measure(reader: str, form: str, folder: str) -> dict[str, float]:
    """Documents a second of one reading, and MiB that it took beyond the imports."""
    reading = {"ours": ours, "datatrove": datatrove}[reader](form, Path(folder))
    before = peak()
    begin = time.perf_counter()
    documents = sum(1 for _ in reading)
    seconds = time.perf_counter() - begin
    return {"rate": documents / seconds, "mebibytes": (peak() - before) / 1024}


def peak() -> int:
    """The most kibibytes that this process held at once. Linux only; `ru_maxrss` starts from the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def ours(form: str, folder: Path) -> Iterator[Any]:
    """The documents as our reader gives them."""
    from sources.language import language
    from sources.readers import read
    from sources.source import Source, Subset

    subset = Subset.model_validate(
        {
            "name": form,
            "path": "*",
            "format": "parquet" if form == "parquet" else "jsonl",
            "compression": form if form in ("gzip", "zstd") else "none",
            "text": {"column": "text"},
            "id": "id",
            "url": "url",
            "metadata": ["dump", "language_score"],
            "category": "multilingual",
            "languages": ["dan_Latn"],
        }
    )
    source = Source(name="drawn", title="", hub_id="", card="", licence="", subsets=(subset,))
    return read(str(folder / FORMS[form]), FORMS[form], subset, source, language("dan_Latn"))


def datatrove(form: str, folder: Path) -> Iterator[Any]:
    """The documents as datatrove's reader gives them."""
    from datatrove.pipeline.readers import JsonlReader, ParquetReader

    if form == "parquet":
        reader = ParquetReader(str(folder), glob_pattern=FORMS[form])
    else:
        packed = {"jsonl": None, "gzip": "gzip", "zstd": "zstd"}[form]
        reader = JsonlReader(str(folder), glob_pattern=FORMS[form], compression=packed)
    return iter(reader.run())


if __name__ == "__main__":
    main()
