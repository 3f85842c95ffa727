"""The chain of pairs at scale, beside OpusFilter's filters of the same kind.

    benchmarks/opusfilter_env.sh                                      makes .venv-opusfilter
    python -m benchmarks.bitext [--folder ../shared/data] [--peer .venv-opusfilter] [--language deu_Latn]
                                [--pairs 100000] [--peer-pairs 10000] [--memory 100000 1000000]

Pairs are two sentences of NTREX-128 and FLORES-200 put together, no two pairs the same, on one core. Seconds are
the best of three rounds after a first call that compiles; OpusFilter's are of one round over the first pairs of
the same file, without reading them, with its own defaults or ours where it has none. Memory is the most that a
process took that reads a file of so many pairs and judges them without identification.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa

from filters.bitext.chain import Chain
from filters.bitext.settings import BitextSettings
from sources.language import language
from sources.pair_files import PairFile
from sources.pair_schema import PairBatch
from sources.readers.pair_batches import read_pair_batches

ROUNDS: Final = 3
# OpusFilter's filters of what the chain asks for: length, long words, ratio, tags, script, letters, copies,
# numbers, ends, repetition.
PEER: Final = """
import json, sys, time
from opusfilter import filters as of
script, unspaced = sys.argv[2], sys.argv[3] == "unspaced"
long = [40, 1050] if unspaced else 40
shares = [0.75, 0.3] if unspaced else [0.75, 0.6]
chain = [
    of.LengthFilter(unit=["word", "char" if unspaced else "word"], min_length=3, max_length=[200, 1050]),
    of.LengthRatioFilter(unit="char", threshold=4 if unspaced else 3), of.LongWordFilter(threshold=long),
    of.HtmlTagFilter(), of.CharacterScoreFilter(scripts=["Latin", script], thresholds=shares),
    of.AlphabetRatioFilter(threshold=0.5), of.SimilarityFilter(threshold=0.9),
    of.NonZeroNumeralsFilter(threshold=0.5), of.TerminalPunctuationFilter(threshold=-2),
    of.RepetitionFilter(threshold=2),
]
pairs = [tuple(line.rstrip("\\n").split("\\t")[1:3]) for line in open(sys.argv[1], encoding="utf-8")]
begun = time.perf_counter()
left = iter(pairs)
for each in chain:
    left = each.filter(left)
kept = sum(1 for _ in left)
print(json.dumps({"seconds": time.perf_counter() - begun, "kept": kept, "pairs": len(pairs)}))
"""
# Japanese is held against one of its scripts, which is what the filter takes.
SCRIPTS: Final = {
    "Latn": "Latin", "Grek": "Greek", "Cyrl": "Cyrillic", "Jpan": "Hiragana", "Hani": "Han", "Deva": "Devanagari",
}  # fmt: skip


def main() -> None:
    """Measures everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("../shared/data"))
    parser.add_argument("--peer", type=Path, default=Path(".venv-opusfilter"))
    parser.add_argument("--language", default="deu_Latn")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--peer-pairs", type=int, default=10_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--judge", help=argparse.SUPPRESS)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    if options.judge:
        print(json.dumps(all_of(Path(options.judge), options.language)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder), options.folder, options.language, options.pairs)
        speeds(path, options)
        for count in options.memory:
            path = written(Path(folder), options.folder, options.language, count)
            command = [
                sys.executable,
                "-m",
                "benchmarks.bitext",
                "--language",
                options.language,
                "--judge",
                str(path),
            ]
            found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            path.unlink()
            print(f"memory, {found['pairs']:>10,} pairs: {found['mebibytes']:,.0f} MiB, {found['kept']:,} kept")


def speeds(path: Path, options: argparse.Namespace) -> None:
    """Pairs a second: reading, the chain in parts, and the peer."""
    file = pair_file(path, options.language)
    batches = list(read_pair_batches(file))
    count = sum(batch.rows for batch in batches)
    alone = ("duplicates", "caps", "identification")
    print(f"{count:,} pairs of English and {options.language}, {path.stat().st_size / count:.0f} bytes a pair:")
    packed = path.with_suffix(".tsv.gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), 6))
    for name, where in (("reading, plain", path), ("reading, gzip", packed)):
        seconds = best(
            lambda where=where: sum(b.rows for b in read_pair_batches(pair_file(where, options.language)))
        )
        print(f"  {name:34} {count / seconds:>10,.0f} pairs a second")
    rates = {}
    for name, skip in (
        ("heuristic steps", alone),
        ("and duplicates, caps", ("identification",)),
        ("and identification: the whole chain", ()),
    ):
        settings = BitextSettings(skip=skip)
        seconds = best(lambda settings=settings: judged(batches, settings, options.language))
        rates[name] = count / seconds
        print(f"  {name:34} {rates[name]:>10,.0f} pairs a second")
    python = options.peer / "bin" / "python"
    if not python.exists():
        print(f"  OpusFilter: no {python}; make it with benchmarks/opusfilter_env.sh")
        return
    head = path.with_name("head.tsv")
    with path.open(encoding="utf-8") as lines:
        head.write_text("".join(line for line, _ in zip(lines, range(options.peer_pairs), strict=False)))
    spoken = language(options.language)
    rule = "unspaced" if spoken.segmentation.rule == "dictionary" else "spaced"
    command = [python, "-c", PEER, head, SCRIPTS[spoken.script], rule]
    peer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[-1])
    rate = peer["pairs"] / peer["seconds"]
    print(
        f"  {'OpusFilter, ten filters':34} {rate:>10,.0f} pairs a second (keeps {peer['kept']:,} of"
        f" {peer['pairs']:,}); the heuristic steps are {rates['heuristic steps'] / rate:,.0f} times as fast,"
        f" the whole chain {rates['and identification: the whole chain'] / rate:,.0f} times"
    )


def best(work: Any) -> float:
    """Seconds of the fastest round."""
    work()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def judged(batches: list[PairBatch], settings: BitextSettings, code: str) -> int:
    """Judges batches with a new chain; how many pairs are kept."""
    chain = Chain(settings, language(code))
    return sum(int(chain.judge(batch.pairs).kept.sum()) for batch in batches)


def all_of(path: Path, code: str) -> dict[str, Any]:
    """Reads and judges a file; what it took at most."""
    chain = Chain(BitextSettings(skip=("identification",)), language(code))
    pairs = kept = 0
    for batch in read_pair_batches(pair_file(path, code)):
        pairs += batch.rows
        kept += int(chain.judge(batch.pairs).kept.sum())
    # Of this process alone: what getrusage says is its parent's where that was larger.
    status = Path("/proc/self/status").read_text()
    peak = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024
    return {"pairs": pairs, "kept": kept, "mebibytes": peak}


def pair_file(path: Path, code: str) -> PairFile:
    """A file that `written` wrote, plain or packed."""
    return PairFile(str(path), path.name, "ntrex", code, "ccmatrix-tsv", english="first")


def written(folder: Path, data: Path, code: str, count: int) -> Path:
    """A file of `count` pairs in CCMatrix's three columns, margins of 1.2 to 1.1."""
    sentences = list(pairs_of(data / "parallel", code))
    size = len(sentences)
    path = folder / f"{count}.tsv"
    with path.open("w", encoding="utf-8") as lines:
        for number in range(count):
            first = sentences[number % size]
            second = sentences[(number + 1 + number // size) % size]
            third = sentences[number // size // size - 1] if number >= size * size else ("", "")
            sides = [" ".join(filter(None, each)) for each in zip(first, second, third, strict=True)]
            lines.write(f"{1.2 - 0.1 * number / count:.6f}\t{sides[0]}\t{sides[1]}\n")
    return path


def pairs_of(folder: Path, code: str) -> Iterator[tuple[str, str]]:
    """The sentences of NTREX-128 and FLORES-200 with their translations."""

    def rows(path: Path) -> list[dict[str, Any]]:
        with gzip.open(path, "rb") as lines:
            return [orjson.loads(line) for line in lines]

    for row in rows(folder / "ntrex" / f"{code}.jsonl.gz"):
        yield row["english"].replace("\t", " "), row["text"].replace("\t", " ")
    english = {row["flores"]: row["text"] for row in rows(folder / "flores" / "eng_Latn.jsonl.gz")}
    for row in rows(folder / "flores" / f"{code}.jsonl.gz"):
        yield english[row["flores"]], row["text"]


if __name__ == "__main__":
    main()
