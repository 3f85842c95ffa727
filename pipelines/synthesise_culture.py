"""Writes cultural articles of a language: rates documents, finds the dense ones, catalogues them, writes of them.

The model rates a sample; a small classifier learns from the ratings and decides over all other documents, from
the score on that is right often enough. Where every document was rated there is nothing for it to decide, and
where too few of either kind were rated, or no score is right often enough, there is none: then the ratings alone
decide, the documents without one are passed over, and the totals say so.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from datatrove.io import get_datafolder

from filters.train_quality_model import TooFewError
from filters.verdict import Drop
from pipelines.chosen_documents import Chosen, Sample
from pipelines.measured_files import TableWriter
from pipelines.taken_down import TakenDown
from pipelines.waves import carried_out
from pipelines.written_category import category_of
from pipelines.written_rooms import Rows, WrittenRooms
from sources.language import Language
from synth.culture.annotation import CULTURE, Annotation
from synth.culture.articles import CulturalArticle
from synth.culture.concept_files import concept_index
from synth.culture.density import DENSITY, DensitySettings, keep_dense, train_density_model
from synth.culture.rating import MOST_CHARACTERS, RATING, Rating
from synth.culture.settings import SOURCE, CultureSettings
from synth.engine.progress import Watched
from synth.questions.grounds import GROUNDS
from synth.request import Engine
from synth.translation.document_task import Tally
from synth.translation.provenance import metadata

RATINGS: Final = "ratings.parquet"
ANNOTATIONS: Final = "annotations.parquet"
MODEL: Final = "density.bin"
RATED: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        # 0 to 5, and the model's reason.
        pa.field("rating", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("prompts", pa.list_(pa.string()), nullable=False),
    ]
)
ANNOTATED: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        # ISO 3166.
        pa.field("region", pa.string(), nullable=False),
        # Passages of the text in NFC, letter by letter.
        pa.field("evidence", pa.list_(pa.string()), nullable=False),
        # What made the document dense: the model's rating, or the classifier's score.
        pa.field("rating", pa.float64()),
        pa.field("density", pa.float64()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("prompts", pa.list_(pa.string()), nullable=False),
    ]
)

Row = Mapping[str, Any]


def synthesise_culture(
    folders: Sequence[str],
    language: Language,
    engine: Engine,
    settings: CultureSettings,
    places: Mapping[str, str],
    tell: Callable[[str], None] = lambda line: None,
    taken: TakenDown | None = None,
) -> dict[str, Any]:
    """Writes articles on the documents of `folders` that are dense in culture.

    `places` has the folders `records` (ratings, annotations, articles, the classifier and the sheet), `documents`
    and `dropped`, which has a row for every document that was looked at and has no article. Articles that are
    `taken` down are left out. `tell` is told a line a second. Returns the totals: `documents` are the dense ones,
    `passages` says what became of all that were looked at, which stay in their own buckets whatever is said of
    them here; `decided` by what they were judged.

    Raises:
        BabelmixError: a folder or a file of concepts cannot be read, the engine's server is not there, or no
            article is kept.
    """
    chosen = Chosen(tuple(folders), GROUNDS, settings.documents)
    with tempfile.TemporaryDirectory() as folder, WrittenRooms(places, language, taken) as rooms:
        run = _Run(chosen, language, engine, settings, places, rooms, tell)
        ratings = run.rate()
        decided = run.learn(Path(folder) / MODEL)
        run.write(ratings, Path(folder) / f"{MODEL}.yaml")
    totals = rooms.totals(SOURCE, +run.passed_over)
    rooms.write_sheet(SOURCE, {"kept": f"{rooms.kept:,} of {totals['documents']:,}", **_facts(decided)})
    return {
        **totals,
        "passages": {"taken": totals["documents"], **dict(sorted(run.passed_over.items()))},
        "rated": len(ratings),
        "decided": decided,
        "model": engine.model,
    }


class _Run:
    """One call of `synthesise_culture`."""

    def __init__(
        self,
        chosen: Chosen,
        language: Language,
        engine: Engine,
        settings: CultureSettings,
        places: Mapping[str, str],
        rooms: WrittenRooms,
        tell: Callable[[str], None],
    ) -> None:
        self._chosen, self._language, self._settings = chosen, language, settings
        self._engine, self._places, self._rooms, self._tell = engine, places, rooms, tell
        self._sample: Sample = chosen.sample(settings.rated)
        self._count = sum(1 for _ in chosen.rows(["id"]))
        # What the classifier learns from: the beginnings of the documents that were rated.
        self._rated: list[Row] = []
        self._model: DensitySettings | None = None
        self.passed_over: Counter[str] = Counter()

    def rate(self) -> dict[tuple[str, str], float]:
        """Has the sample rated; the ratings by source and id."""
        ratings: dict[tuple[str, str], float] = {}
        tally = Tally()
        engine = Watched(
            self._engine,
            self._tell,
            lambda: f"{tally.kept:,} of {self._sample.count:,} documents rated",
            lambda: self._sample.count,
        )
        task = Rating(self._language, engine, self._settings.rating)
        with TableWriter(self._places["records"], RATINGS, RATED) as table:
            rows = Rows(table, RATED)
            for document, row in carried_out(self._sample.rows(), task, engine, self._unrated, tally):
                rating = dict(row["scores"])[RATING]
                by = metadata(row)["culture_rating"]
                ratings[document["source"], document["id"]] = rating
                rows.add({**_named(document), "rating": rating, "reason": by["reason"], **_made_by(by)})
                text = document["text"][:MOST_CHARACTERS]
                self._rated.append({"id": document["id"], "text": text, "scores": [(RATING, rating)]})
            rows.flush()
        return ratings

    def learn(self, output: Path) -> dict[str, Any]:
        """Trains the classifier if there is something for it to decide and enough to learn from; says which."""
        if self._sample.count == self._count:
            return {"by": "ratings", "why": f"all {self._count:,} documents were rated"}
        settings = self._settings
        try:
            self._model = train_density_model(
                self._rated, self._language, output, settings.precision, settings.dense_from
            )
        except TooFewError as error:
            return {"by": "ratings", "why": str(error)}
        records = get_datafolder(self._places["records"])
        for path in sorted(output.parent.glob(f"{output.name}*")):
            records.pipe_file(path.name, path.read_bytes())
        return {"by": "classifier", **self._model.model_dump(exclude={"language", "model"})}

    def write(self, ratings: Mapping[tuple[str, str], float], model: Path) -> None:
        """Catalogues the dense documents, the first so many, and has articles written of them."""
        noted, articles = Tally(), Tally()
        looked_at = 0
        found = sum(rating >= self._settings.dense_from for rating in ratings.values())
        others = self._count - self._sample.count if self._model else 0
        awaited = min(found + round(others * found / max(len(ratings), 1)), self._settings.articles)

        def dense() -> Iterator[Row]:
            nonlocal looked_at
            for each in self._dense(ratings, model):
                if looked_at < self._settings.articles:
                    looked_at += 1
                    yield each
                else:
                    self._pass_over(each, Drop("enough", looked_at + 1, self._settings.articles), "cap")

        engine = Watched(
            self._engine,
            self._tell,
            lambda: f"{articles.kept:,} articles on {looked_at:,} dense documents",
            # Each is catalogued and written of.
            lambda: 2 * awaited,
        )
        catalogue = Annotation(self._language, engine, self._settings.annotation)
        concepts = concept_index(self._settings.concepts, self._language)
        category = category_of(self._language.code)
        task = CulturalArticle(
            self._language, engine, concepts, self._settings.article.model_copy(update={"category": category})
        )
        with TableWriter(self._places["records"], ANNOTATIONS, ANNOTATED) as table:
            rows = Rows(table, ANNOTATED)

            def catalogued() -> Iterator[Row]:
                for document, row in carried_out(dense(), catalogue, engine, self._lost("annotation"), noted):
                    rows.add(_annotated(document, row))
                    yield row

            for document, row in carried_out(catalogued(), task, engine, self._lost("article"), articles):
                self._rooms.keep(document, row)
            rows.flush()

    def _dense(self, ratings: Mapping[tuple[str, str], float], model: Path) -> Iterator[Row]:
        """The dense documents: first those that the model rated, then those that the classifier finds."""
        least = self._settings.dense_from
        for row in self._sample.rows():
            rating = ratings.get((row["source"], row["id"]))
            # Of one that could not be rated it is said already why.
            if rating is None:
                continue
            if rating >= least:
                yield {**row, "scores": [*(row["scores"] or ()), (RATING, rating)]}
            else:
                self._pass_over(row, Drop("not_dense", rating, least), "rating")
        others = (row for row in self._chosen.rows() if row not in self._sample)
        if self._model is None:
            for row in others:
                self._pass_over(row, Drop("not_rated"), "rating")
            return
        yield from keep_dense(
            others, model, self._language, lambda name, why: self._pass_over({"id": name}, why, "classifier")
        )

    def _unrated(self, document: Row, why: Drop) -> None:
        self._pass_over(document, why, "rating")

    def _pass_over(self, document: Row, why: Drop, stage: str) -> None:
        self.passed_over[f"{stage}.{why.reason}"] += 1
        self._rooms.pass_over(document, why, stage)

    def _lost(self, stage: str) -> Callable[[Row, Drop], None]:
        return lambda document, why: self._rooms.drop(document, why, stage)


def _named(document: Row) -> dict[str, str]:
    return {"id": document["id"], "source": document["source"]}


def _made_by(held: Mapping[str, Any]) -> dict[str, Any]:
    return {name: held[name] for name in ("model", "revision", "prompts")}


def _annotated(document: Row, row: Row) -> dict[str, Any]:
    noted, scores = metadata(row)[CULTURE], dict(row["scores"])
    return {
        **_named(document),
        "topic": noted["topic"],
        "region": noted["region"],
        "evidence": [each["text"] for each in noted["evidence"]],
        "rating": scores.get(RATING),
        "density": scores.get(DENSITY),
        **_made_by(noted),
    }


def _facts(decided: Mapping[str, Any]) -> dict[str, str]:
    if decided["by"] == "ratings":
        return {"dense by": f"the model's ratings: {decided['why']}"}
    return {
        "dense by": f"the classifier, from {decided['threshold']:.3f} on",
        "precision of those held out": f"{decided['precision']:.0%}",
        "recall of those held out": f"{decided['recall']:.0%}",
    }
