"""The engine that gives the questions by hand: the whole path, with a planted fault in each language."""

import json

import pytest

from sources.language import language
from synth.questions.by_hand import TEXTS, items
from synth.questions.by_hand_engine import ByHand
from synth.questions.planted import plant
from synth.questions.record import Dropped, Passage, Question
from synth.questions.run import make_questions
from synth.questions.settings import QuestionSettings
from synth.questions.tree import Ground
from synth.request import Engine

SETTINGS = QuestionSettings.model_validate({"tree": {"facets": 1}})


def _run(code: str, engine: Engine) -> list[Question | Dropped]:
    documents = json.loads((TEXTS / f"{code}.json").read_text(encoding="utf-8"))["documents"]
    grounds = [
        # Cleaned on its way: what the engine knows it by stays.
        Ground(Passage(f"{code}-{at}", each["text"].strip() + "\n", "CC0-1.0"), "XX", "manners", each["topic"])
        for at, each in enumerate(documents)
    ]
    return list(make_questions(language(code), engine, engine, SETTINGS, grounds))


@pytest.mark.parametrize("code", ["ell_Grek", "deu_Latn", "cmn_Hani", "urd_Arab"])
def test_questions_by_hand_go_the_whole_way(code: str) -> None:
    every = {each.draft.stem: each for each in items(code)}
    kept = [each for each in _run(code, ByHand([code], planted=False)) if isinstance(each, Question)]
    assert {each.stem for each in kept} == set(every)
    for each in kept:
        item = every[each.stem]
        assert each.key == item.draft.answer
        assert each.evidence in item.passage.text
        assert each.checks["model.solve"] == 1.0
        assert each.model == "by-hand"


@pytest.mark.parametrize("code", ["ell_Grek", "deu_Latn", "cmn_Hani", "urd_Arab", "fra_Latn", "tha_Thai"])
def test_a_planted_fault_is_the_one_that_is_dropped(code: str) -> None:
    *good, last = items(code)
    found = _run(code, ByHand([code]))
    assert {each.stem for each in found if isinstance(each, Question)} <= {each.draft.stem for each in good}
    planted = plant(last)
    dropped = [each for each in found if isinstance(each, Dropped) and each.filter != "concepts"]
    assert any(planted.draft.stem in (each.detail or "") or each.filter == "write" for each in dropped)


def test_of_another_document_nothing_is_known() -> None:
    engine = ByHand(["ell_Grek"])
    assert all(isinstance(each, Dropped) and each.reason == "skipped" for each in _run("deu_Latn", engine))
