"""The rubric: a model says of a sample of documents how dense in culture they are, 0 to 5."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import xxhash
from pydantic import BaseModel, Field

from filters.verdict import Drop
from sources.language import Language
from synth.culture.settings import RatingSettings
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.request import Engine, Failure, Finished
from synth.translation.document_task import Asked, Row, Unusable
from synth.translation.provenance import drawn_with, metadata, provenance

# The score under which a document's rating stands.
RATING: Final = "culture.rating"
# Characters of a document that are judged: its beginning, as `filters.quality_model` reads it.
MOST_CHARACTERS: Final = 4_000


class _Rated(BaseModel):
    reason: str
    score: int = Field(ge=0, le=5)


class Rating:
    """The task of rating documents, for `document_task.carry_out`: every row comes back as it is, with its rating.

    The rating is a score, `culture.rating`; the reason and where it comes from stand in the metadata.
    """

    def __init__(self, language: Language, engine: Engine, settings: RatingSettings | None = None) -> None:
        self.language = language
        self.settings = settings or RatingSettings()
        self._engine = engine
        self._prompt = load_prompt(self.settings.prompt)

    def __call__(self, document: Mapping[str, Any]) -> Asked | Drop:
        """One request a document."""
        text = document["text"][:MOST_CHARACTERS]
        if not text.strip():
            return Drop("empty", 0, 1)
        request = self._prompt.request(
            {"language": self.language.name, "region": self.settings.region, "text": text},
            seed=drawn_with(self.settings.seed, str(document["id"])),
            context={"language": self.language.code},
        )
        return Asked((request,), lambda done: self._finished(document, done))

    def _finished(self, document: Mapping[str, Any], done: tuple[Finished, ...]) -> Row | Drop | Unusable:
        read = completed(done[0], _Rated)
        if isinstance(read, Failure):
            return Unusable(0, read)
        rated = {"reason": read.reason, **provenance(document, self._engine, done, self.settings.seed, {})}
        return {
            **document,
            "metadata": {**metadata(document), "culture_rating": rated},
            "scores": {**dict(document.get("scores") or {}), RATING: float(read.score)},
        }


def sampled(documents: Iterable[Mapping[str, Any]], share: float, seed: int = 0) -> Iterator[Mapping[str, Any]]:
    """About `share` of the documents, 0 to 1: those whose id hashes low, so that the sample of a part of a source
    is the part of its sample."""
    most = share * (1 << 64)
    for document in documents:
        if xxhash.xxh3_64_intdigest(str(document["id"]), seed) < most:
            yield document
