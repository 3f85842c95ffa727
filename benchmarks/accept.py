"""Runs the commands of a mixture's sign-off on a workspace of many documents: seconds and peak memory of each.

    .venv/bin/babelmix mix stage4 --workspace small        # and stage1 to stage3
    .venv/bin/python benchmarks/accept.py --workspace small --grown big [--documents 10000000]

`big` is `small` with every collected document as often as it takes, each time under an id and a URL of its own.
Parquet and indices are as a build writes them, while a file of tokens holds each text once and its index points at
it again and again. So mixtures, removals, traces and reports meet as many documents as they would, in little
space.
Documents that were mined or written by a model are left as they are. Then the stages are mixed anew and the
commands run, each as a process of its own.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mixtures.indexed import _HEADER, _INT32, _MAGIC, _VERSION, IndexedDataset

GROUP = 10_000
BABELMIX = Path(sys.executable).with_name("babelmix")


def grown_documents(place: Path, times: int) -> int:
    """Writes each document of a folder's file so many times; returns the rows."""
    (path,) = place.glob("*.parquet")
    table = pq.read_table(path)
    part = path.with_suffix(".part")
    each = max(1, GROUP // len(table))
    with pq.ParquetWriter(part, table.schema, compression="zstd") as writer:
        for begin in range(0, times, each):
            copies = np.arange(begin, min(begin + each, times))
            rows = table.take(pa.array(np.tile(np.arange(len(table)), len(copies))))
            names = pa.array(np.repeat(copies, len(table)).astype(str))
            suffix = pc.if_else(pc.equal(names, "0"), "", pc.binary_join_element_wise("", names, "~"))
            for column in ("id", "url"):
                at = rows.schema.get_field_index(column)
                said = pc.binary_join_element_wise(rows[column], suffix, "")
                rows = rows.set_column(at, rows.schema.field(column), said)
            writer.write_table(rows.combine_chunks(), row_group_size=len(rows))
    part.replace(path)
    return len(table) * times


def grown_tokens(place: Path, times: int) -> tuple[int, int]:
    """Repeats the index of a folder's file of tokens; returns documents and tokens."""
    (path,) = place.glob("*.idx")
    shard = IndexedDataset(str(path.with_suffix("")))
    lengths = np.tile(np.asarray(shard.lengths, dtype=np.int32), times)
    offsets = np.tile(np.asarray(shard.offsets, dtype=np.int64), times)
    with path.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, _VERSION, _INT32, len(lengths), len(lengths) + 1))
        for each in (lengths, offsets, np.arange(len(lengths) + 1, dtype=np.int64)):
            file.write(each.tobytes())
    return len(lengths), int(lengths.sum(dtype=np.int64))


def noted(place: Path, **totals: Any) -> None:
    """Writes the sizes of a folder's files, and these totals, into its manifest."""
    path = place / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["files"] = {name: (place / name).stat().st_size for name in manifest["files"]}
    manifest["totals"] |= totals
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def grow(workspace: Path, documents: int) -> int:
    """Makes so many documents of a workspace; returns how many there are."""
    folders = []
    for manifest in sorted(workspace.glob("curated/*/*/manifest.json")):
        held = json.loads(manifest.read_text(encoding="utf-8"))
        if held["identity"]["step"] == "curate" and held["totals"]["kept"]:
            folders.append((manifest.parent, held["totals"]))
    made = 0
    for place, totals in folders:
        times = max(1, documents // len(folders) // totals["kept"])
        rows = grown_documents(place, times)
        noted(place, kept=rows, documents=rows + totals["documents"] - totals["kept"], shards={})
        collected = workspace / "collected" / place.relative_to(workspace / "curated")
        (path,) = collected.glob("*.parquet")
        path.unlink()
        os.link(place / path.name, path)
        noted(collected, documents=rows)
        for tokens in workspace.glob(f"tokens/*/{place.parent.name}/{place.name}"):
            of = json.loads((tokens / "manifest.json").read_text(encoding="utf-8"))["totals"]
            count, size = grown_tokens(tokens, times)
            noted(tokens, documents=count, tokens=size, bytes=of["bytes"] * times)
        made += rows
    shutil.rmtree(workspace / "mixtures")
    return made


def run(name: str, *arguments: str | Path, code: int = 0) -> str:
    """Runs a command of babelmix, prints its seconds of clock and peak memory, and returns its output."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen([BABELMIX, *map(str, arguments)], stdout=out, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        spent = used.ru_utime + used.ru_stime
        peak = used.ru_maxrss / 1e6
        print(f"{name:34} {seconds:8.2f} s of clock {spent:8.2f} s of processor {peak:6.2f} GB", flush=True)
        out.seek(0)
        errors.seek(0)
        if process.returncode != code:
            print(f"  exit code {process.returncode}: {errors.read()[-2000:]}", flush=True)
        return out.read()


def sign_off(workspace: Path, tokens: str, output: Path) -> None:
    """Runs every command; exports that copy tokens are of a mixture of fewer, `tokens`."""
    where = ("--workspace", workspace)
    folders = {}
    for stage in ("stage1", "stage2", "stage3", "stage4"):
        said = run(f"mix {stage}", "mix", stage, *where, "--json")
        folders[stage] = Path(json.loads(said)["mixture"])
    mixture = folders["stage4"]
    run("curriculum marco-mini", "curriculum", "marco-mini", *where)
    run("curriculum marco-mini --fresh", "curriculum", "marco-mini", *where, "--fresh")
    token = json.loads(run("trace --sequence 99999 --token 17", *_trace(mixture, 99_999, 17), "--json"))
    print(f"  {token['id']} of {token['source']} {token['language']}")
    run("trace --sequence 5", "trace", mixture, "--sequence", "5")
    run("trace --index", "trace", mixture, "--index")
    found = run("trace --document ID", "trace", mixture, "--document", token["id"], "--json")
    print(f"  read {len(json.loads(found)[0]['readings'])} times")
    ids = output / "ids.txt"
    ids.write_text(f"{token['id']}\n")
    run("remove --ids FILE --check MIXTURE", "remove", "--ids", ids, "--check", mixture, code=1)
    if token["url"]:
        prefix = token["url"].partition("~")[0]
        run("remove --url-prefix … --check", "remove", "--url-prefix", prefix, "--check", mixture, code=1)
    print(run("remove --ids FILE", "remove", "--ids", ids, *where), end="")
    print(run("status --why", "status", "stage4", "--why", *where), end="")
    run("inspect --compare (mixtures)", "inspect", mixture, "--compare", folders["stage3"])
    run("inspect stage4 --compare stage3", "inspect", "stage4", "--compare", "stage3", *where)
    run("lint stage4", "lint", "stage4", *where, code=0)
    for kind, name in (("report", "report.html"), ("card", "README.md")):
        run(f"export --format {kind}", "export", mixture, "--format", kind, "--output", output / name)
    run("export --format megatron --blend-only", *_export(mixture, "megatron", output), "--blend-only")
    # The list that was written above is another mixture's: what stands is mixed as it is.
    (workspace / "removals.jsonl").unlink()
    (workspace / "removals-found.json").unlink()
    fewer = Path(
        json.loads(run(f"mix stage4 --tokens {tokens}", "mix", "stage4", "--tokens", tokens, *where, "--json"))[
            "mixture"
        ]
    )
    for kind in ("megatron", "parquet", "streaming"):
        run(f"export --format {kind}, {tokens}", *_export(fewer, kind, output / "fewer"))


def _trace(mixture: Path, sequence: int, token: int) -> tuple[str | Path, ...]:
    return "trace", mixture, "--sequence", str(sequence), "--token", str(token)


def _export(mixture: Path, kind: str, output: Path) -> tuple[str | Path, ...]:
    output.mkdir(exist_ok=True)
    return "export", mixture, "--format", kind, "--output", output / kind


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--grown", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=10**7)
    parser.add_argument("--tokens", default="20M")
    arguments = parser.parse_args()
    if not arguments.grown.exists():
        begin = time.perf_counter()
        shutil.copytree(arguments.workspace, arguments.grown)
        count = grow(arguments.grown, arguments.documents)
        print(f"{count:,} documents in {time.perf_counter() - begin:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sign_off(arguments.grown, arguments.tokens, Path(folder))


if __name__ == "__main__":
    main()
