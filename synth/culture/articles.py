"""Cultural articles: written from a document and records of concepts, and held against both."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel, Field

from filters.scripts import script_share
from filters.verdict import Drop
from sources.language import Language
from synth.culture.annotation import CULTURE
from synth.culture.concepts import Concept, ConceptIndex, described
from synth.culture.evidence import spans
from synth.culture.regions import region_name, topics
from synth.culture.settings import ArticleSettings
from synth.parsing import completed
from synth.prompt import load_prompt
from synth.rephrasing.kept_facts import names, names_kept, numbers_new
from synth.rephrasing.novelty import novelty
from synth.request import Engine, Failure, Finished
from synth.translation.check import Check
from synth.translation.checks import ends_open
from synth.translation.document_task import Asked, Row, Unusable
from synth.translation.pair_scores import PairScores, language_scores
from synth.translation.phrases import phrase_found
from synth.translation.provenance import drawn_with, metadata, provenance, worst
from synth.translation.repeated import repetition_excess

_MOST_CHARACTERS: Final = 8_000
# Names under which the share that a source has is chance.
_FEWEST_NAMES: Final = 4


class _Article(BaseModel):
    title: str = ""
    article: str = ""
    evidence: list[str] = Field(default_factory=list, max_length=6)
    skip: str = ""


class CulturalArticle:
    """The task of writing articles from catalogued documents (`Annotation`'s rows), for `document_task.carry_out`.

    What an article says must stand in its document or in the records: its numbers and most of its names do, and
    its evidence does letter by letter. A model may decline (`declined`) where a document says too little.
    """

    def __init__(
        self,
        language: Language,
        engine: Engine,
        concepts: ConceptIndex | None = None,
        settings: ArticleSettings | None = None,
    ) -> None:
        self.language = language
        self.settings = settings or ArticleSettings()
        self._engine = engine
        self._concepts = concepts
        self._prompt = load_prompt(self.settings.prompt)
        self._scores = PairScores(language, language)

    def __call__(self, document: Mapping[str, Any]) -> Asked | Drop:
        """One request a document; `not_catalogued` for one without topic and region."""
        noted = metadata(document).get(CULTURE)
        if not noted:
            return Drop("not_catalogued")
        text = unicodedata.normalize("NFC", document["text"])[:_MOST_CHARACTERS]
        most = self.settings.concepts
        concepts = self._concepts.named(text, noted["region"], most) if self._concepts and most else []
        request = self._prompt.request(
            {
                "language": self.language.name,
                "script": self.language.script,
                "region": region_name(noted["region"]),
                "topic": topics()[noted["topic"]],
                "concepts": described(concepts),
                "text": text,
            },
            seed=drawn_with(self.settings.seed, str(document["id"])),
            context={"language": self.language.code},
        )
        return Asked((request,), lambda done: self._finished(document, text, concepts, noted, done))

    def checks(self, article: str, text: str, records: str) -> Iterator[Check]:
        """The checks of an article, cheap ones first, each computed when it is asked for.

        `too_short`, `too_long`, `refusal`, `meta_phrase`, `unfinished`, `target_script`, `new_numbers`,
        `new_names`, `novelty`, `repetition`, `target_language`, `mixed_language`.
        """
        settings, language = self.settings, self.language
        visible = sum(not each.isspace() for each in article)
        yield Check("too_short", visible, least=settings.shortest)
        yield Check("too_long", visible, most=settings.longest)
        kind, phrase = phrase_found(article, language, text) or ("", "")
        yield Check("refusal", kind == "refusal", most=0, detail=phrase)
        yield Check("meta_phrase", kind == "meta", most=0, detail=phrase)
        yield Check("unfinished", ends_open(article), most=0)
        yield Check("target_script", script_share(article, language.script), least=settings.script)
        new = numbers_new(article, f"{text}\n{records}")
        yield Check("new_numbers", len(new), most=settings.new_numbers, detail=" ".join(new))
        wanted = names(article, language)
        if len(wanted) >= _FEWEST_NAMES:
            yield Check("new_names", names_kept(wanted, f"{text}\n{records}"), least=settings.names_known)
        yield Check("novelty", novelty(article, text, language), settings.least_novelty, settings.most_novelty)
        yield Check("repetition", repetition_excess(article, language, text), most=settings.repetition)
        sure = self._scores.of(article, article)["stop_words"]
        whole, worst_window, least = language_scores(article, language, sure)
        yield Check("target_language", whole, least=least)
        yield Check("mixed_language", worst_window, least=least - settings.window)

    def _finished(
        self,
        document: Mapping[str, Any],
        text: str,
        concepts: list[Concept],
        noted: Mapping[str, Any],
        done: tuple[Finished, ...],
    ) -> Row | Drop | Unusable:
        read = completed(done[0], _Article)
        if isinstance(read, Failure):
            return Unusable(0, read)
        if read.skip and not read.article:
            return Drop("declined", detail=read.skip[:200])
        if not read.title.strip():
            return Unusable(0, Failure("unparsable", "no title"))
        article = unicodedata.normalize("NFC", read.article).strip()
        passed = []
        for check in self.checks(article, text, described(concepts)):
            if check.broken:
                return Unusable(0, check.drop)
            passed.append(check)
        found = spans(read.evidence, text)
        if found is None:
            given = " | ".join(each[:80] for each in read.evidence) or "none given"
            return Unusable(0, Drop("evidence", detail=given))
        title = unicodedata.normalize("NFC", read.title).strip()
        return {
            "id": f"{document['id']}/article",
            "text": f"{title}\n\n{article}",
            "language": self.language.code,
            "source": self.settings.source,
            "category": self.settings.category,
            "url": document.get("url"),
            "metadata": {
                **provenance(document, self._engine, done, self.settings.seed, worst([passed])),
                "kind": "culture",
                "topic": noted["topic"],
                "region": noted["region"],
                "concepts": [each.id for each in concepts],
                "evidence": [asdict(each) for each in found],
            },
            "scores": {},
        }
