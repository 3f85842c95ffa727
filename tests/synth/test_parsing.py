"""Completions as data: what is tolerated in how they are written, and what is never let pass."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from synth.parsing import chosen, completed, fields, json_object, parsed
from synth.request import Completion, Failure, Finished, Message, Request, Sampling


class Asked(BaseModel):
    """A stem and its distractors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stem: str
    distractor: tuple[str, ...]
    skip: str | None = None


WANTED = Asked(stem="τι;", distractor=("α & β", "γ"))
TAGGED = "<stem>τι;</stem><distractor>α &amp; β</distractor>\n<distractor> γ\n</distractor>"


def _finished(text: str, reason: str = "stop") -> Finished:
    request = Request("t@1", (Message("user", "?"),), Sampling(5))
    return Finished(request, Completion(text, reason, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        TAGGED,
        f"Here you are:\n```xml\n{TAGGED}\n```\nGood luck!",
        f"<think>a <stem>bad</stem> idea</think>{TAGGED}",
        '<STEM class="q">τι;</Stem>< distractor >α & β</ distractor><distractor>γ</distractor>',
        # One closing tag is missing, and the next field says where it ends.
        "<stem>τι;\n<distractor>α & β<distractor>γ</distractor>",
        json.dumps(WANTED.model_dump(exclude_none=True), ensure_ascii=False),
        'Sure!\n```json\n{"stem": "τι;", "distractor": ["α & β", "γ",],}\n```\nMore?',
    ],
)
def test_the_same_is_read_from_every_way_to_write_it(text: str) -> None:
    assert parsed(text, Asked) == WANTED


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (TAGGED + "<skip>beca", "unparsable", "not closed"),
        (TAGGED + "<stem>again</stem>", "unparsable", "<stem> stands 2 times"),
        ("<stem>τι;</stem>", "unparsable", "distractor"),
        ('{"stem": "τι;", "distractor": ["α"], "more": 1}', "unparsable", "more"),
        ('{"stem": "τι;", "distractor": ["α"', "unparsable", "neither tags nor"),
        ("[1, 2]", "unparsable", "neither tags nor"),
        ("I'm sorry, but I can't help with that.", "refused", "sorry"),
        ("", "unparsable", "neither tags nor"),
        ("{" * 100_000, "unparsable", "neither tags nor"),
    ],
)
def test_what_does_not_fit_is_a_failure(text: str, kind: str, says: str) -> None:
    found = parsed(text, Asked)
    assert isinstance(found, Failure)
    assert found.kind == kind
    assert says in found.reason


@given(st.text(alphabet='<>/stemdi racto{}"[],:`\n', max_size=200))
def test_no_text_raises(text: str) -> None:
    assert isinstance(parsed(text, Asked), Asked | Failure)


@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.lists(st.text())))
def test_json_survives_a_fence(value: dict[str, object]) -> None:
    assert json_object(f"```json\n{json.dumps(value)}\n```") == value


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="<>&"))))
def test_fields_come_in_order(values: list[str]) -> None:
    text = "\n".join(f"<item>{each}</item>" for each in values)
    assert fields(text, ("item",)) == ({"item": [each.strip() for each in values]} if values else {})


def test_a_truncated_completion_is_a_failure_however_well_it_reads() -> None:
    assert completed(_finished(TAGGED), Asked) == WANTED
    found = completed(_finished(TAGGED, "length"), Asked)
    assert isinstance(found, Failure)
    assert found.kind == "truncated"


def test_the_engines_failure_stays_what_it_is() -> None:
    failed = Finished(_finished("").request, None, Failure("transport", "refused connection"))
    assert completed(failed, Asked) == failed.failure
    assert chosen(failed, ("yes", "no")) == failed.failure


@pytest.mark.parametrize(
    ("text", "says"),
    [("B", "B"), (" (b). Because", "B"), ("<think>A?</think>B", "B"), ("Bread", None), ("", None), ("?\n", "?")],
)
def test_one_of_the_choices(text: str, says: str | None) -> None:
    found = chosen(_finished(text), ("A", "B", "?"))
    assert found == says if says else isinstance(found, Failure)
