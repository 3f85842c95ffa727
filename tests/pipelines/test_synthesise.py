"""From documents to questions: what is kept, what is said of the rest, and where it all stands."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pipelines_greek import curated_greek

from pipelines.quality_sheet import write_quality_sheet
from pipelines.synthesise import synthesise_questions
from sources.errors import BabelmixError
from sources.language import language
from sources.schema import DOCUMENT
from sources.source import source
from synth.engine.replay import ReplayEngine
from synth.questions.balance import Standing
from synth.questions.record import Question
from synth.questions.settings import QuestionSettings
from synth.request import Completion, Finished, Request
from synth.settings import RECORDINGS, SAMPLE_QUESTIONS, recordings

GREEK = language("ell_Grek")


class Writer:
    """An engine that says the same whatever it is asked of a task."""

    model, revision = "a script", "1"

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        for request in requests:
            text = self.said[request.prompt.partition("@")[0]]
            yield Finished(request, Completion(text, "stop", 1, 1))


def _documents(folder: Path, rows: list[dict[str, Any]]) -> str:
    folder.mkdir(parents=True)
    held = [
        {"language": "ell_Grek", "source": "web", "category": "multilingual", "scores": [], **row} for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(held, DOCUMENT), folder / "00000.parquet")
    return str(folder)


def planted() -> list[dict[str, Any]]:
    """The labels of the pack's questions with faults."""
    lines = (RECORDINGS / "planted.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _places(folder: Path) -> dict[str, str]:
    found = {name: folder / name for name in ("records", "documents", "dropped")}
    for path in found.values():
        path.mkdir(parents=True)
    return {name: str(path) for name, path in found.items()}


def _rows(folder: str, name: str = "00000.parquet") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(Path(folder) / name).to_pylist()
    return rows


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The pack's Greek documents as curation keeps them."""
    return curated_greek(tmp_path_factory.mktemp("greek"))


def test_the_packs_questions_are_replayed(curated: str, tmp_path: Path) -> None:
    writer, verifier = (ReplayEngine([path]) for path in recordings("ell_Grek"))
    places = _places(tmp_path)
    totals = synthesise_questions([curated], GREEK, writer, verifier, SAMPLE_QUESTIONS, 100, places)
    records, documents = _rows(places["records"]), _rows(places["documents"])
    assert totals["kept"] == len(records) == len(documents) == 3
    assert totals["passages"] == {"not_cultural": 6, "taken": 3}
    assert {row["reason"] for row in _rows(places["records"], "passages.parquet")} == {"place.not_cultural"}
    texts = {row["id"]: row["text"] for row in _rows(curated)}
    for row, document in zip(records, documents, strict=True):
        assert row["model"] == "written by hand for the sample pack"
        assert row["verifier"] == "the sample pack's answer key@1"
        assert row["evidence"] in texts[row["evidence_id"]]
        assert row["licence"] == source("fineweb-2").licence
        assert dict(row["checks"])["model.solve"] == 1.0
        assert document["category"] == "multilingual" and document["language"] == "ell_Grek"
        assert document["id"] == f"regional-questions/{row['id']}"
        assert row["options"][row["answer"]] in document["text"]
        assert json.loads(document["metadata"])["verifier"] == row["verifier"]
    assert (tmp_path / "records" / "sheet.html").read_text(encoding="utf-8").count("<article>") == 3
    # Beside each stands one with a fault, which is dropped for that.
    dropped = _rows(places["dropped"])
    labels = [label for label in planted() if label["language"] == "ell_Grek"]
    assert len(dropped) == len(labels) == 3
    for label in labels:
        (reason,) = (row["reason"] for row in dropped if f"{row['id']}/".startswith(f"{label['id']}/"))
        assert reason.rpartition(".")[2] in label["reasons"]


def test_what_was_not_recorded_is_said(curated: str, tmp_path: Path) -> None:
    writer, verifier = (ReplayEngine([path]) for path in recordings("ell_Grek"))
    with pytest.raises(
        BabelmixError, match=r"ell_Grek: no question is kept of 9 .*most are dropped as place.transport \(9\)"
    ):
        synthesise_questions(
            [curated],
            GREEK,
            writer,
            verifier,
            SAMPLE_QUESTIONS.model_copy(update={"seed": 5}),
            100,
            _places(tmp_path),
        )


PLACED = "<region>GR</region><domain>food</domain><topic>bread</topic>"
ASKED = (
    "<stem>Τι ψήνουν οι φούρνοι της Χίου την Καθαρά Δευτέρα;</stem><answer>Λαγάνα</answer>"
    "<distractor>Τσουρέκι</distractor><distractor>Βασιλόπιτα</distractor><distractor>Κουλούρι</distractor>"
    "<explanation>Η λαγάνα είναι το άζυμο ψωμί της Καθαράς Δευτέρας.</explanation><quote>{}</quote>"
)
TEXT = "Την Καθαρά Δευτέρα οι φούρνοι της Χίου ψήνουν λαγάνα, το άζυμο ψωμί της ημέρας. Το Πάσχα ψήνουν τσουρέκι."


def test_each_item_has_its_row(tmp_path: Path) -> None:
    """Two documents give the same question: one is kept, the other is its copy; a third has no such words."""
    rows = [
        {"id": "first", "text": TEXT},
        {"id": "second", "text": f"{TEXT} Έτσι γίνεται κάθε χρόνο."},
        {"id": "other", "text": "Οι ψαράδες γύρισαν νωρίς στο λιμάνι γιατί είχε πολύ αέρα."},
        {"id": "code", "text": "print(1)", "category": "code"},
    ]
    said = {
        "questions/place": PLACED,
        "questions/concepts_in": "<concept>λαγάνα | flat bread</concept>",
        "questions/write": ASKED.format(TEXT.split(". ")[0] + "."),
    }
    settings = QuestionSettings(tree={"concepts": 1, "facets": 1})
    places = _places(tmp_path / "out")
    totals = synthesise_questions(
        [_documents(tmp_path / "in", rows)], GREEK, Writer(said), None, settings, 100, places
    )
    assert totals["kept"] == 1 and totals["documents"] == 3
    assert totals["passages"] == {"taken": 3}
    dropped = _rows(places["dropped"])
    assert {row["filter"] for row in dropped} == {"synthesis"}
    assert sorted(row["reason"] for row in dropped) == sorted(row["reason"] for row in totals["dropped"])
    assert any(row["reason"].startswith("set.duplicate") for row in dropped)
    (record,) = _rows(places["records"])
    assert (record["evidence_id"], record["verifier"]) == ("first", "")


def test_at_most_so_many_documents_are_looked_at(tmp_path: Path) -> None:
    rows = [{"id": f"{at}", "text": f"{TEXT} {at}"} for at in range(5)]
    said = {"questions/place": "<skip>news</skip>"}
    with pytest.raises(BabelmixError, match="no question is kept"):
        synthesise_questions(
            [_documents(tmp_path / "in", rows)],
            GREEK,
            Writer(said),
            None,
            QuestionSettings(),
            2,
            _places(tmp_path),
        )
    assert len(_rows(str(tmp_path / "records"), "passages.parquet")) == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("<region>XX</region><domain>food</domain><topic>bread</topic>", "place.unknown_region"),
        ("<region>GR</region><domain>weather</domain><topic>rain</topic>", "place.unknown_domain"),
        ("<region>GR</region>", "place.unparsable"),
        ("I am sorry, I cannot do that.", "place.refused"),
    ],
)
def test_a_wrong_place_is_no_ground(answer: str, reason: str, tmp_path: Path) -> None:
    documents = _documents(tmp_path / "in", [{"id": "a", "text": TEXT}])
    with pytest.raises(BabelmixError, match="no question is kept"):
        synthesise_questions(
            [documents], GREEK, Writer({"questions/place": answer}), None, QuestionSettings(), 9, _places(tmp_path)
        )
    (row,) = _rows(str(tmp_path / "records"), "passages.parquet")
    assert (row["id"], row["reason"]) == ("a", reason)


def test_hostile_text_shows_as_text_in_the_sheet(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[31m"
    made = Question(
        "id", "ell_Grek", "GR", "food", hostile, hostile, "custom", hostile, (hostile, "b", "c", "d"), 0, hostile,
        hostile, "doc", {}, hostile,
    )  # fmt: skip
    standing = Standing(QuestionSettings().balance)
    standing.add(made)
    write_quality_sheet([made], GREEK, standing.report(), str(tmp_path / "sheet.html"))
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert "<script" not in page and "\u202e" not in page and "\x1b" not in page
    assert "&lt;script&gt;" in page
