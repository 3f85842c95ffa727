"""Documents said anew in their own language."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from filters.scripts import script_share
from filters.verdict import Drop
from sources.language import Language
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.rephrasing.checks import RephraseChecks
from synth.rephrasing.settings import RephraseSettings
from synth.request import Engine, Failure, Finished
from synth.translation.document_task import Asked, Row, Unusable
from synth.translation.pair_scores import PairScores, language_scores
from synth.translation.piecewise import Pieces, Written
from synth.translation.provenance import drawn_with, provenance, worst


class _Rephrased(BaseModel):
    rephrased: str


class Rephrase:
    """The task of saying documents of `language` anew, for `document_task.carry_out`.

    One whose language is in doubt is refused: a model takes it for a neighbour and writes in that one.
    """

    def __init__(self, language: Language, engine: Engine, settings: RephraseSettings | None = None) -> None:
        self.language = language
        self.settings = settings or RephraseSettings()
        self._engine = engine
        self._prompts = tuple(load_prompt(name) for name in self.settings.prompts)
        self._checks = RephraseChecks(language, self.settings.checks)
        self._scores = PairScores(language, language)

    def __call__(self, document: Mapping[str, Any]) -> Asked | Drop:
        """The requests of one document, one a piece that has words; or `doubtful_language`, `doubtful_script`."""
        cut = Pieces.of(document["text"], self.language, self.settings.budget)
        bare = cut.bare
        share = script_share(bare, self.language.script)
        if share < self.settings.script:
            return Drop("doubtful_script", share, self.settings.script)
        sure = self._scores.of(bare, bare)["stop_words"]
        whole, _, least = language_scores(bare, self.language, sure)
        # Not a number: too little to tell, or nobody knows the language; neither is sure.
        if not whole >= least + self.settings.margin:
            return Drop("doubtful_language", whole, least + self.settings.margin)
        prompt = self._prompts[drawn_with(self.settings.seed, "style", str(document["id"])) % len(self._prompts)]
        requests = tuple(
            prompt.request(
                {
                    "language": self.language.name,
                    "script": self.language.script,
                    "region": self.settings.region,
                    "text": cut.parts[place].text,
                },
                seed=drawn_with(self.settings.seed, str(document["id"]), str(place)),
                context={"language": self.language.code},
            )
            for place in cut.asked
        )
        return Asked(requests, lambda done: self._finished(document, cut, done))

    def _finished(self, document: Mapping[str, Any], cut: Pieces, done: tuple[Finished, ...]) -> Row | Unusable:
        written = cut.written(done, _text, self._checks.of)
        if not isinstance(written, Written):
            return written
        found_by = provenance(document, self._engine, done, self.settings.seed, worst(written.checks))
        return {
            "id": f"{document['id']}/rephrased",
            "text": written.text,
            "language": self.language.code,
            "source": self.settings.source,
            "category": self.settings.category,
            "url": document.get("url"),
            "metadata": {**found_by, "kind": "rephrase", "source_language": self.language.code},
            "scores": {},
        }


def _text(finished: Finished) -> str | Failure:
    found = completed(finished, _Rephrased)
    return found if isinstance(found, Failure) else found.rephrased
