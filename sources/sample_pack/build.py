"""Builds the sample pack: `python -m sources.sample_pack.build [folder]` (default: `sources/sample`)."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from sources.sample_pack import english_sources, fineweb2, nllb, write
from sources.sample_pack.labels import labels
from sources.sample_pack.texts import english, texts

SAMPLE = Path(__file__).parents[1] / "sample"
BENCHMARK = "sample-benchmark"


def build(folder: Path) -> None:
    """Write the whole pack under `folder`. Files that the pack no longer has are left where they are."""
    items = [
        {"id": f"{BENCHMARK}/{number:02d}", "benchmark": BENCHMARK, **item}
        for number, item in enumerate(english("benchmark"))
    ]
    write.json_lines(folder / "benchmarks" / f"{BENCHMARK}.jsonl", items)
    everyone = texts()
    lines: list[dict[str, Any]] = []

    codes = [code for code in everyone if code != english_sources.CODE]
    for position, code in enumerate(codes):
        questions = [item["question"] for item in items if item["language"] == code]
        rows = fineweb2.documents(everyone[code], everyone, position, questions)
        ids = fineweb2.write_language(folder / "fineweb-2", code, rows)
        lines += labels("fineweb-2", code, ids, rows)

    written: Counter[str] = Counter()
    for place in english_sources.PLACES:
        rows = english_sources.documents(place, everyone, items)
        ids = english_sources.write_place(folder, place, written[place.source], rows)
        written[place.source] += len(rows)
        lines += labels(place.source, english_sources.CODE, ids, rows)

    nllb.write_pairs(folder / "nllb", everyone)
    write.json_lines(folder / "labels.jsonl", lines)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
