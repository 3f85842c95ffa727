"""Traces tokens of generated mixtures of growing size: the time must not grow with the number of documents.

    .venv/bin/python benchmarks/lineage.py [--documents 1000000 10000000 100000000] [--drawn]

A mixture has 100 buckets of files of 50,000 documents; order, indices and manifests are as a build writes them,
and no two indices are alike. The documents' own files are one Parquet file under many names, and the files of
tokens are holes, since no question reads tokens. `cold` questions come after the pages of every file were given
back to the kernel. Then what grows with the documents: the table by id, and the look-up of a removal list.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mixtures.indexed import _HEADER, _INT32, _MAGIC, _VERSION, IndexedDataset
from mixtures.order import (
    CHECKPOINT,
    COUNTS_FILE,
    DESCRIPTION_FILE,
    ORDER_FILE,
    ORDER_VERSION,
    POSITIONS_FILE,
    OrderBucket,
    write_order,
)
from pipelines.document_files import DocumentWriter
from pipelines.document_index import DocumentIndex
from pipelines.removals import matching
from pipelines.trace import Tracer
from pipelines.workspace import Workspace
from sources.removals import Removal, Removals

BUCKETS, FILE, LENGTH = 100, 50_000, 8192
WORDS = [f"word{number}" for number in range(5000)]


def documents_file(folder: Path) -> Path:
    """One file of documents of some 1,200 characters, with the scores of a curated document."""
    draw = np.random.default_rng(0)
    names = [f"quality.statistic_{number}" for number in range(30)]
    with DocumentWriter(str(folder)) as writer:
        for number in range(FILE):
            words = draw.integers(0, len(WORDS), 160)
            writer.write(
                {
                    "id": f"<urn:uuid:{number:032x}>",
                    "text": " ".join(WORDS[word] for word in words),
                    "language": "deu_Latn",
                    "source": "fineweb-2",
                    "category": "multilingual",
                    "url": f"https://host{number % 997}.example.org/{number}",
                    "metadata": '{"dump":"D"}',
                    "scores": [(name, 0.5) for name in names],
                }
            )
    return folder / "00000.parquet"


def shard(prefix: Path, count: int, draw: np.random.Generator) -> None:
    """An index of documents of 50 to 2,000 tokens, and a file of tokens of its size that is a hole."""
    lengths = draw.integers(50, 2000, count, dtype=np.int32)
    ends = np.cumsum(lengths, dtype=np.int64) * 4
    with Path(f"{prefix}.idx").open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, _VERSION, _INT32, count, count + 1))
        for each in (lengths, ends - 4 * lengths.astype(np.int64), np.arange(count + 1, dtype=np.int64)):
            file.write(each.tobytes())
    with Path(f"{prefix}.bin").open("wb") as file:
        file.truncate(int(ends[-1]))


def complete(folder: Path, step: str, inputs: dict[str, str], settings: dict[str, Any]) -> str:
    """A manifest as a build writes it; returns the fingerprint."""
    fingerprint = f"{abs(hash(str(folder))):064x}"
    identity = {"step": step, "version": 1, "settings": settings, "inputs": inputs}
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    manifest = {"fingerprint": fingerprint, "identity": identity, "files": files, "totals": {"dropped": []}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return fingerprint


def mixture(workspace: Path, documents: int, parquet: Path) -> Path:
    """A workspace with a mixture of so many documents, each read once and a half."""
    draw = np.random.default_rng(1)
    files = max(1, documents // FILE // BUCKETS)
    rows, buckets = [], []
    collected = {"profile": "sample", "input": "", "language": "deu_Latn"}
    for number in range(BUCKETS):
        place = f"fineweb-{number}/deu_Latn"
        curated, tokens = workspace / "curated" / place, workspace / "tokens" / "multilingual" / place
        curated.mkdir(parents=True)
        tokens.mkdir(parents=True)
        for file in range(files):
            os.link(parquet, curated / f"{file:05d}.parquet")
            shard(tokens / f"{file:05d}", min(FILE, documents // BUCKETS), draw)
        made = complete(curated, "render", {}, collected)
        fingerprint = complete(tokens, "tokenise", {f"curated/{place}": made}, {})
        shards = [f"tokens/multilingual/{place}/{file:05d}" for file in range(files)]
        lengths = np.concatenate([IndexedDataset(str(workspace / each)).lengths for each in shards])
        total = int(lengths.sum(dtype=np.int64))
        buckets.append(OrderBucket(f"multilingual/{place}", lengths, total * 3 // 2))
        names = {"category": "multilingual", "source": f"fineweb-{number}", "language": "deu_Latn"}
        rows.append({**names, "shards": shards, "fingerprint": fingerprint})
    folder = workspace / "mixtures" / "m" / "stage1" / "f"
    folder.mkdir(parents=True)
    write_order(buckets, 0, folder)
    (folder / "manifest.json").write_text(json.dumps({"totals": {"buckets": rows}}))
    return folder


def drawn_mixture(workspace: Path, documents: int, parquet: Path) -> Path:
    """A mixture of documents of one length that is read once and a half, its order drawn and not computed.

    So that 10^9 documents take a minute to make. All of its files of tokens are one index under many names.
    """
    draw = np.random.default_rng(1)
    tokens, readings = 1000, documents * 3 // 2
    files = max(1, documents // BUCKETS // FILE)
    index = workspace.parent / "one-length"
    with Path(f"{index}.idx").open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, _VERSION, _INT32, FILE, FILE + 1))
        file.write(np.full(FILE, tokens, dtype=np.int32).tobytes())
        file.write((4 * tokens * np.arange(FILE, dtype=np.int64)).tobytes())
        file.write(np.arange(FILE + 1, dtype=np.int64).tobytes())
    with Path(f"{index}.bin").open("wb") as file:
        file.truncate(4 * tokens * FILE)
    folder = workspace / "mixtures" / "m" / "stage1" / "f"
    folder.mkdir(parents=True)
    given = np.zeros(BUCKETS, dtype=np.int64)
    with (folder / ORDER_FILE).open("wb") as order, (folder / COUNTS_FILE).open("wb") as counts:
        for start in range(0, readings, CHECKPOINT):
            given.astype("<u8").tofile(counts)
            entries = draw.integers(0, BUCKETS, min(CHECKPOINT, readings - start), dtype=np.uint8)
            entries.tofile(order)
            given += np.bincount(entries, minlength=BUCKETS)
        if readings % CHECKPOINT == 0:
            given.astype("<u8").tofile(counts)
    (np.arange(0, readings, 1024, dtype="<u8") * tokens).tofile(folder / POSITIONS_FILE)
    rows, described = [], []
    for number in range(BUCKETS):
        place = f"fineweb-{number}/deu_Latn"
        curated, made = workspace / "curated" / place, workspace / "tokens" / "multilingual" / place
        curated.mkdir(parents=True)
        made.mkdir(parents=True)
        for file_number in range(files):
            os.link(parquet, curated / f"{file_number:05d}.parquet")
            for ending in (".idx", ".bin"):
                os.link(f"{index}{ending}", made / f"{file_number:05d}{ending}")
        fingerprint = complete(curated, "render", {}, {"profile": "sample", "input": "", "language": "deu_Latn"})
        fingerprint = complete(made, "tokenise", {f"curated/{place}": fingerprint}, {})
        shards = [f"tokens/multilingual/{place}/{each:05d}" for each in range(files)]
        names = {"category": "multilingual", "source": f"fineweb-{number}", "language": "deu_Latn"}
        rows.append({**names, "shards": shards, "fingerprint": fingerprint})
        name, count = f"multilingual/{place}", int(given[number])
        described.append({"name": name, "size": files * FILE, "documents": count, "tokens": tokens * count})
    totals = {"version": ORDER_VERSION, "seed": 0, "documents": readings, "tokens": tokens * readings}
    (folder / DESCRIPTION_FILE).write_text(json.dumps({**totals, "buckets": described}))
    (folder / "manifest.json").write_text(json.dumps({"totals": {"buckets": rows}}))
    return folder


def forget(workspace: Path) -> None:
    """Gives the pages of all files back to the kernel."""
    for path in workspace.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


def timed(question: Callable[[], Any]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    question()
    return time.perf_counter() - begin


def ask(folder: Path, workspace: Path) -> dict[str, list[float]]:
    """Milliseconds of each question: first ones to files that are not in memory, and then 30 of each."""
    draw = np.random.default_rng(2)
    found: dict[str, list[float]] = {"open": [], "sequence": [], "token": [], "readings": []}
    cold: dict[str, list[float]] = {f"cold {name}": [] for name in found}
    sequences = Tracer(folder).lineage.tokens // LENGTH
    for number in range(35):
        held = cold if number < 5 else found
        said = "cold " if number < 5 else ""
        if number < 5:
            forget(workspace)
        kept: list[Tracer] = []
        held[f"{said}open"].append(timed(lambda kept=kept: kept.append(Tracer(folder))))  # type: ignore[misc]
        (tracer,) = kept
        sequence, token = int(draw.integers(sequences)), int(draw.integers(LENGTH))
        held[f"{said}sequence"].append(timed(lambda t=tracer, s=sequence: t.sequence(s, LENGTH)))  # type: ignore[misc]
        reading = tracer.lineage.at(sequence * LENGTH + token)
        if number < 5:
            forget(workspace)
        ask_token = lambda t=tracer, s=sequence, k=token: t.token(s, LENGTH, k)  # noqa: E731
        held[f"{said}token"].append(timed(ask_token))
        where = lambda t=tracer, r=reading: t.lineage.readings(r.bucket, r.document)  # noqa: E731
        held[f"{said}readings"].append(timed(where))
    return {name: [1000 * each for each in times] for name, times in {**cold, **found}.items()}


def growing(workspace: Path) -> None:
    """Prints the rates of what is done once for all documents of a source and language."""
    place = Workspace(str(workspace))
    shutil.rmtree(workspace / "index", ignore_errors=True)
    kept: list[DocumentIndex] = []
    seconds = timed(lambda: kept.append(DocumentIndex(place, "curated/fineweb-0/deu_Latn", "id", "f" * 64)))
    print(f"table by id      {len(kept[0]) / seconds:12,.0f} documents a second to make it, once")
    again = DocumentIndex(place, "curated/fineweb-0/deu_Latn", "id", "f" * 64)
    finds = [timed(lambda n=n: again.find(f"<urn:uuid:{n:032x}>")) for n in range(0, FILE, 500)]  # type: ignore[misc]
    print(f"id in the table  {1e6 * statistics.median(finds):12,.0f} µs, the middle of {len(finds)}")
    for name, removals in (
        ("1,000 ids", Removals(Removal(id=f"<urn:uuid:{n:032x}>") for n in range(1000))),
        ("1,000 URL prefixes", Removals(Removal(url_prefix=f"host{n}.example.org/x") for n in range(1000))),
    ):
        seconds = timed(lambda r=removals: matching(str(workspace / "curated/fineweb-0/deu_Latn"), r))  # type: ignore[misc]
        print(f"removal list     {len(kept[0]) / seconds:12,.0f} documents a second looked through, {name}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, nargs="+", default=[10**6, 10**7, 10**8])
    parser.add_argument("--drawn", action="store_true", help="an order that is drawn: quick to make, for 10^9")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    base = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        parquet = documents_file(base)
        for documents in arguments.documents:
            workspace = base / str(documents)
            make = drawn_mixture if arguments.drawn else mixture
            seconds = timed(lambda m=make, w=workspace, d=documents: m(w, d, parquet))  # type: ignore[misc]
            folder = workspace / "mixtures" / "m" / "stage1" / "f"
            entries = json.loads((folder / "order.json").read_text())["documents"]
            print(f"{documents:,} documents, read {entries:,} times; made in {seconds:.0f} s")
            for name, times in ask(folder, workspace).items():
                slowest = f"slowest {max(times):8.1f} ms of {len(times)}"
                print(f"  {name:14} {statistics.median(times):8.1f} ms in the middle, {slowest}")
            if documents == arguments.documents[-1]:
                growing(workspace)
            shutil.rmtree(workspace)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
