"""From curated documents to cultural articles: who decides what is dense, and what becomes of every document."""

# ruff: noqa: E501

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pipelines_greek import curated_greek
from scripted_engine import ScriptedEngine

from pipelines.chosen_documents import Chosen
from pipelines.synthesise_culture import ANNOTATIONS, RATINGS, synthesise_culture
from sources.errors import BabelmixError
from sources.language import language
from sources.schema import DOCUMENT
from synth.culture.settings import ConceptFiles, CultureSettings
from synth.engine.replay import ReplayEngine
from synth.request import Completion, Request
from synth.settings import SAMPLE_SYNTHESIS, recordings
from synth.written import WRITTEN

GREEK, ENGLISH = language("ell_Grek"), language("eng_Latn")
BELLS = (
    "On practice night in many English villages, the sound that drifts over the rooftops is not a tune at all. Change"
    " ringers pull their bells in a strict numerical order, then swap places row by row, so that the sequence keeps"
    " shifting and no row is heard twice. The art depends on the way the bells are hung. Each one is fixed to a wheel"
    " and swings through a full circle, which gives the ringer just enough control to hold it back."
)
ARTICLE = (
    "<title>Change ringing</title><article>Change ringing is a way of sounding church bells. It produces no melody:"
    " the ringers begin with a fixed order and then let the bells trade places, taking care that an order already"
    " rung does not return. What makes this possible is a wheel, to which every bell is attached and on which it"
    " turns right round, so that the person at the rope can delay it slightly.</article>"
    "<evidence>Each one is fixed to a wheel and swings through a full circle</evidence>"
)
DENSE = ["wedding", "bread", "harvest", "saint", "procession", "embroidery", "song", "feast", "dowry"]
OTHER = ["server", "price", "download", "warranty", "invoice", "update", "router", "login", "index"]
COMMON = ["the", "a", "of", "and", "in", "on", "with", "for", "many", "old", "new", "some", "every"]


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pack's Greek documents as curation keeps them."""
    return curated_greek(tmp_path_factory.mktemp("greek"))


def _places(folder: Path) -> dict[str, str]:
    found = {name: folder / name for name in ("records", "documents", "dropped")}
    for path in found.values():
        path.mkdir(parents=True)
    return {name: str(path) for name, path in found.items()}


def _rows(folder: str, name: str = "") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(Path(folder) / name).to_pylist()
    return rows


def _english(folder: Path, count: int) -> str:
    """`count` documents of which every third is about customs, the first of them about bells."""
    draw, rows = random.Random(3), []
    for at in range(count):
        words = draw.choices(COMMON, k=40) + draw.choices(OTHER if at % 3 else DENSE, k=40)
        draw.shuffle(words)
        rows.append({"id": f"d{at}", "text": " ".join(words) + "."})
    rows[0]["text"] = f"{BELLS} {' '.join(DENSE)}."
    fixed = {"language": "eng_Latn", "source": "web", "category": "wiki", "scores": []}
    folder.mkdir(parents=True)
    table = pa.Table.from_pylist([{**row, **fixed} for row in rows], DOCUMENT)
    pq.write_table(table, folder / "00000.parquet", row_group_size=50)
    return str(folder)


def _answer(request: Request) -> str:
    asked = request.messages[-1].content.rpartition("</text>")[0].rpartition("<text>")[2]
    match request.prompt.partition("@")[0]:
        case "culture/rate":
            return f"<reason>words</reason><score>{4 if 'dowry' in asked or 'feast' in asked else 0}</score>"
        case "culture/annotate":
            passage = asked.strip()[:60]
            return f"<topic>music</topic><region>GB</region><evidence>{passage}</evidence>"
        case _:
            return ARTICLE if BELLS in asked else "<skip>words</skip>"


def _everyone_is_accounted_for(folder: str, places: dict[str, str], totals: dict[str, Any]) -> None:
    ids = [row["id"] for row in _rows(folder)]
    kept = [json.loads(row["metadata"])["source_id"] for row in _rows(places["documents"])]
    dropped = _rows(places["dropped"])
    assert sorted([*kept, *(row["id"] for row in dropped)]) == sorted(ids)
    assert {row["filter"] for row in dropped} == {"synthesis"}
    counted = {row["reason"]: row["documents"] for row in totals["dropped"]}
    counted |= {name: count for name, count in totals["passages"].items() if name != "taken"}
    assert counted == {reason: sum(row["reason"] == reason for row in dropped) for reason in counted}
    assert sum(counted.values()) == len(dropped)
    assert totals["passages"]["taken"] == totals["documents"]


def test_the_packs_articles_are_replayed(curated: str, tmp_path: Path) -> None:
    engine, places = ReplayEngine(recordings("ell_Grek", "culture")), _places(tmp_path)
    totals = synthesise_culture([curated], GREEK, engine, SAMPLE_SYNTHESIS.culture, places)
    assert totals["kept"] == 1 and totals["documents"] == 3 and totals["rated"] == 9
    assert totals["decided"] == {"by": "ratings", "why": "all 9 documents were rated"}
    assert totals["dropped"] == [{"filter": "synthesis", "reason": "article.declined", "documents": 2}]
    _everyone_is_accounted_for(curated, places, totals)
    not_dense = [row for row in _rows(places["dropped"]) if row["reason"] == "rating.not_dense"]
    assert [(row["value"], row["threshold"]) for row in not_dense] == [(0.0, 3.0)] * 6
    (document,) = _rows(places["documents"])
    told = json.loads(document["metadata"])
    assert (document["source"], document["category"]) == ("synthetic-culture", "multilingual")
    assert (told["model"], told["kind"], told["region"]) == (engine.model, "culture", "GR-F")
    text = next(row["text"] for row in _rows(curated) if row["id"] == told["source_id"])
    assert all(text[each["start"] : each["end"]] == each["text"] for each in told["evidence"])
    (record,) = _rows(places["records"], "00000.parquet")
    assert pq.read_schema(Path(places["records"]) / "00000.parquet").equals(WRITTEN)
    assert record["text"] == document["text"] and record["source_id"] == told["source_id"]
    assert dict(record["checks"])["new_numbers"] == 0 and dict(record["checks"])["novelty"] > 0.2
    assert json.loads(record["about"])["topic"] == "calendar"
    assert len(_rows(places["records"], RATINGS)) == 9 and len(_rows(places["records"], ANNOTATIONS)) == 3
    page = (tmp_path / "records" / "sheet.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 1 and "all 9 documents were rated" in page


def test_a_classifier_decides_over_what_was_not_rated(tmp_path: Path) -> None:
    folder, places = _english(tmp_path / "in", 900), _places(tmp_path / "out")
    engine = ScriptedEngine(_answer, window=64)
    settings = CultureSettings(rated=600, precision=0.95)
    totals = synthesise_culture([folder], ENGLISH, engine, settings, places)
    decided = totals["decided"]
    assert decided["by"] == "classifier" and decided["precision"] >= 0.95
    assert sum(each.prompt.startswith("culture/rate") for each in engine.asked) == totals["rated"] == 600
    _everyone_is_accounted_for(folder, places, totals)
    annotated = _rows(places["records"], ANNOTATIONS)
    assert len(annotated) == totals["documents"]
    found = [row for row in annotated if row["density"] is not None]
    assert all(row["density"] >= decided["threshold"] and row["rating"] is None for row in found)
    # Every third document is dense: of what the classifier finds most are, and it finds most of them.
    right = sum(int(row["id"][1:]) % 3 == 0 for row in found)
    assert right >= 0.8 * len(found) and right >= 70
    below = [row for row in _rows(places["dropped"]) if row["reason"] == "classifier.density"]
    assert below and all(row["value"] < row["threshold"] == decided["threshold"] for row in below)
    assert totals["kept"] == 1
    assert {"density.bin", "density.bin.yaml", "density.bin.json"} <= {
        path.name for path in (tmp_path / "out" / "records").iterdir()
    }


def test_with_too_few_ratings_the_ratings_decide(tmp_path: Path) -> None:
    folder, places = _english(tmp_path / "in", 90), _places(tmp_path / "out")
    # The document that there is an article on is among those that are rated.
    assert {"id": "d0", "source": "web"} in Chosen((folder,), ("wiki",)).sample(60)
    totals = synthesise_culture([folder], ENGLISH, ScriptedEngine(_answer), CultureSettings(rated=60), places)
    assert totals["decided"]["by"] == "ratings" and "too few to train" in totals["decided"]["why"]
    assert totals["passages"]["rating.not_rated"] == 30 and totals["rated"] == 60
    _everyone_is_accounted_for(folder, places, totals)


def test_only_so_many_are_written_of(tmp_path: Path) -> None:
    folder, places = _english(tmp_path / "in", 30), _places(tmp_path / "out")
    totals = synthesise_culture([folder], ENGLISH, ScriptedEngine(_answer), CultureSettings(articles=4), places)
    assert totals["documents"] == 4 and totals["passages"]["cap.enough"] == 6
    _everyone_is_accounted_for(folder, places, totals)
    beyond = [row for row in _rows(places["dropped"]) if row["reason"] == "cap.enough"]
    assert {(row["value"], row["threshold"]) for row in beyond} == {(5.0, 4.0)}


def test_the_order_of_completions_is_no_part_of_the_result(tmp_path: Path) -> None:
    folder = _english(tmp_path / "in", 60)
    read = []
    for window in (1, 17):
        places = _places(tmp_path / str(window))
        synthesise_culture([folder], ENGLISH, ScriptedEngine(_answer, window), CultureSettings(), places)
        read.append({path.name: path.read_bytes() for path in (tmp_path / str(window)).rglob("*.*")})
    assert read[0] == read[1]


def test_concepts_of_a_result_file_reach_the_prompt_and_the_record(tmp_path: Path) -> None:
    folder, places = _english(tmp_path / "in", 9), _places(tmp_path / "out")
    results = tmp_path / "results.csv"
    results.write_text("item,label,english,class\nQ1,practice night,practice night,custom\n", encoding="utf-8")
    engine = ScriptedEngine(_answer)
    settings = CultureSettings(concepts=ConceptFiles(results={"eng_Latn": (results,)}))
    synthesise_culture([folder], ENGLISH, engine, settings, places)
    written = [each for each in engine.asked if each.prompt.startswith("culture/article")]
    assert any("Q1: practice night" in each.messages[-1].content for each in written)
    (record,) = _rows(places["records"], "00000.parquet")
    assert orjson.loads(record["about"])["concepts"] == ["Q1"]


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        (lambda request: "<reason>words</reason><score>0</score>", r"rating.not_dense \(9\)"),
        (lambda request: "I am sorry, I cannot do that.", r"rating.refused \(9\)"),
        (lambda request: Completion("<reason>", "length", 1, 1), r"rating.truncated \(9\)"),
    ],
)
def test_no_article_at_all_is_one_line(
    answer: Callable[[Request], str | Completion], most: str, tmp_path: Path
) -> None:
    folder = _english(tmp_path / "in", 9)
    with pytest.raises(BabelmixError, match=rf"synthetic-culture eng_Latn: none of 9 documents is kept; .*{most}"):
        synthesise_culture([folder], ENGLISH, ScriptedEngine(answer), CultureSettings(), _places(tmp_path / "out"))


def test_it_is_told_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth.engine.progress._TELL_S", 0.0)
    told: list[str] = []
    folder = _english(tmp_path / "in", 30)
    synthesise_culture(
        [folder], ENGLISH, ScriptedEngine(_answer), CultureSettings(), _places(tmp_path / "out"), told.append
    )
    assert any("of 30 documents rated, 10 requests" in each and " left" in each for each in told)
    assert "articles on 10 dense documents" in told[-1]
    assert all("completions/s" in each and "tokens/s" in each for each in told)
