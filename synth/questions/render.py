"""Questions as training documents, in so many ways that none of them is what a model learns."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import regex
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sources.loading import load_yaml
from synth.questions.record import OPTIONS, Question, shuffled
from synth.questions.settings import CATEGORY, SOURCE

_FOLDER: Final = Path(__file__).parent
_LATIN: Final = ("A", "B", "C", "D")
_NUMBERS: Final = ("1", "2", "3", "4")
_DASHES: Final = ("–",) * OPTIONS
_GAP: Final = "____"
_PLACEHOLDER: Final = regex.compile(r"\{\{(\w+)\}\}")
_KNOWN: Final = frozenset(
    {"stem", "key", "sign", "options", "explanation", "cloze", "question", "answer", "explanation_word"}
)
# A full stop that a template sets after an option that ends with one.
_TWICE: Final = regex.compile(r"([.!?。．！？؟۔।።။។…])\.(?=\s|$)")
Word = Annotated[str, StringConstraints(min_length=1)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(_Declared):
    """The words of a language that stand before the parts of a question."""

    question: Word
    answer: Word
    explanation: Word
    signs: tuple[Word, Word, Word, Word] = _LATIN


class Template(_Declared):
    """One way to write a question."""

    needs: frozenset[Literal["words", "explanation", "cloze"]]
    signs: Literal["letters", "latin", "numbers", "dashes"]
    after: str
    line: bool = False
    text: Word

    @model_validator(mode="after")
    def _known(self) -> "Template":
        unknown = set(_PLACEHOLDER.findall(self.text)) - _KNOWN
        if unknown:
            raise ValueError(f"no placeholder {sorted(unknown)[0]!r}; there are {', '.join(sorted(_KNOWN))}")
        return self


class _Templates(_Declared):
    templates: dict[str, Template] = Field(min_length=6)


class _Labels(_Declared):
    labels: dict[str, Labels]


@cache
def templates() -> dict[str, Template]:
    """The templates of `templates.yaml` by name.

    Raises:
        BabelmixError: the file does not fit.
    """
    return load_yaml(_FOLDER / "templates.yaml", _Templates).templates


@cache
def labels() -> dict[str, Labels]:
    """The words of each language, by code, of `labels.yaml`.

    Raises:
        BabelmixError: the file does not fit.
    """
    return load_yaml(_FOLDER / "labels.yaml", _Labels).labels


def render(question: Question, template: str | None = None, seed: int = 0) -> str:
    """The question as text: in the template named, or in the one that the seeded hash of its id takes."""
    name = template or chosen_template(question, seed)
    form = templates()[name]
    said = labels().get(question.language)
    signs: tuple[str, ...] = {
        "letters": said.signs if said else _LATIN,
        "latin": _LATIN,
        "numbers": _NUMBERS,
        "dashes": _DASHES,
    }[form.signs]
    options = [f"{sign}{form.after} {each}" for sign, each in zip(signs, question.options, strict=True)]
    values = {
        "stem": question.stem,
        "key": question.key,
        "sign": signs[question.answer],
        "options": (" " if form.line else "\n").join(options),
        "explanation": question.explanation,
        "cloze": cloze(question) or "",
        "question": said.question if said else "",
        "answer": said.answer if said else "",
        "explanation_word": said.explanation if said else "",
    }
    text = str(_PLACEHOLDER.sub(lambda found: values[found[1]], form.text))
    return str(_TWICE.sub(r"\1", text))


def chosen_template(question: Question, seed: int = 0) -> str:
    """The template that the question takes: by a hash of its id, among those whose needs it has."""
    has = {"explanation"} if question.explanation else set()
    has |= {"words"} if question.language in labels() else set()
    has |= {"cloze"} if cloze(question) else set()
    names = [name for name, each in templates().items() if each.needs <= has]
    return names[shuffled(len(names), question.id, seed, "template")[0]]


def cloze(question: Question) -> str | None:
    """The explanation with a gap where the right option stands; None where it does not, or another option does."""
    if any(each.casefold() in question.explanation.casefold() for each in question.distractors):
        return None
    pattern = regex.compile(rf"(?<![\p{{L}}\p{{N}}]){regex.escape(question.key)}(?![\p{{L}}\p{{N}}])", regex.I)
    text, found = pattern.subn(_GAP, question.explanation)
    return text if found else None


def document(question: Question, seed: int = 0, category: str = CATEGORY) -> dict[str, Any]:
    """A row of `sources.schema.DOCUMENT`: the question in its template, its provenance in `metadata`."""
    name = chosen_template(question, seed)
    kept: Mapping[str, Any] = {
        key: getattr(question, key)
        for key in (
            "region", "domain", "topic", "concept", "facet", "evidence", "evidence_id", "model", "revision",
            "verifier", "prompt", "seed", "licence", "answer",
        )
    }  # fmt: skip
    return {
        "id": f"{SOURCE}/{question.id}",
        "text": render(question, name, seed),
        "language": question.language,
        "source": SOURCE,
        "category": category,
        "url": None,
        "metadata": json.dumps({**kept, "template": name}, ensure_ascii=False, sort_keys=True),
        "scores": sorted((f"questions.{check}", value) for check, value in question.checks.items()),
    }
