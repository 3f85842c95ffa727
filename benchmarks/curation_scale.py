"""Curation of more and more documents: documents a second, the peak of memory, and two workers beside one.

    python benchmarks/curation_scale.py [--data FOLDER] [--documents 10000,100000] [LANGUAGE]

Documents are made of the real ones of a language below `--data`: so many sentences each, drawn from all of them,
so that hardly two are alike. Each run is a process of its own, from document files to curated files, compiling
left out by a small run before. Memory is the peak of the process, or with two workers of the largest of its
processes.
"""

import argparse
import gzip
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pyarrow as pa
import pyarrow.parquet as pq

from filters.settings import CurationSettings
from pipelines.curate import Place, curate_unchecked, measure_documents
from sources.language import language
from sources.schema import DOCUMENT

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "documents"
# Documents of a file, and characters of a document.
FILE = 5_000
SIZE = 2_300


def make(folder: Path, path: Path, code: str, documents: int) -> None:
    """Writes so many documents."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        sentences = [part for line in lines for part in re.split(r"(?<=[.!?]) ", json.loads(line)["text"])]
    draw = random.Random(1)
    folder.mkdir(parents=True)
    for start in range(0, documents, FILE):
        rows = []
        for number in range(start, min(start + FILE, documents)):
            text = ""
            while len(text) < SIZE:
                text += draw.choice(sentences) + " "
            rows.append({"id": str(number), "text": text, "language": code, "source": "files",
                         "category": "multilingual", "scores": None})  # fmt: skip
        pq.write_table(pa.Table.from_pylist(rows, DOCUMENT), folder / f"{start // FILE:05d}.parquet")


def run(folder: str, code: str, workers: int) -> None:
    """Curates what is in `folder` and prints the seconds and the peak."""
    settings = CurationSettings.for_profile("a mirror")
    at = {
        name: f"{folder}/{name}" for name in ("documents", "measured", "curated", "dropped", "standing", "scratch")
    }
    start = time.perf_counter()
    measure_documents(Place(**at), language(code), settings, workers)
    measured = time.perf_counter() - start
    funnel = curate_unchecked(Place(**at), language(code), settings, workers)
    seconds = time.perf_counter() - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"measured": measured, "seconds": seconds, "peak": peak / 1e3, "kept": funnel.kept}))


def main() -> None:
    """Prints a line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--documents", default="10000,100000")
    parser.add_argument("language", nargs="?", default="deu_Latn")
    options = parser.parse_args()
    for documents in (100, *map(int, options.documents.split(","))):
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                code = options.language
                make(Path(folder) / "documents", options.data / f"{code}.jsonl.gz", code, documents)
                command = [sys.executable, __file__, "--run", folder, code, str(workers)]
                found = json.loads(
                    subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[-1]
                )
            if documents > 100:
                print(
                    f"{documents:,} documents, {workers} workers: {documents / found['seconds']:,.0f} a second"
                    f" (measuring alone {documents / found['measured']:,.0f}), peak {found['peak']:.0f} MB,"
                    f" kept {found['kept']:,}"
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
