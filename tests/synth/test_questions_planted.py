"""Planted faults: each makes another question of a good one, the same every time, and has it dropped."""

from collections.abc import Iterable, Iterator

import pytest
import regex

from synth.questions.by_hand import TEXTS, Item, items, verdict, written
from synth.questions.planted import FAULTS, Fault, plant
from synth.questions.record import Dropped, Question
from synth.questions.run import make_questions
from synth.questions.settings import QuestionSettings
from synth.questions.tree import Ground
from synth.request import Completion, Finished, Request

SETTINGS = QuestionSettings.model_validate({"tree": {"facets": 1}})


class _One:
    """An engine that writes one item and verifies what it knows of it."""

    model, revision = "by hand", "1"

    def __init__(self, item: Item) -> None:
        self.item = item

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        for request in requests:
            name, ended = request.prompt.partition("@")[0], "stop"
            if name == "questions/concepts_in":
                text = f"<concept>{self.item.language.native_name}</concept>"
            elif name == "questions/write":
                text, ended = self.item.text or written(self.item.draft), self.item.finish_reason
            else:
                text = verdict(self.item, request)
            yield Finished(request, Completion(text, ended, 1, 1))


def _made(item: Item) -> Question | Dropped:
    ground = Ground(item.passage, "GR", "manners", "names")
    [made] = make_questions(item.language, _One(item), _One(item), SETTINGS, [ground])
    return made


@pytest.mark.parametrize("code", ["ell_Grek", "deu_Latn", "cmn_Hani", "urd_Arab"])
def test_a_question_by_hand_goes_the_whole_way(code: str) -> None:
    for item in items(code):
        made = _made(item)
        assert isinstance(made, Question)
        assert made.key == item.draft.answer
        assert made.evidence in item.passage.text
        assert made.checks["model.solve"] == 1.0


@pytest.mark.parametrize("fault", FAULTS, ids=lambda each: each.name)
def test_a_fault_is_planted_and_dropped(fault: Fault) -> None:
    seen = 0
    for code in ("ell_Grek", "eng_Latn"):
        good = items(code)[0]
        planted = fault.plant(good, TEXTS)
        if planted is None:
            continue
        seen += 1
        assert planted != good
        assert planted == fault.plant(items(code)[0], TEXTS)
        assert isinstance(_made(planted), Dropped)
    assert seen


def test_any_question_can_have_some_fault_on_a_document_of_its_language() -> None:
    kinds = set()
    for code in ("ell_Grek", "eng_Latn", "tha_Thai", "zul_Latn"):
        for item in items(code):
            planted = plant(item)
            assert planted != item
            assert planted.passage.text in (item.passage.text, *item.others)
            kinds.add(regex.sub(r"[^a-z_]", "", getattr(_made(planted), "reason", "kept")))
    # What is planted differs from question to question.
    assert len(kinds) >= 4
