"""Orders many documents in 200 buckets, beside Megatron's C++ `build_blending_indices`, on one processor.

    sh benchmarks/megatron_env.sh      # once: an environment with megatron-core, .venv-megatron
    .venv/bin/python benchmarks/order.py [--documents 100000000]

Megatron is given the same number of documents and the same shares; it decides which bucket comes next and counts
documents. Ours also holds the shares in tokens, permutes every bucket, and writes the order to disk. Memory is
the growth of the peak over what the documents' lengths take, which stand in for memory-mapped files.
"""

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mixtures.order import Order, OrderBucket, write_order

BUCKETS = 200
MEGATRON = Path(__file__).parents[1] / ".venv-megatron" / "bin" / "python"
PEER = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from megatron.core.datasets.helpers_cpp import build_blending_indices
shares, count = np.load(sys.argv[1]), int(sys.argv[2])
bucket, document = np.zeros(count, dtype=np.int16), np.zeros(count, dtype=np.int64)
begin = time.perf_counter()
build_blending_indices(bucket, document, shares, len(shares), count, False)
print(count / (time.perf_counter() - begin))
"""


def buckets_of(documents: int) -> list[OrderBucket]:
    """Buckets of very different sizes, each read once: the largest holds hundreds of times the smallest."""
    draw = np.random.default_rng(0)
    shares = draw.random(BUCKETS) ** 3 + 1e-3
    counts = np.maximum(1, documents * shares / shares.sum()).astype(int)
    sizes = [draw.integers(50, 2000, count, dtype=np.int32) for count in counts]
    return [OrderBucket(f"b{n}", each, int(each.sum(dtype=np.int64))) for n, each in enumerate(sizes)]


def megatron(buckets: list[OrderBucket], folder: Path) -> float:
    """Megatron's documents a second."""
    tokens = np.array([bucket.tokens for bucket in buckets], dtype=np.float64)
    np.save(folder / "shares.npy", tokens / tokens.sum())
    count = sum(len(bucket.lengths) for bucket in buckets)
    command = [str(MEGATRON), "-c", PEER, str(folder / "shares.npy"), str(count)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(found.stdout.split()[-1])


def main() -> None:
    """Runs the pair and prints their ratio, the memory and the rate of reading back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    folder = Path(tempfile.mkdtemp(prefix="order-"))
    write_order(buckets_of(1000), 0, folder)  # compiled before the clock runs

    buckets = buckets_of(arguments.documents)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs, totals = [], None
    for _ in range(arguments.rounds):
        theirs = megatron(buckets, folder) if MEGATRON.exists() else float("nan")
        begin = time.perf_counter()
        totals = write_order(buckets, 0, folder)
        ours = totals.documents / (time.perf_counter() - begin)
        pairs.append((ours, theirs))
        print(f"ours {ours / 1e6:6.2f} M/s   Megatron {theirs / 1e6:6.2f} M/s   ratio {ours / theirs:5.2f}")
    assert totals is not None
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    order = Order(folder)
    step = 1 << 22
    begin = time.perf_counter()
    for start in range(0, order.documents, step):
        order.entries(start, start + step)
    back = order.documents / (time.perf_counter() - begin)
    size = sum(path.stat().st_size for path in folder.glob("*.bin"))
    print(f"{totals.documents:,} documents, {len(buckets)} buckets; ratio, median {_median(pairs):.2f}")
    print(f"order on disk {size / 1e6:,.0f} MB; peak memory grew by {grown:,.0f} MB")
    print(f"read back     {back / 1e6:,.1f} M documents/s, each resolved to its bucket and number")
    print(f"machine       {platform.machine()}, {_processor()}, Python {platform.python_version()}, one processor")
    print(f"command       {' '.join(['python', *sys.argv])}")
    shutil.rmtree(folder)


def _median(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(ours / theirs for ours, theirs in pairs)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
