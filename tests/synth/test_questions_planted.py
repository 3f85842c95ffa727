"""Planted faults: each makes another question of a good one, the same every time, and has it dropped."""

from collections.abc import Iterable, Iterator

import pytest

from sources.language import languages
from synth.questions.by_hand import TEXTS, Item, items, verdict, written
from synth.questions.planted import FAULTS, Fault
from synth.questions.planted_in_pack import planted
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
        item = fault.plant(good, TEXTS)
        if item is None:
            continue
        seen += 1
        assert item != good
        assert item == fault.plant(items(code)[0], TEXTS)
        assert isinstance(_made(item), Dropped)
    assert seen


@pytest.mark.parametrize("code", ["ell_Grek", "eng_Latn", "tha_Thai", "zul_Latn"])
def test_beside_each_question_of_the_pack_stands_a_fault_on_the_same_document(code: str) -> None:
    good = items(code)
    beside = planted(good)
    assert beside == planted(items(code))
    for item, each in zip(good, beside, strict=True):
        assert each.item != item and each.item.passage == item.passage
        assert each.concept and each.concept != item.draft.answer
        made = _made(each.item)
        assert isinstance(made, Dropped) and made.reason in each.fault.reasons


def test_what_the_pack_plants_differs_from_question_to_question() -> None:
    names = {each.fault.name for code in languages() for each in planted(items(code))}
    assert len(names) > len(FAULTS) - 3
