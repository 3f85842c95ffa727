"""Which steps a model's texts are made in: by recipe, profile, settings and recordings."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from command_line import times
from conftest import Built
from speaker import Speaker

from mixtures.recipe import ENGLISH, Recipe, load_recipe
from pipelines.build import build
from pipelines.run import run_steps
from pipelines.step import Step
from pipelines.synthesis_steps import synthesis_step, synthesis_steps
from pipelines.workspace import Workspace
from sources.buckets import Bucket
from sources.errors import BabelmixError
from synth.engine.settings import EngineSettings
from synth.settings import RECORDINGS, SAMPLE_SYNTHESIS, Synthesis, recordings
from tests.synth.engine_server import MODEL

STAGE4 = load_recipe("marco-mini", "stage4")
BUCKETS = [
    Bucket("stem", "nemotron-pretraining-specialized-v1", ENGLISH),
    Bucket("wiki", "dolmino-mix-1124", ENGLISH),
    *(Bucket("multilingual", "fineweb-2", code) for code in sorted(STAGE4.language_codes())),
]
CURATED = {
    (each.source, each.language): Step("curate", 1, (f"curated/{each.source}/{each.language}",), {})
    for each in BUCKETS
}


def _steps(recipe: Recipe = STAGE4, profile: str = "sample") -> list[Step]:
    return synthesis_steps(recipe, profile, CURATED, BUCKETS)


def _own(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: Any) -> None:
    file = folder / "synthesis.yaml"
    file.write_text(yaml.safe_dump({"writer": {"url": "http://localhost:1", "model": "m"}, **settings}), "utf-8")
    monkeypatch.setenv("BABELMIX_SYNTHESIS", str(file))


def test_what_was_recorded_is_replayed() -> None:
    found = _steps()
    assert Counter(step.kind for step in found) == {"questions": 29, "culture": 29, "translate": 12, "rephrase": 3}
    by_name = {step.name: step for step in found}
    article = by_name["curated/synthetic-culture/ell_Grek"]
    assert article.folders[:2] == ("dropped/synthetic-culture/ell_Grek", "synthetic/culture/ell_Grek")
    assert [each.name for each in article.inputs] == ["curated/fineweb-2/ell_Grek"]
    translated = by_name["curated/synthetic-translation/ell_Grek"]
    assert [each.name for each in translated.inputs] == ["curated/nemotron-pretraining-specialized-v1/eng_Latn"]
    assert by_name["curated/synthetic-rephrase/zsm_Latn"].folders[1] == "synthetic/rephrase/zsm_Latn"


def test_a_recipe_asks_for_kinds_by_their_names() -> None:
    assert _steps(STAGE4.model_copy(update={"synthesis": ()})) == []
    some = _steps(STAGE4.model_copy(update={"synthesis": ("rephrase", "culture")}))
    assert Counter(step.kind for step in some) == {"rephrase": 3, "culture": 29}


def test_a_server_writes_in_every_language(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert _steps(profile="hub") == []
    _own(monkeypatch, tmp_path)
    found = _steps(profile="hub")
    assert Counter(step.kind for step in found) == {"questions": 29, "culture": 29, "translate": 28, "rephrase": 6}
    weak = {step.settings["language"] for step in found if step.kind == "rephrase"}
    assert weak == {"azj_Latn", "heb_Hebr", "kaz_Cyrl", "npi_Deva", "urd_Arab", "zsm_Latn"}
    _own(monkeypatch, tmp_path, rephrase={"languages": ["ell_Grek"]})
    assert [step.name for step in _steps(profile="hub") if step.kind == "rephrase"] == [
        "curated/synthetic-rephrase/ell_Grek"
    ]
    _own(monkeypatch, tmp_path, rephrase={"languages": ["el"]})
    with pytest.raises(BabelmixError, match="ell_Grek"):
        _steps(profile="hub")


def test_there_must_be_something_to_translate() -> None:
    with pytest.raises(
        BabelmixError, match="the recipe has none of the categories nemotron-cc-high-synthetic, stem"
    ):
        synthesis_steps(STAGE4, "sample", CURATED, [each for each in BUCKETS if each.category != "stem"])


def _changed(synthesis: Synthesis) -> set[str]:
    """The kinds whose step is another one by these settings."""
    kinds = ("questions", "culture", "translate", "rephrase")
    return {
        kind
        for kind in kinds
        if synthesis_step(kind, "azj_Latn", synthesis, []).fingerprint
        != synthesis_step(kind, "azj_Latn", SAMPLE_SYNTHESIS, []).fingerprint
    }


def test_settings_of_one_kind_are_no_other_kinds() -> None:
    def other(**update: Any) -> Synthesis:
        return SAMPLE_SYNTHESIS.model_copy(update=update)

    culture, translate, rephrase = (
        getattr(SAMPLE_SYNTHESIS, kind) for kind in ("culture", "translate", "rephrase")
    )
    assert _changed(SAMPLE_SYNTHESIS) == set()
    assert _changed(other(culture=culture.model_copy(update={"precision": 0.9}))) == {"culture"}
    assert _changed(other(translate=translate.model_copy(update={"documents": 7}))) == {"translate"}
    assert _changed(other(rephrase=rephrase.model_copy(update={"documents": 7}))) == {"rephrase"}
    assert _changed(other(documents=7)) == {"questions"}


def test_recordings_prompts_and_concepts_are_in_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fingerprint(synthesis: Synthesis = SAMPLE_SYNTHESIS) -> str:
        return synthesis_step("culture", "azj_Latn", synthesis, []).fingerprint

    before = fingerprint()
    copy = tmp_path / "completions"
    copy.mkdir()
    for path in recordings("azj_Latn", "culture"):
        shutil.copy(path, copy)
    monkeypatch.setattr("synth.settings.RECORDINGS", copy)
    assert fingerprint() == before
    (file,) = copy.iterdir()
    file.write_bytes(file.read_bytes() + b"\n")
    assert fingerprint() != before
    monkeypatch.setattr("synth.settings.RECORDINGS", RECORDINGS)
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.synthesis_steps.prompts_digest", lambda task: f"other {task}")
        assert fingerprint() != before
    results = tmp_path / "concepts.csv"
    culture = SAMPLE_SYNTHESIS.culture.model_validate({"concepts": {"results": {"azj_Latn": [results]}}})
    named = SAMPLE_SYNTHESIS.model_copy(update={"culture": culture})
    with pytest.raises(BabelmixError, match=r"concepts\.csv: cannot be read"):
        fingerprint(named)
    results.write_text("item,label,english\n", encoding="utf-8")
    empty = fingerprint(named)
    results.write_text("item,label,english\nQ1,a,b\n", encoding="utf-8")
    assert len({before, empty, fingerprint(named)}) == 3


def test_a_step_is_carried_out_by_a_server_and_told_of(built: Built, tmp_path: Path) -> None:
    """As a build does it, in a worker process; what was paid for is not asked again by other settings."""
    place = Workspace(str(built.copy(tmp_path)))
    replayed = {step.name: step for step in build(STAGE4, "sample", None, 0).steps}
    inputs = [replayed["curated/fineweb-2/ell_Grek"]]
    told: list[str] = []
    with Speaker(recordings("ell_Grek", "culture"), delay_s=0.4) as server:
        writer = EngineSettings(url=server.url, model=MODEL, concurrency=1)
        step = synthesis_step("culture", "ell_Grek", Synthesis(writer=writer), inputs)
        totals = run_steps([*inputs, step], place, lambda *_: None, 1, lambda _, line: told.append(line))
        assert totals[step.name]["kept"] == 1 and totals[step.name]["replayed"] is False
        assert any("of 9 documents rated" in line and "tokens/s" in line and "left" in line for line in told)
        asked = len(server.served)
        assert asked == 15
        before = times(Path(place.url))
        run_steps([*inputs, step], place, lambda *_: None, 1)
        assert times(Path(place.url)) == before
        stricter = Synthesis.model_validate({"writer": writer, "culture": {"articles": 2}})
        other = synthesis_step("culture", "ell_Grek", stricter, inputs)
        assert run_steps([*inputs, other], place, lambda *_: None, 1)[other.name]["passages"]["cap.enough"] == 1
        assert len(server.served) == asked
    (row,) = pq.read_table(Path(place.at(step.name), "00000.parquet")).to_pylist()
    assert f'"model":"{MODEL}"' in row["metadata"]
    # Nobody is told any more of what has ended.
    assert not (tmp_path / "workspace" / ".staging").exists()
