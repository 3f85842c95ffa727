"""Documents of one language as documents of another."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from filters.verdict import Drop
from sources.language import Language
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.request import Engine, Failure, Finished
from synth.translation.answers import final_answer, is_language, names_answer, same_answer
from synth.translation.checks import TranslationChecks
from synth.translation.document_task import Asked, Row, Unusable
from synth.translation.pair_scores import language_scores
from synth.translation.piecewise import Pieces, Written
from synth.translation.provenance import drawn_with, metadata, provenance, worst
from synth.translation.settings import TranslationSettings

# Characters of the piece before that are shown for its terms.
_CONTEXT: Final = 300
# The key of the metadata under which an exercise's answer stands.
ANSWER: Final = "expected_answer"


class _Translated(BaseModel):
    translation: str


class Translation:
    """The task of translating documents of `source` into `target`, for `document_task.carry_out`.

    A document is cut into pieces, every one of which is translated, and is kept if every piece passes every check.
    One that has an `expected_answer` in its metadata must name that answer, before and after.
    """

    def __init__(
        self, source: Language, target: Language, engine: Engine, settings: TranslationSettings | None = None
    ) -> None:
        self.source = source
        self.target = target
        self.settings = settings or TranslationSettings()
        self._engine = engine
        self._prompt = load_prompt(self.settings.prompt)
        self._checks = TranslationChecks(source, target, self.settings.checks)

    def __call__(self, document: Mapping[str, Any]) -> Asked | Drop:
        """The requests of one document, one a piece that has words.

        Drops it as `wrong_answer` where it does not name its expected answer, as `doubtful_language` where it is
        not in the source language.
        """
        answer = metadata(document).get(ANSWER)
        if answer is not None:
            named = final_answer(document["text"])
            if not same_answer(named or "", str(answer)):
                return Drop("wrong_answer", detail=f"{named or 'none'} instead of {answer}")
        cut = Pieces.of(document["text"], self.source, self.settings.budget)
        whole, _, least = language_scores(cut.bare, self.source)
        if whole < least:
            return Drop("doubtful_language", whole, least)
        requests = tuple(
            self._prompt.request(
                {
                    "source_language": self.source.name,
                    "target_language": self.target.name,
                    "script": self.target.script,
                    "region": self.settings.region,
                    "context": cut.parts[place - 1].text[-_CONTEXT:] if place else "",
                    "text": cut.parts[place].text,
                },
                seed=drawn_with(self.settings.seed, str(document["id"]), self.target.code, str(place)),
                context={"language": self.target.code},
            )
            for place in cut.asked
        )
        return Asked(requests, lambda done: self._finished(document, cut, done))

    def _finished(self, document: Mapping[str, Any], cut: Pieces, done: tuple[Finished, ...]) -> Row | Unusable:
        written = cut.written(done, _text, self._checks.of)
        if not isinstance(written, Written):
            return written
        text = written.text
        given = metadata(document)
        answer = given.get(ANSWER)
        if answer is not None and not is_language(str(answer)) and not names_answer(text, str(answer)):
            # Which piece changed it is not known: the last one has it as a rule.
            named = final_answer(text) or "none"
            return Unusable(len(done) - 1, Drop("answer_changed", detail=f"{named} instead of {answer}"))
        kept = {ANSWER: answer} if answer is not None else {}
        found_by = provenance(document, self._engine, done, self.settings.seed, worst(written.checks))
        return {
            "id": f"{document['id']}/{self.target.code}",
            "text": text,
            "language": self.target.code,
            "source": self.settings.source,
            "category": self.settings.category,
            "url": document.get("url"),
            "metadata": {**found_by, **kept, "kind": "translation", "source_language": self.source.code},
            "scores": {},
        }


def _text(finished: Finished) -> str | Failure:
    found = completed(finished, _Translated)
    return found if isinstance(found, Failure) else found.translation
