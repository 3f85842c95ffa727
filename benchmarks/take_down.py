"""Takes one document down in a workspace of many, and says what the next build does again and how long it takes.

    .venv/bin/python benchmarks/take_down.py [--documents 40000] [--files 20]

Documents are German sentences of ../shared/data in random order, ten a document, so that they pass every filter.
The build is of one language, in this process, one step after the other; times are of processor and clock. Files
that were written are those that were not there before, by their inodes; what was linked to costs nothing.
"""

import argparse
import gzip
import json
import re
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mixtures.recipe import Recipe
from pipelines import document_files
from pipelines.build import build
from pipelines.execute import execute
from pipelines.removals import removal_settings
from pipelines.remove import remove
from pipelines.step import status
from pipelines.workspace import Workspace
from sources.removals import Removal, Removals

TEXT = Path(__file__).parents[2] / "shared" / "data" / "documents" / "deu_Latn.jsonl.gz"
CODE = "deu_Latn"


def mirror(folder: Path, documents: int) -> str:
    """A folder in FineWeb-2's layout with so many documents; returns the id of one."""
    with gzip.open(TEXT, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    sentences = [each for text in texts for each in re.split(r"(?<=[.!?])\s+", text) if 40 < len(each) < 400]
    draw = np.random.default_rng(0)
    rows = []
    for number in range(documents):
        chosen = draw.integers(0, len(sentences), 10)
        text = "\n".join(" ".join(sentences[each] for each in part) for part in np.split(chosen, 5))
        rows.append(
            {"id": f"<urn:uuid:{number:032x}>", "text": text, "url": f"https://h{number % 997}.example.org/"}
        )
    held = {"dump": "D", "date": "2024-01-01T00:00:00Z", "language_score": 0.99, "minhash_cluster_size": 1}
    place = folder / "fineweb-2" / "data" / CODE / "train" / "000_00000.parquet"
    place.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([{**row, **held} for row in rows]), place)
    return str(rows[documents // 2]["id"])


def built(workspace: Workspace, profile: str) -> dict[str, tuple[int, float, float]]:
    """Builds; how many steps of each kind ran, and their seconds of processor and of clock."""
    recipe = Recipe.model_validate(
        {"model": "t", "stage": 1, "tokens": 10**12, "categories": {"multilingual": 100}, "languages": {CODE: 100}}
    )
    found: dict[str, tuple[int, float, float]] = defaultdict(lambda: (0, 0.0, 0.0))
    for step in build(recipe, profile, None, 0, removal_settings(workspace)).steps:
        if status(step, workspace).complete:
            continue
        processor, clock = time.process_time(), time.perf_counter()
        execute(step, workspace)
        count, before, waited = found[step.kind]
        spent = time.process_time() - processor, time.perf_counter() - clock
        found[step.kind] = (count + 1, before + spent[0], waited + spent[1])
    return dict(found)


def shown(name: str, times: dict[str, tuple[int, float, float]]) -> None:
    """Prints the steps that ran."""
    print(f"{name}: {sum(each[1] for each in times.values()):.1f} s of processor")
    for kind, (count, processor, clock) in times.items():
        print(f"  {kind:9} {count} steps  {processor:7.2f} s of processor {clock:7.2f} s")


def files(workspace: Workspace) -> dict[int, tuple[str, int]]:
    """The files of every step that gives documents or tokens, by their inodes: their rooms and sizes."""
    root = Path(workspace.url)
    found = {}
    for room in ("curated", "dropped", "standing", "tokens"):
        for path in (root / room).rglob("*"):
            if path.is_file() and path.name != "manifest.json":
                found[path.stat().st_ino] = (room, path.stat().st_size)
    return found


def written(before: dict[int, tuple[str, int]], after: dict[int, tuple[str, int]]) -> None:
    """Prints how many files of each room, and bytes, were written."""
    for room in sorted({room for room, _ in after.values()}):
        every = {node: size for node, (name, size) in after.items() if name == room}
        anew = {node: size for node, size in every.items() if node not in before}
        of = f"{len(every)} files, {sum(every.values()) / 1e6:.2f} MB"
        print(f"  {room:9} {len(anew)} of {of} written: {sum(anew.values()) / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=40_000)
    parser.add_argument("--files", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        one = mirror(Path(folder, "mirror"), arguments.documents)
        # A file of documents is a gigabyte of text; here it is smaller, so that there are as many as asked for.
        document_files.FILE_BYTES = arguments.documents * 1400 // arguments.files  # type: ignore[misc]
        document_files._GROUP_ROWS = arguments.documents // arguments.files  # type: ignore[misc]
        workspace = Workspace(f"{folder}/workspace")
        built(workspace, str(Path(folder, "mirror")))  # compiles
        again = Workspace(f"{folder}/again")
        shown("first build", built(again, str(Path(folder, "mirror"))))
        begin = time.perf_counter()
        done = remove(again, Removals([Removal(id=one)]))
        print(f"remove one document: {time.perf_counter() - begin:.2f} s, {done.documents}")
        begin = time.perf_counter()
        done = remove(again, Removals([Removal(id=one)]), near_duplicates=True)
        print(f"look for its near-duplicates: {time.perf_counter() - begin:.2f} s, {done.near_duplicates} found")
        before = files(again)
        shown("build after the removal", built(again, str(Path(folder, "mirror"))))
        written(before, files(again))


if __name__ == "__main__":
    main()
