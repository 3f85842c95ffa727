"""Records the sample pack's completions of cultural texts: what people wrote, as if a model had.

    python -m synth.record_articles CURATED

CURATED is the folder `curated/` of a workspace of the sample profile. Every document of a language that has
articles by hand (`sources/sample_pack/articles/`) is rated, catalogued and written of as the pipeline does it; every
completion goes to `sources/sample/completions/`. To be run again whenever a prompt changes.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import yaml

from sources.language import language
from synth.culture.annotation import Annotation
from synth.culture.articles import CulturalArticle
from synth.culture.by_hand import ARTICLES, Known, documents_by_hand
from synth.culture.rating import RATING, Rating
from synth.engine.replay import record, recorded_for
from synth.engine.store import Store
from synth.questions.grounds import GROUNDS
from synth.record_sample import KNOWN_BY, PLACES, WRITER
from synth.request import Finished, Request
from synth.settings import RECORDINGS, SAMPLE_SYNTHESIS
from synth.translation.document_task import Row, Task, carry_out


class ByHand:
    """An engine (`synth.request.Engine`) that answers with what people wrote, and stores what it says."""

    model, revision = WRITER, "1"

    def __init__(self, known: Sequence[Known], store: Store) -> None:
        self._known, self._store = known, store

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`."""
        for request in requests:
            made = recorded_for(request, self.model, self.revision, self._answer(request))
            self._store.put(made)
            yield Finished(request, made.completion)

    def _answer(self, request: Request) -> str:
        asked = request.messages[-1].content
        known = next((each for each in self._known if each.text[:KNOWN_BY] in asked), None)
        if known is None:
            return _UNKNOWN[request.prompt.partition("@")[0]]
        return {
            "culture/rate": known.rating,
            "culture/annotate": known.annotation,
            "culture/article": known.written,
        }[request.prompt.partition("@")[0]]


# What the sample pack adds to the texts: pages of spam, lists, fragments that passed all filters.
_UNKNOWN: Final = {"culture/rate": "<reason>it tells of no custom, dish, craft or place</reason>\n<score>0</score>"}


def main() -> None:
    """Records every language that has articles, and says what became of its documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curated", type=Path)
    curated: Path = parser.parse_args().curated
    places: dict[str, list[list[str]]] = yaml.safe_load(PLACES.read_text(encoding="utf-8"))
    for path in RECORDINGS.glob("*.culture.jsonl"):
        path.unlink()
    for path in sorted(ARTICLES.glob("*.yaml")):
        code = path.stem
        print(code, *_recorded(code, documents_by_hand(code, places[code]), curated))


def _recorded(code: str, known: list[Known], curated: Path) -> list[str]:
    spoken, settings = language(code), SAMPLE_SYNTHESIS.culture
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        engine = ByHand(known, store)
        rows: Iterable[Mapping[str, Any]] = _documents(curated, code)
        rated = _carried_out(rows, Rating(spoken, engine, settings.rating), engine, lost)
        dense = [row for row in rated if dict(row["scores"])[RATING] >= settings.dense_from]
        noted = _carried_out(dense, Annotation(spoken, engine, settings.annotation), engine, lost)
        article = CulturalArticle(spoken, engine, None, settings.article)
        written = _carried_out(noted, article, engine, lost)
        record(store, RECORDINGS / f"{code}.culture.jsonl")
    return [f"{len(written)} kept of {len(dense)}", *lost]


def _carried_out(rows: Iterable[Mapping[str, Any]], task: Task, engine: ByHand, lost: list[str]) -> list[Row]:
    def drop(name: str, why: Any) -> None:
        lost.append(f"{why.reason} {why.value} {why.threshold} {why.detail or ''}")

    return list(carry_out(rows, task, engine, drop))


def _documents(curated: Path, code: str) -> Iterator[Mapping[str, Any]]:
    for folder in sorted(curated.glob(f"*/{code}")):
        for path in sorted(folder.glob("*.parquet")):
            yield from (row for row in pq.read_table(path).to_pylist() if row["category"] in GROUNDS)


if __name__ == "__main__":
    main()
