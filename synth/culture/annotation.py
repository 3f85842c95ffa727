"""Topic and region of documents that are dense in culture, with the passages that show them."""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel, Field

from filters.verdict import Drop
from sources.language import Language
from synth.culture.evidence import spans
from synth.culture.regions import region_code, topics
from synth.culture.settings import AnnotationSettings
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.request import Engine, Failure, Finished
from synth.translation.document_task import Asked, Row, Unusable
from synth.translation.provenance import drawn_with, metadata, provenance

# The key of the metadata under which topic, region and evidence stand.
CULTURE: Final = "culture"
_MOST_CHARACTERS: Final = 8_000


class _Annotated(BaseModel):
    topic: str
    region: str
    evidence: list[str] = Field(min_length=1, max_length=4)


class Annotation:
    """The task of cataloguing documents, for `document_task.carry_out`.

    A row comes back as it is, with `culture` in its metadata: `topic` (one of sixteen), `region` (ISO 3166),
    `evidence` (spans of the text in NFC). It is dropped as `unknown_topic`, `unknown_region`, `no_region`, or as
    `evidence` where a passage does not stand in the text letter by letter.
    """

    def __init__(self, language: Language, engine: Engine, settings: AnnotationSettings | None = None) -> None:
        self.language = language
        self.settings = settings or AnnotationSettings()
        self._engine = engine
        self._prompt = load_prompt(self.settings.prompt)

    def __call__(self, document: Mapping[str, Any]) -> Asked | Drop:
        """One request a document."""
        text = unicodedata.normalize("NFC", document["text"])[:_MOST_CHARACTERS]
        if not text.strip():
            return Drop("empty", 0, 1)
        request = self._prompt.request(
            {
                "language": self.language.name,
                "region": self.settings.region,
                "topics": "\n".join(f"{key}: {about}" for key, about in topics().items()),
                "text": text,
            },
            seed=drawn_with(self.settings.seed, str(document["id"])),
            context={"language": self.language.code},
        )
        return Asked((request,), lambda done: self._finished(document, done))

    def _finished(self, document: Mapping[str, Any], done: tuple[Finished, ...]) -> Row | Drop | Unusable:
        read = completed(done[0], _Annotated)
        if isinstance(read, Failure):
            return Unusable(0, read)
        topic = read.topic.strip().casefold()
        if topic not in topics():
            return Unusable(0, Drop("unknown_topic", detail=read.topic[:80]))
        if read.region.strip().casefold() == "none":
            return Drop("no_region")
        region = region_code(read.region)
        if region is None:
            return Unusable(0, Drop("unknown_region", detail=read.region[:80]))
        found = spans(read.evidence, document["text"])
        if found is None:
            return Unusable(0, Drop("evidence", detail=" | ".join(each[:80] for each in read.evidence)))
        noted = {
            "topic": topic,
            "region": region,
            "evidence": [asdict(each) for each in found],
            **provenance(document, self._engine, done, self.settings.seed, {}),
        }
        return {**document, "metadata": {**metadata(document), CULTURE: noted}}
