"""Reads packed sequences of one mixture with our readers and with others', side by side on the same tokens.

    sh benchmarks/megatron_env.sh; sh benchmarks/streaming_env.sh      # once; a reader without one is left out
    .venv/bin/python -m benchmarks.reader [--tokens 100M] [--documents 100M] [--rounds 3]

Each measurement is a process of its own, in its reader's environment (benchmarks/reader_peers.py), several
rounds in turn; printed is the median. Rates are by the clock and by processor time, which other work on the
machine does not change so much; ratios are by processor time. Megatron blends the same shards by the same
weights; MosaicML Streaming and `datasets` are given sequences that are packed already, which ours pack as they
read. Then a mixture of `--documents` is made, whose tokens are holes in its files, and opened, gone on with in
the middle and weighed anew.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from mixtures.exports.megatron import export_megatron
from mixtures.exports.parquet import export_parquet
from mixtures.exports.streaming import export_streaming
from mixtures.order import OrderBucket, write_order
from mixtures.packed import PackedReader
from mixtures.token_count import parse_tokens

ROOT: Final = Path(__file__).parents[1]
LENGTHS: Final = (2048, 8192)
SECONDS: Final = 3.0
SHORTEST, LONGEST = 50, 2000
BUCKETS, LARGE_BUCKETS = 40, 200
PYTHONS: Final = {
    "packed": Path(sys.executable),
    "torch": Path(sys.executable),
    "megatron": ROOT / ".venv-megatron" / "bin" / "python",
    "streaming": ROOT / ".venv-streaming" / "bin" / "python",
    "datasets": Path(sys.executable),
}
NAMES: Final = {
    "packed": "ours, ids",
    "torch": "ours, PyTorch, masks",
    "megatron": "Megatron blend",
    "streaming": "MosaicML Streaming",
    "datasets": "datasets",
}
LIMIT_S: Final = 900


def make_mixture(workspace: Path, documents: int, buckets: int, holes: bool) -> Path:
    """A mixture of `documents` in `buckets` of very different sizes and weights; with `holes` all tokens are 0."""
    draw = np.random.default_rng(0)
    shares = draw.random(buckets) ** 2 + 0.05
    ordered, rows = [], []
    for number, count in enumerate(np.maximum(1, documents * shares / shares.sum()).astype(int)):
        lengths = draw.integers(SHORTEST, LONGEST, count, dtype=np.int32)
        name = f"tokens/web/s/l{number}"
        (workspace / name).mkdir(parents=True)
        write_shard(workspace / name / "00000", lengths, None if holes else draw)
        tokens = int(lengths.sum(dtype=np.int64))
        wanted = int(tokens * (0.5 + number % 4 / 2))
        ordered.append(OrderBucket(name, lengths, wanted))
        row = {"documents": int(count), "tokens": tokens, "tokens_planned": wanted, "shards": [f"{name}/00000"]}
        rows.append(row)
    folder = workspace / "mixtures" / "m" / "stage1" / "0123"
    folder.mkdir(parents=True)
    totals = write_order(ordered, 0, folder)
    content = {"totals": {"buckets": rows, "documents": totals.documents, "tokens": totals.tokens}}
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def write_shard(prefix: Path, lengths: np.ndarray, draw: np.random.Generator | None) -> None:
    """An IndexedDataset of drawn tokens, or of a hole."""
    count, tokens = len(lengths), int(lengths.sum(dtype=np.int64))
    offsets = np.zeros(count, dtype="<i8")
    np.cumsum(lengths[:-1], out=offsets[1:], dtype=np.int64)
    with Path(f"{prefix}.idx").open("wb") as file:
        file.write(struct.pack("<9sQBQQ", b"MMIDIDX\x00\x00", 1, 4, count, count + 1))
        lengths.astype("<i4").tofile(file)
        (offsets * 4).tofile(file)
        np.arange(count + 1, dtype="<i8").tofile(file)
    with Path(f"{prefix}.bin").open("wb") as file:
        if draw is None:
            file.truncate(4 * tokens)
        else:
            draw.integers(0, 150_000, tokens, dtype=np.uint32).tofile(file)


def measured(reader: str, measure: str, settings: dict[str, Any], folder: Path) -> dict[str, float] | None:
    """One measurement in a process of its own; None where it is not to be had."""
    if not PYTHONS[reader].exists():
        return None
    path = folder / "settings.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    command = [str(PYTHONS[reader]), str(ROOT / "benchmarks" / "reader_peers.py"), reader, measure, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        print(f"{NAMES[reader]:22} {measure}: not done after {LIMIT_S} s")
        return None
    if done.returncode:
        print(f"{NAMES[reader]:22} {measure}: {done.stderr.strip().splitlines()[-1][:200]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def throughput(folder: Path, tokens: int, rounds: int) -> None:
    """Prints sequences a second, and the memory of 8 workers, of every reader."""
    workspace = folder / "small"
    mixture = make_mixture(workspace, tokens // ((SHORTEST + LONGEST) // 2), BUCKETS, holes=False)
    reader = PackedReader(mixture)
    export_megatron(reader, folder / "blend", copy=False)
    print(f"{reader.tokens:,} tokens, {reader.order.documents:,} documents, {BUCKETS} buckets")
    for length in LENGTHS:
        settings = settings_of(folder, mixture, length)
        settings["sequences"] = reader.tokens // length
        export_streaming(reader, settings["mds"], length)
        export_parquet(reader, settings["parquet"], length)
        rates: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
        # Once unmeasured: caches of theirs are written, files of all are in memory.
        for turn in range(rounds + 1):
            for name, found in rates.items():
                each = measured(name, "rate", {**settings, "seconds": SECONDS if turn else 0.1}, folder)
                if turn and each:
                    found.append(each)
        for name, found in rates.items():
            if found:
                print(f"{length:5} tokens  {NAMES[name]:22} {compared(found, rates)}")
        if length == LENGTHS[0]:
            workers(settings, folder, ("torch", "megatron", "streaming", "datasets"))
            for name in NAMES:
                each = measured(name, "middle", settings, folder)
                if each:
                    print(f"to the middle {NAMES[name]:22} {each['seconds']:7.3f} s, imports left out")
        for made in ("mds", "parquet"):
            shutil.rmtree(settings[made])
    shutil.rmtree(workspace)


def compared(found: list[dict[str, float]], rates: dict[str, list[dict[str, float]]]) -> str:
    """A reader's rates, and how many times as fast ours are: ids alone, and with masks."""

    def median(each: list[dict[str, float]], kind: str) -> float:
        return statistics.median(one[kind] for one in each)

    ratios = [median(rates[ours], "cpu_rate") / median(found, "cpu_rate") for ours in ("packed", "torch")]
    return (
        f"{median(found, 'rate'):9,.0f} sequences/s, {median(found, 'cpu_rate'):9,.0f} a processor second"
        f" ({min(one['cpu_rate'] for one in found):,.0f} to {max(one['cpu_rate'] for one in found):,.0f});"
        f" ours are {ratios[0]:5.2f} and {ratios[1]:5.2f} times that"
    )


def workers(settings: dict[str, Any], folder: Path, names: Sequence[str]) -> None:
    """Prints the memory of 8 workers of each reader."""
    for name in names:
        found = measured(name, "memory", settings, folder)
        if found:
            print(
                f"{int(found['workers'])} workers     {NAMES[name]:22} each resident {found['Rss']:6,.0f} MiB,"
                f" its fair part {found['Pss']:6,.0f}, its own alone {found['Private']:6,.0f}"
            )


def settings_of(folder: Path, mixture: Path, length: int) -> dict[str, Any]:
    """What a reader is told."""
    places = {name: str(folder / f"{name}{length}") for name in ("mds", "parquet")}
    return {
        "length": length,
        "mixture": str(mixture),
        "blend": str(folder / "blend" / "data_path.txt"),
        "cache": str(folder / "cache"),
        "seconds": SECONDS,
        **places,
    }


def large(folder: Path, documents: int, rounds: int) -> None:
    """Prints how long a large mixture takes to open, to go on with in the middle, and to weigh anew."""
    workspace = folder / "large"
    shutil.rmtree(folder / "blend", ignore_errors=True)
    mixture = make_mixture(workspace, documents, LARGE_BUCKETS, holes=True)
    reader = PackedReader(mixture)
    export_megatron(reader, folder / "blend", copy=False)
    print(f"{reader.order.documents:,} documents read of {documents:,}, {LARGE_BUCKETS} buckets")
    settings = settings_of(folder, mixture, LENGTHS[0])
    settings["sequences"] = reader.tokens // LENGTHS[0]
    begin = time.perf_counter()
    reweighted = reweigh(reader, workspace)
    print(f"weighed anew: {time.perf_counter() - begin:.1f} s for {reweighted:,} documents, lengths read included")
    for measure in ("start", "middle"):
        found = [each for _ in range(rounds) if (each := measured("packed", measure, settings, folder))]
        seconds = statistics.median(each["seconds"] for each in found)
        most = max(each["seconds"] for each in found)
        print(
            f"{measure:7} {NAMES['packed']:22} {seconds:8.3f} s (at most {most:.3f}),"
            f" {found[0]['MiB']:,.0f} MiB of its own"
        )
    workers(settings, folder, ("torch",))
    for said in ("start, first time", "start, again", "middle"):
        each = measured("megatron", said.split(",")[0], settings, folder)
        if each:
            print(f"{said:18} {NAMES['megatron']:22} {each['seconds']:8.1f} s, {each['MiB']:,.0f} MiB of its own")
    shutil.rmtree(workspace)


def reweigh(reader: PackedReader, workspace: Path) -> int:
    """Orders the same tokens by other weights, as a new recipe does; returns the documents."""
    from mixtures.indexed import IndexedDataset

    buckets = []
    for number, row in enumerate(reader.bucket_rows()):
        lengths = np.concatenate([IndexedDataset(f"{workspace}/{shard}").lengths for shard in row["shards"]])
        wanted = int(row["tokens"] * (1.5 - number % 3 / 2))
        buckets.append(OrderBucket(reader.order.names[number], lengths, wanted))
    place = workspace / "again"
    place.mkdir()
    return write_order(buckets, 1, place).documents


def main() -> None:
    """Makes the tokens, measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=parse_tokens, default=parse_tokens("100M"))
    parser.add_argument("--documents", type=parse_tokens, default=parse_tokens("100M"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reader-") as folder:
        if arguments.tokens:
            throughput(Path(folder), arguments.tokens, arguments.rounds)
        if arguments.documents:
            large(Path(folder), arguments.documents, arguments.rounds)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(
        f"machine  {platform.machine()}, {os.cpu_count()} processors, load {load},"
        f" Python {platform.python_version()}"
    )
    print(f"command  {' '.join(['python', '-m', 'benchmarks.reader', *sys.argv[1:]])}")


if __name__ == "__main__":
    main()
