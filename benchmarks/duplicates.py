"""Clusters, verification and look-up of duplicates at scale, beside datatrove's stages 2 and 3.

    python -m benchmarks.duplicates [--documents 1000000] [--peer 50000]

Each measurement is a process of its own; seconds are the best of several rounds, after a first call that compiles;
memory is what the process took at most beyond what it held before. Signatures are random, but one document in five
shares a band with another one. datatrove's stages read and write files, which is their way of taking their input,
and get one hash a bucket where its own signatures have eight, so they have less to read than usual.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.clusters import clusters
from filters.duplicates import duplicates
from filters.standing import Newcomers
from filters.statistics import BANDS, Ragged

ROUNDS: Final = 3
# Standing signatures that are read at once, as from Parquet.
_BATCH: Final = 256
Signatures = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]


def main() -> None:
    """Measures everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--peer", type=int, default=50_000, help="documents that datatrove gets")
    parser.add_argument("--measure", nargs=3, metavar=("WHAT", "DOCUMENTS", "THREADS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        what, documents, threads = options.measure
        print(json.dumps(MEASURES[what](int(documents), int(threads))))
        return
    print(f"clusters of {options.documents:,} signatures, {BANDS} bands and the exact hash:")
    first = 0.0
    for threads in sorted({1, 2, os.cpu_count() or 1}):
        found = _measured("clusters", options.documents, threads)
        first = first or found["seconds"]
        print(
            f"  {threads:2} threads: {found['seconds']:6.2f} s, {found['mebibytes']:5.0f} MiB beyond the"
            f" signatures, {first / found['seconds']:.2f} x one thread, {found['found']:,} documents join others"
        )
    ours, theirs = (_measured(what, options.peer, 1) for what in ("clusters", "datatrove"))
    print(
        f"the same clusters of {options.peer:,} signatures: ours {1e6 * ours['seconds'] / options.peer:.2f} µs a"
        f" document, datatrove's stages 2 and 3 {1e6 * theirs['seconds'] / options.peer:.1f} µs,"
        f" {theirs['seconds'] / ours['seconds']:,.0f} times as much (they join {theirs['found']:,}, ours"
        f" {ours['found']:,})"
    )
    for what, said in (("template", "one cluster of a template"), ("near", "clusters of ten near-duplicates")):
        for documents in (options.documents // 20, options.documents // 10):
            found = _measured(what, documents, 1)
            print(
                f"verified, {said}, {documents:,} documents of 500 shingles: {found['seconds']:6.2f} s,"
                f" {found['mebibytes']:5.0f} MiB, {found['found']:,} are copies"
            )
    found = _measured("standing", options.documents, 1)
    print(
        f"{options.documents // 10:,} new documents against {options.documents:,} that stand:"
        f" {found['seconds']:.2f} s, {found['mebibytes']:.0f} MiB, {found['found']:,} pairs"
    )


def _measured(what: str, documents: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.duplicates", "--measure", what, str(documents), str(threads)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def _signatures(count: int) -> Signatures:
    random = np.random.default_rng(1)
    bands = random.integers(0, 1 << 64, (count, BANDS), dtype=np.uint64)
    for one, other, band in zip(
        random.integers(0, count, count // 5),
        random.integers(0, count, count // 5),
        random.integers(0, BANDS, count // 5),
        strict=True,
    ):
        bands[one, band] = bands[other, band]
    return bands, random.integers(0, 1 << 64, count, dtype=np.uint64), np.ones(count, dtype=np.bool_)


def _timed(call: Callable[[], Any], rounds: int = ROUNDS) -> tuple[Any, dict[str, Any]]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        found = call()
        best = min(best, time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found, {"seconds": best, "mebibytes": (after - before) / 1024}


def _clusters(documents: int, threads: int) -> dict[str, Any]:
    clusters(*_signatures(1000), threads)
    signatures = _signatures(documents)
    labels, found = _timed(lambda: clusters(*signatures, threads))
    return {**found, "found": int((labels != np.arange(documents)).sum())}


def _datatrove(documents: int, _: int) -> dict[str, Any]:
    from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets, MinhashDedupCluster
    from datatrove.utils.logging import logger

    from filters.duplicates_datatrove import CONFIG, read_labels, write_signatures

    logger.disable("datatrove")
    with tempfile.TemporaryDirectory() as place, contextlib.redirect_stderr(io.StringIO()):
        at = {name: f"{place}/{name}" for name in ("signatures", "pairs", "found")}
        write_signatures(at["signatures"], 0, *_signatures(documents))

        def stages() -> None:
            for rank in range(CONFIG.num_buckets):
                step = MinhashDedupBuckets(at["signatures"], at["pairs"], config=CONFIG, lines_to_buffer=1000)
                step.run(None, rank, CONFIG.num_buckets)
            MinhashDedupCluster(
                at["pairs"], at["found"], config=CONFIG, save_cluster_id=True, lines_to_buffer=1000
            ).run(None, 0, 1)

        _, found = _timed(stages, rounds=1)
        labels = read_labels(at["found"], [documents])
    return {**found, "found": int((labels != np.arange(documents)).sum())}


def _verified(documents: int, cluster: int, shared: int) -> dict[str, Any]:
    """Clusters of `cluster` documents of 500 shingles, `shared` of which all documents of a cluster have."""

    def shingles_of(rows: npt.NDArray[np.int64]) -> Ragged:
        values = np.empty((len(rows), 500), dtype=np.uint64)
        values[:, :shared] = ((rows // cluster)[:, None] * 500 + np.arange(shared)).astype(np.uint64)
        own = rows[:, None] * 500 + np.arange(500 - shared)
        values[:, shared:] = own.astype(np.uint64) + np.uint64(1 << 40)
        # Spread as hashes are.
        values *= np.uint64(0x9E3779B97F4A7C15)
        return Ragged(values.ravel(), np.arange(len(rows) + 1) * 500)

    def run(count: int) -> Any:
        labels = np.arange(count) // cluster * cluster
        exact, near = np.arange(count, dtype=np.uint64), np.ones(count, dtype=np.bool_)
        return duplicates(labels, np.zeros(count), exact, near, shingles_of, 0.8)

    run(100)
    found, measured = _timed(lambda: run(documents))
    return {**measured, "found": int((found.kept >= 0).sum())}


def _standing(documents: int, _: int) -> dict[str, Any]:
    standing, _exact, _near = _signatures(documents)
    new = documents // 10
    bands = standing[:new].copy()
    # Every second one has met nothing.
    bands[::2] += np.uint64(1)
    numbers = np.arange(documents)

    def join() -> Any:
        with tempfile.TemporaryDirectory() as place:
            newcomers = Newcomers(bands, Path(place))
            for first in range(0, documents, _BATCH):
                newcomers.meet(standing[first : first + _BATCH], numbers[first : first + _BATCH])
            return newcomers.pairs()

    pairs, found = _timed(join)
    return {**found, "found": len(pairs)}


MEASURES: Final[dict[str, Callable[[int, int], dict[str, Any]]]] = {
    "clusters": _clusters,
    "datatrove": _datatrove,
    "template": lambda documents, _: _verified(documents, documents, 250),
    "near": lambda documents, _: _verified(documents, 10, 470),
    "standing": _standing,
}


if __name__ == "__main__":
    main()
