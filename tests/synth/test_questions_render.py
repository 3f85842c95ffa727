"""Questions as documents: every template in every language, by hash, with nothing left over."""

import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest

from sources.language import languages
from sources.schema import DOCUMENT
from synth.questions.record import Draft, Leaf, Passage, Question, question
from synth.questions.render import chosen_template, cloze, document, labels, render, templates


def _question(code: str = "ell_Grek", number: int = 0) -> Question:
    leaf = Leaf(code, "GR", "Greece", "food", "sweets", "x", "material")
    draft = Draft(
        f"Ερώτηση {{{{key}}}} {number};",
        "Μέλι",
        ("Ζάχαρη.", "Σύκα", "Πετιμέζι"),
        "Βάζουν μέλι, όχι τίποτα άλλο.",
        "μέλι",
    )
    return question(
        leaf,
        draft,
        Passage("doc-1", "", "CC0-1.0"),
        seed=1,
        model="m",
        revision="r",
        prompt="p@1",
        licence="CC0-1.0",
    )


@pytest.mark.parametrize("name", templates())
def test_a_template_in_every_language(name: str) -> None:
    for code in languages():
        made = _question(code)
        text = render(made, name)
        assert made.key in text or name in ("letter_only", "one_line")
        assert "None" not in text
        # What the question itself says in double braces stays as it is.
        assert text.replace("{{key}}", "").count("{{") == 0
        if "letter" in templates()[name].signs:
            assert any(sign in text for sign in labels()[code].signs)


def test_the_key_is_shown_by_its_own_sign() -> None:
    made = _question()
    lines = render(made, "exam").split("\n")
    assert lines[0] == f"Ερώτηση: {made.stem}"
    assert lines[1:5] == [f"{sign}. {each}" for sign, each in zip("ΑΒΓΔ", made.options, strict=True)]
    assert lines[5] == f"Απάντηση: {'ΑΒΓΔ'[made.answer]}. Μέλι"


def test_no_full_stop_stands_twice() -> None:
    made = _question()
    made = replace(made, answer=made.options.index("Ζάχαρη."))
    assert "Ζάχαρη. Βάζουν" in render(made, "dashed_explained")


def test_a_cloze_leaves_out_the_right_option_and_only_where_no_other_stands() -> None:
    made = _question()
    assert cloze(made) == "Βάζουν ____, όχι τίποτα άλλο."
    assert cloze(replace(made, explanation="Βάζουν μέλι και σύκα.")) is None
    assert cloze(replace(made, explanation="Μελισσοκόμοι το φτιάχνουν.")) is None


def test_templates_are_varied_and_fit_what_a_question_has() -> None:
    every = Counter(chosen_template(_question(number=number)) for number in range(600))
    assert set(every) == set(templates())
    assert max(every.values()) < 0.2 * 600
    bare = [replace(_question("xxx_Xxxx", number), explanation="") for number in range(200)]
    assert {chosen_template(each) for each in bare} == {
        name for name, each in templates().items() if not each.needs
    }  # fmt: skip
    assert all(render(each).strip() for each in bare)


def test_a_document_has_its_provenance() -> None:
    made = replace(_question(), checks={"model.solve": 1.0}, verifier="v@2")
    row = document(made)
    found = pa.Table.from_pylist([row], schema=DOCUMENT).to_pylist()[0]
    metadata = json.loads(found["metadata"])
    assert (found["id"], found["language"], found["category"]) == (
        f"regional-questions/{made.id}",
        "ell_Grek",
        "synthetic",
    )
    assert found["text"] == render(made)
    assert metadata["evidence_id"] == "doc-1"
    assert metadata["licence"] == "CC0-1.0"
    assert (metadata["model"], metadata["verifier"], metadata["prompt"]) == ("m", "v@2", "p@1")
    assert metadata["template"] == chosen_template(made)
    assert dict(found["scores"]) == {"questions.model.solve": 1.0}
