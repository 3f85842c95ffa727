"""`babelmix mix`, `status` and `inspect` on the sample pack, from the shell prompt."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import BIN, REPOSITORY, CommandLine, digests, mixture, steps_of, times
from conftest import Built

from mixtures.reader import MixtureReader
from mixtures.recipe import load_recipe
from sources.buckets import buckets

LABELS = REPOSITORY / "sources" / "sample" / "labels.jsonl"
PACKAGES = ("sources", "filters", "synth", "mixtures", "pipelines", "flows")
PAIRS = sorted({(each.source, each.language) for each in buckets("sample") if each.category != "bitext"})


def _labels() -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for line in LABELS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.setdefault((row["source"], row["language"]), {})[row["id"]] = row
    return found


def _rows(folder: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    return rows


def _by(name: str, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row[name]: row for row in rows}


def test_mix_prints_the_tables_and_where_the_mixture_and_its_report_are(built: Built) -> None:
    place = mixture(built.workspace)
    lines = built.ended.out.splitlines()
    assert built.ended.err == ""
    assert lines[-2].split() == ["Mixture", f"workspace/{place.relative_to(built.workspace)}"]
    assert lines[-1].split() == ["Report", f"workspace/{place.relative_to(built.workspace)}/report.html"]
    assert (place / "report.html").stat().st_size > 1000
    for word in ("ell_Grek", "multilingual", "epochs", "kept"):
        assert word in built.ended.out
    assert not (built.workspace / ".staging").exists()


def test_a_second_mix_recomputes_nothing_and_says_so(built: Built, tmp_path: Path, babelmix: CommandLine) -> None:
    workspace = built.copy(tmp_path)
    before = times(workspace)
    printed = babelmix("mix", "stage4").done()
    steps = steps_of(workspace)
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
    kept = {row["id"]: dict(row["scores"]) for row in _rows(curated)}
    rows = _rows(dropped)
    # Each document once, and in one of both.
    ids = [row["id"] for row in _rows(collected)]
    assert sorted([*kept, *(row["id"] for row in rows)]) == sorted(ids)
    assert len(ids) == len(set(ids))
    found = dict.fromkeys(kept, ("kept", None)) | {row["id"]: ("dropped", row["filter"]) for row in rows}
    assert found == {name: (row["verdict"], row["filter"]) for name, row in wanted.items()}
    # Categories that addresses are not looked for in have no such score.
    redacted = {
        name: {"email": scores.get("privacy.emails", 0), "ip": scores.get("privacy.ips", 0)}
        for name, scores in kept.items()
    }
    assert redacted == {name: wanted[name]["pii"] for name in kept}


def _counts(workspace: Path, step: str) -> Counter[str]:
    """Documents and reasons of all languages, of the folders that a kind of step made."""
    found: Counter[str] = Counter()
    for path in (workspace / "curated").glob("*/*/manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["identity"]["step"] != step:
            continue
        totals = manifest["totals"]
        found.update({"documents": totals["documents"], "kept": totals["kept"]})
        for row in totals["dropped"]:
            found[f"{row['filter']}: {row['reason']}"] += row["documents"]
    return found


def test_the_packs_pairs_are_kept_and_dropped_as_they_were(built_global: Built) -> None:
    # The pack has the same seventeen sentences in 25 languages, and a sentence stays in 16.
    assert _counts(built_global.workspace, "render") == {
        "documents": 425,
        "kept": 225,
        "bitext: identical": 25,
        "bitext: numbers_missing": 24,
        "bitext: duplicate": 25,
        "bitext: target_language": 3,
        "bitext: language_cap": 123,
    }


def test_the_packs_questions_are_kept_and_dropped_as_they_were(built_global: Built) -> None:
    # 192 good ones, of which five are lost, and 192 with a fault.
    assert _counts(built_global.workspace, "questions") == {
        "documents": 384,
        "kept": 187,
        "synthesis: form.contained.option_in_option": 17,
        "synthesis: ground.shared.ungrounded": 2,
        "synthesis: form.in_stem.answer_in_stem": 11,
        "synthesis: form.key_length.key_longest": 15,
        "synthesis: form.options.option_repeated": 10,
        "synthesis: form.quoted.quote_not_found": 16,
        "synthesis: form.script.wrong_script": 19,
        "synthesis: ground.stated.answer_not_stated": 1,
        "synthesis: form.whole.cut_off": 28,
        "synthesis: language.fields.wrong_language": 35,
        "synthesis: model.solve.not_answerable": 4,
        "synthesis: model.truth.two_right_answers": 2,
        "synthesis: set.benchmark.benchmark": 9,
        "synthesis: set.duplicate.near_duplicate": 1,
        "synthesis: write.truncated": 17,
        "synthesis: write.unparsable": 10,
    }


def test_the_packs_articles_are_kept_and_dropped_as_they_were(built_global: Built) -> None:
    # Of each of 29 languages one text has an article; three of them have a fourth text.
    assert _counts(built_global.workspace, "culture") == {
        "documents": 90,
        "kept": 29,
        "synthesis: article.declined": 61,
    }
    assert _counts(built_global.workspace, "translate") == {"documents": 12, "kept": 12}
    assert _counts(built_global.workspace, "rephrase") == {"documents": 3, "kept": 3}


def test_the_pack_is_kept_and_dropped_as_it_was(built_global: Built) -> None:
    found = _counts(built_global.workspace, "curate")
    assert found == {
        "documents": 1091,
        "kept": 671,
        "language: wrong_language": 61,
        "language: script_share": 3,
        "duplicates: exact": 72,
        "duplicates: near": 64,
        "repetition: dup_line_frac": 60,
        "repetition: top_4_gram": 3,
        "repetition: duplicated_5_n_grams": 4,
        "quality: line_punct_ratio": 101,
        "quality: list_ratio": 17,
        "quality: gopher_below_alpha_threshold": 15,
        "quality: gopher_short_doc": 7,
        "contamination: benchmark": 13,
    }


def test_every_label_is_held_against_a_verdict() -> None:
    assert sorted(_labels()) == PAIRS


@pytest.fixture(scope="module")
def greek_is_stricter(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which babelmix is a copy of this one but for one threshold of Greek."""
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "sources" / "languages" / "ell_Grek.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count("line_punct_thr: 0.167\n") == 1
    path.write_text(text.replace("line_punct_thr: 0.167\n", "line_punct_thr: 0.25\n"), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


GREEK = ["curated/fineweb-2/ell_Grek", "tokens/multilingual/fineweb-2/ell_Grek"]
# What stands on these documents; the translations are held against what is known of Greek.
WRITTEN = [f"{source}/ell_Grek" for source in ("regional-questions", "synthetic-culture", "synthetic-translation")]
ASKED = [*(f"curated/{each}" for each in WRITTEN), *(f"tokens/multilingual/{each}" for each in WRITTEN)]


def _would_run(printed: str) -> list[tuple[str, str]]:
    lines = [line.removeprefix("would run ") for line in printed.splitlines() if line.startswith("would run ")]
    return [(step, why) for step, _, why in (line.partition(": ") for line in lines)]


def test_status_of_a_complete_workspace_names_no_step(built: Built, babelmix: CommandLine) -> None:
    printed = babelmix("status", "--why", "--workspace", built.workspace).done()
    done, _, steps = printed.split()[:3]
    assert done == steps
    assert _would_run(printed) == []


def test_status_of_no_workspace_names_every_step_and_makes_no_folder(
    tmp_path: Path, babelmix: CommandLine
) -> None:
    rows = json.loads(babelmix("status", "--json", "--workspace", tmp_path / "none").done())
    assert rows
    assert not any(row["complete"] for row in rows)
    assert not (tmp_path / "none").exists()


def test_why_after_a_change_of_one_languages_threshold(
    built: Built, babelmix: CommandLine, greek_is_stricter: dict[str, str]
) -> None:
    before = times(built.workspace)
    printed = babelmix("status", "--why", "--workspace", built.workspace, own=greek_is_stricter).done()
    (curated, threshold), *rest = _would_run(printed)
    *follow, mixed = [step for step, _ in rest]
    # Questions and articles stand on the documents, so that they and their tokens follow.
    assert [curated, *follow] == [GREEK[0], "curation", *ASKED[:3], GREEK[1], *ASKED[3:]]
    assert threshold == "curation.language.thresholds.line_punct_thr was 0.167, is 0.25"
    assert mixed.startswith("mixtures/marco-mini/stage4/")
    assert times(built.workspace) == before


def test_mix_after_a_change_of_one_languages_threshold_runs_what_status_named(
    built: Built, tmp_path: Path, babelmix: CommandLine, greek_is_stricter: dict[str, str]
) -> None:
    workspace = built.copy(tmp_path)
    before = times(workspace)
    babelmix("mix", "stage4", own=greek_is_stricter).done()
    after = times(workspace)
    changed = {name for name in after if after[name] != before.get(name)}
    folders = {str(Path(name).parent) for name in changed} - {"."}
    (new,) = {mixture.name for mixture in (workspace / "mixtures/marco-mini/stage4").iterdir()} - {
        mixture(built.workspace).name
    }
    report = {"curation", "curation/cards"}
    besides = {f"{room}/fineweb-2/ell_Grek" for room in ("dropped", "standing")}
    besides |= {f"dropped/{each}" for each in WRITTEN}
    besides |= {f"synthetic/{room}/ell_Grek" for room in ("questions", "culture", "translation")}
    assert folders == {*GREEK, *ASKED, *report, *besides, f"mixtures/marco-mini/stage4/{new}"}


def test_after_a_change_of_the_recipes_weights_only_the_mixture_is_built(
    built: Built, tmp_path: Path, babelmix: CommandLine
) -> None:
    workspace = built.copy(tmp_path)
    before = times(workspace)
    text = (REPOSITORY / "mixtures/recipes/marco-mini/stage4.yaml").read_text(encoding="utf-8")
    recipe = tmp_path / "more-code.yaml"
    recipe.write_text(
        text.replace("code: 0.41", "code: 1.31").replace("math: 1.08", "math: 0.18"), encoding="utf-8"
    )

    ((step, _),) = _would_run(babelmix("status", recipe, "--why").done())
    assert step.startswith("mixtures/marco-mini/stage4/")
    babelmix("mix", recipe).done()
    after = times(workspace)
    assert {str(Path(name).parent) for name in after if after[name] != before.get(name)} - {"."} == {step}
    plan = json.loads((workspace / step / "manifest.json").read_text(encoding="utf-8"))["totals"]["plan"]
    share = _by("category", plan["categories"])["code"]["share_planned"]
    assert share == pytest.approx(0.0131, abs=1e-4)
    # The mixture that stood is still there, and still right.
    assert "Nothing was recomputed" in babelmix("mix", "stage4").done()


PLANNED = {"share_wanted", "share_planned", "tokens_wanted", "tokens_planned", "tokens_available", "epochs"}
NAMES = {
    "categories": {"category"},
    "languages": {"language"},
    "buckets": {"category", "source", "language"},
}


def _check_object(plan: dict[str, Any], inventory: str) -> None:
    assert {"model", "stage", "tokens", "inventory", "fingerprint", "warnings", *NAMES} <= plan.keys()
    assert (plan["model"], plan["stage"], plan["inventory"]) == ("marco-mini", 4, inventory)
    assert all(isinstance(warning, str) for warning in plan["warnings"])
    recipe = load_recipe("marco-mini", 4)
    assert set(_by("category", plan["categories"])) == set(recipe.category_shares())
    assert set(_by("language", plan["languages"])) == {"eng_Latn", *recipe.language_codes()}
    for kind, names in NAMES.items():
        for row in plan[kind]:
            assert row.keys() >= names | PLANNED
        assert sum(row["share_wanted"] for row in plan[kind]) == pytest.approx(1, abs=1e-6)
        assert sum(row["tokens_planned"] for row in plan[kind]) == plan["tokens_planned"]


def test_inspect_as_json_is_the_plan_of_the_mixture(built: Built, babelmix: CommandLine) -> None:
    plan = json.loads(babelmix("inspect", "stage4", "--json", "--workspace", built.workspace).done())
    _check_object(plan, "ledger")
    manifest = json.loads((mixture(built.workspace) / "manifest.json").read_text(encoding="utf-8"))
    assert plan == manifest["totals"]["plan"]
    assert plan["tokens_planned"] == pytest.approx(manifest["totals"]["tokens"], rel=0.01)


def test_inspect_from_upstream_sizes_needs_no_workspace(tmp_path: Path, babelmix: CommandLine) -> None:
    plan = json.loads(babelmix("inspect", "stage4", "--inventory", "upstream", "--json").done())
    _check_object(plan, "upstream")
    assert plan["tokens"] == 500_000_000_000
    assert any("estimate" in warning for warning in plan["warnings"])
    assert list(tmp_path.iterdir()) == []


def test_the_mixture_is_read_back_whole(built: Built) -> None:
    reader = MixtureReader(mixture(built.workspace), length=512)
    manifest = json.loads((mixture(built.workspace) / "manifest.json").read_text(encoding="utf-8"))
    tokens = sum(len(each.tokens) for each in reader)
    assert 0 <= manifest["totals"]["tokens"] - tokens < 512


def test_mix_as_json_prints_one_object(built: Built, babelmix: CommandLine) -> None:
    place = mixture(built.workspace)
    found = json.loads(babelmix("mix", "stage4", "--json", "--workspace", built.workspace).done())
    totals = json.loads((place / "manifest.json").read_text(encoding="utf-8"))["totals"]
    assert found == {"mixture": str(place), **totals}


def test_the_console_script_is_installed() -> None:
    assert (BIN / "babelmix").is_file()
