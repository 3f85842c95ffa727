"""Passages and questions as a model writes them: a note of each concept where no document is, and then drafts."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from filters.scripts import script_share
from sources.language import Language
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.questions.ask import ask
from synth.questions.field_language import other_language
from synth.questions.places import domains
from synth.questions.record import Candidate, Draft, Dropped, Leaf, Passage, question
from synth.questions.settings import QuestionSettings
from synth.questions.tree import Twig
from synth.request import Engine, Failure

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Answer(BaseModel):
    """What is asked for, or the one line that says why there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    skip: _Text | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "_Answer":
        rest = [each for name, each in self if name != "skip"]
        if self.skip is None and not all(rest):
            raise ValueError("a tag is missing")
        return self


class Written(_Answer):
    """A completion of `questions/write`."""

    stem: _Text | None = None
    answer: _Text | None = None
    distractor: tuple[_Text, ...] = ()
    explanation: _Text | None = None
    quote: _Text | None = None

    def draft(self) -> Draft:
        """The question as the model wrote it; not of one that it skipped."""
        return Draft(
            self.stem or "", self.answer or "", self.distractor, self.explanation or "", self.quote or ""
        )  # fmt: skip


class Noted(_Answer):
    """A completion of `questions/note`."""

    note: _Text | None = None


def passages(
    twigs: Sequence[Twig], language: Language, engine: Engine, settings: QuestionSettings
) -> Iterator[Passage | Dropped]:
    """The passage of each concept: its document, or the note that the model writes of it."""
    without = [twig for twig in twigs if twig.passage is None]
    template = load_prompt("questions/note")
    requests = [
        template.request(_described(twig.leaves[0], language), seed=settings.seed) for twig in without
    ]  # fmt: skip
    notes = ask(engine, requests)
    answers = [completed(each, Noted) for each in notes]
    texts = [each.note or "" if isinstance(each, Noted) else "" for each in answers]
    others = other_language(texts, language, settings.identifier)
    found = iter(zip(notes, answers, others, strict=True))
    for twig in twigs:
        if twig.passage is not None:
            yield twig.passage
            continue
        finished, note, other = next(found)
        where = place(twig.leaves[0])
        if isinstance(note, Failure):
            yield Dropped(where, "note", note.kind, detail=note.reason, where=where)
        elif note.note is None:
            yield Dropped(where, "note", "skipped", detail=note.skip, where=where)
        elif (share := script_share(note.note, language.script)) < settings.form.script:
            yield Dropped(where, "note", "wrong_script", share, settings.form.script, where=where)
        elif other:
            yield Dropped(where, "note", "wrong_language", detail=other, where=where)
        else:
            key = finished.request.key(engine.model, engine.revision)
            yield Passage(f"note-{key}", note.note, settings.licence)


def written(
    grounds: Sequence[tuple[Twig, Passage]], language: Language, engine: Engine, settings: QuestionSettings
) -> Iterator[Candidate | Dropped]:
    """A question for each leaf of each concept, in their order, or why there is none."""
    leaves = [(leaf, passage) for twig, passage in grounds for leaf in twig.leaves]
    template, facets = load_prompt("questions/write"), domains().facets
    requests = [
        template.request(
            _described(leaf, language)
            | {"facet": leaf.facet, "facet_about": facets[leaf.facet], "passage": passage.text},
            seed=settings.seed,
        )
        for leaf, passage in leaves
    ]
    for (leaf, passage), finished in zip(leaves, ask(engine, requests), strict=True):
        where = f"{place(leaf)}/{leaf.facet}"
        answer = completed(finished, Written)
        if isinstance(answer, Failure):
            yield Dropped(where, "write", answer.kind, detail=answer.reason, where=place(leaf))
            continue
        if answer.skip is not None:
            yield Dropped(where, "write", "skipped", detail=answer.skip, where=place(leaf))
            continue
        draft = answer.draft()
        made = question(
            leaf, draft, passage, seed=settings.seed, model=engine.model, revision=engine.revision,
            prompt=template.id, licence=passage.licence,
        )  # fmt: skip
        yield Candidate(made, leaf, draft, passage)


def _described(leaf: Leaf, language: Language) -> dict[str, str]:
    return {
        "language": f"{language.name} ({language.native_name})",
        "region": leaf.region_name,
        "domain": domains().domains[leaf.domain].about,
        "topic": leaf.topic,
        "concept": f"{leaf.concept} ({leaf.gloss})" if leaf.gloss else leaf.concept,
    }


def place(leaf: Leaf) -> str:
    """A concept in one line: `GR food/bread and grain/name`."""
    return f"{leaf.region} {leaf.domain}/{leaf.topic}/{leaf.concept}"
