"""`babelmix mix`, `status` and `inspect` on the sample pack, from the shell prompt."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from command_line import BIN, CommandLine, digests, manifests, mixture, times
from conftest import Built

from mixtures.reader import MixtureReader
from mixtures.recipe import load_recipe
from sources.buckets import buckets

REPOSITORY = Path(__file__).parents[2]
LABELS = REPOSITORY / "sources" / "sample" / "labels.jsonl"
PACKAGES = ("sources", "filters", "synth", "mixtures", "pipelines", "flows")
PAIRS = sorted({(each.source, each.language) for each in buckets("sample") if each.category != "bitext"})


def _labels() -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for line in LABELS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault((row["source"], row["language"]), {})[row["id"]] = row
    return found


def _one_by_one(plan: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {row[kind]: row for row in plan}  # type: ignore[index]


def test_mix_prints_the_tables_and_where_the_mixture_and_its_report_are(built: Built) -> None:
    place = mixture(built.workspace)
    lines = built.ended.out.splitlines()
    assert built.ended.err == ""
    assert lines[-2].split() == ["Mixture", f"workspace/{place.relative_to(built.workspace)}"]
    assert lines[-1].split() == ["Report", f"workspace/{place.relative_to(built.workspace)}/report.html"]
    assert (place / "report.html").stat().st_size > 1000
    for word in ("ell_Grek", "multilingual", "epochs", "kept"):
        assert word in built.ended.out


def test_a_second_mix_recomputes_nothing_and_says_so(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    workspace = built.copy(tmp_path)
    before = times(workspace)
    printed = babelmix("mix", "stage4").done()
    steps = sum(1 for _ in manifests(workspace)) - sum(1 for name, _ in manifests(workspace) if "dropped" in name)
    assert f"Nothing was recomputed: all {steps} steps were complete." in printed
    assert "documents kept" not in printed
    assert times(workspace) == before


def test_another_machine_gives_the_same_bytes(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    """Another folder, one processor instead of all, another time zone, locale and hash seed."""

    def one_processor() -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    own = {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    workspace = tmp_path / "elsewhere" / "a place with spaces"
    babelmix("mix", "stage4", "--workspace", workspace, own=own, before=one_processor).done()
    assert digests(workspace) == digests(built.workspace)
    assert mixture(workspace).name == mixture(built.workspace).name


@pytest.mark.parametrize(("source", "language"), PAIRS)
def test_verdicts_equal_the_labels(built_global: Built, source: str, language: str) -> None:
    wanted = _labels()[source, language]
    curated, dropped, collected = (
        built_global.workspace / kind / source / language for kind in ("curated", "dropped", "collected")
    )
    kept = pl.read_parquet(curated / "*.parquet", columns=["id", "text", "scores"])
    rows = pl.concat(pl.read_parquet(path) for path in sorted(dropped.glob("*.parquet"))).rows(named=True)
    ids = [*kept["id"], *(row["id"] for row in rows)]
    assert Counter(ids) == Counter(pl.read_parquet(collected / "*.parquet", columns=["id"])["id"])
    assert len(ids) == len(set(ids))
    found = dict.fromkeys(kept["id"], ("kept", None)) | {row["id"]: ("dropped", row["filter"]) for row in rows}
    assert found == {name: (row["verdict"], row["filter"]) for name, row in wanted.items()}
    redacted = {
        name: {kind: int(dict(map(dict.values, scores)).get(f"privacy.{kind}", 0)) for kind in ("email", "ip")}
        for name, scores in zip(kept["id"], kept["scores"], strict=True)
    }
    assert redacted == {name: wanted[name]["pii"] for name in redacted}


def test_every_label_is_held_against_a_verdict() -> None:
    assert sorted(_labels()) == PAIRS
