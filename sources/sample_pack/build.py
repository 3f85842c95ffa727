"""Builds the sample pack: `python -m sources.sample_pack.build [folder]` (default: `sources/sample`)."""

import sys
from pathlib import Path
from typing import Any

from sources.sample_pack import fineweb2, write
from sources.sample_pack.labels import labels
from sources.sample_pack.texts import english, texts

SAMPLE = Path(__file__).parents[1] / "sample"
BENCHMARK = "sample-benchmark"


def build(folder: Path) -> None:
    """Write the whole pack under `folder`. Files that the pack no longer has are left where they are."""
    questions = _benchmark(folder)
    lines: list[dict[str, Any]] = []
    everyone = texts()
    codes = [code for code in everyone if code != "eng_Latn"]
    for position, code in enumerate(codes):
        rows = fineweb2.documents(everyone[code], everyone, position, questions.get(code, []))
        ids = fineweb2.write_language(folder / "fineweb-2", code, rows)
        lines += labels("fineweb-2", code, ids, rows)
    write.json_lines(folder / "labels.jsonl", lines)


def _benchmark(folder: Path) -> dict[str, list[str]]:
    """Write the benchmark that contamination is looked for in; return its questions by language."""
    items = [
        {"id": f"{BENCHMARK}/{number:02d}", "benchmark": BENCHMARK, **item}
        for number, item in enumerate(english("benchmark"))
    ]
    write.json_lines(folder / "benchmarks" / f"{BENCHMARK}.jsonl", items)
    questions: dict[str, list[str]] = {}
    for item in items:
        questions.setdefault(item["language"], []).append(item["question"])
    return questions


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
