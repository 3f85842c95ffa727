"""Records the sample pack's completions of cultural articles, translations and paraphrases that people wrote.

    python -m synth.record_documents CURATED [CODE ...]

CURATED is the folder `curated/` of a workspace of the sample profile. Documents are rated, catalogued, written of,
translated and said anew as the pipeline does it, by an engine that gives what people wrote
(`sources/sample_pack/articles/`, `translations/`, `rephrased/`); every completion goes to
`sources/sample/completions/`. To be run again whenever a prompt changes.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow.parquet as pq
import yaml

from sources.language import Language, language
from synth.culture.annotation import Annotation
from synth.culture.articles import CulturalArticle
from synth.culture.by_hand import ARTICLES, Known, documents_by_hand
from synth.culture.rating import RATING, Rating
from synth.engine.replay import record, recorded_for
from synth.engine.store import Store
from synth.questions.grounds import GROUNDS
from synth.record_sample import KNOWN_BY, PLACES, WRITER
from synth.rephrasing.rephrase_documents import Rephrase
from synth.request import Engine, Finished, Request
from synth.settings import RECORDINGS, SAMPLE_SYNTHESIS, Kind
from synth.translation.by_category import TranslationByCategory
from synth.translation.document_task import Row, Task, carry_out

TRANSLATIONS: Final = ARTICLES.parent / "translations"
REPHRASED: Final = ARTICLES.parent / "rephrased"
ENGLISH: Final = "eng_Latn"

Rows: TypeAlias = Iterable[Mapping[str, Any]]


class ByHand:
    """An engine (`synth.request.Engine`) that answers with what people wrote, and stores what it says."""

    model, revision = WRITER, "1"

    def __init__(self, answer: Callable[[Request], str], store: Store) -> None:
        self._answer, self._store = answer, store

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`."""
        for request in requests:
            made = recorded_for(request, self.model, self.revision, self._answer(request))
            self._store.put(made)
            yield Finished(request, made.completion)


def main() -> None:
    """Records every language that somebody wrote in, and says what became of its documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curated", type=Path)
    parser.add_argument("codes", nargs="*", help="all languages, if none is named")
    given = parser.parse_args()
    places: dict[str, list[list[str]]] = yaml.safe_load(PLACES.read_text(encoding="utf-8"))
    for path in sorted(ARTICLES.glob("*.yaml")):
        if path.stem in (given.codes or [path.stem]):
            _culture(path.stem, documents_by_hand(path.stem, places[path.stem]), given.curated)
    for path in sorted(TRANSLATIONS.glob("*.yaml")):
        for code, text in yaml.safe_load(path.read_text(encoding="utf-8"))["translations"].items():
            if code in (given.codes or [code]):
                _translated(code, text, given.curated)
    for path in sorted(REPHRASED.glob("*.yaml")):
        if path.stem in (given.codes or [path.stem]):
            _rephrased(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))["rephrased"], given.curated)


def _culture(code: str, known: Sequence[Known], curated: Path) -> None:
    settings = SAMPLE_SYNTHESIS.culture

    def answer(request: Request) -> str:
        name, asked = request.prompt.partition("@")[0], request.messages[-1].content
        found = next((each for each in known if each.text[:KNOWN_BY] in asked), None)
        if found is None:
            # What the sample pack adds to the texts: lists and fragments that passed all filters.
            return "<reason>it tells of no custom, dish, craft or place</reason>\n<score>0</score>"
        wanted = {"rate": found.rating, "annotate": found.annotation, "article": found.written}
        return wanted[name.rpartition("/")[2]]

    def written(spoken: Language, engine: Engine, lost: list[str]) -> list[Row]:
        rows = _documents(curated, code, GROUNDS)
        rated = _carried_out(rows, Rating(spoken, engine, settings.rating), engine, lost)
        dense = [row for row in rated if dict(row["scores"])[RATING] >= settings.dense_from]
        noted = _carried_out(dense, Annotation(spoken, engine, settings.annotation), engine, lost)
        return _carried_out(noted, CulturalArticle(spoken, engine, None, settings.article), engine, lost)

    _recorded(code, "culture", answer, written)


def _translated(code: str, text: str, curated: Path) -> None:
    wanted = SAMPLE_SYNTHESIS.translate

    def written(spoken: Language, engine: Engine, lost: list[str]) -> list[Row]:
        task = TranslationByCategory(language(ENGLISH), spoken, engine, wanted.categories, wanted.settings)
        # The one that the settings' sample is.
        rows = [row for row in _documents(curated, ENGLISH, wanted.categories) if _begins(row, TRANSLATIONS)]
        return _carried_out(rows, task, engine, lost)

    _recorded(code, "translate", lambda _: f"<translation>{text}</translation>", written)


def _rephrased(code: str, text: str, curated: Path) -> None:
    wanted = SAMPLE_SYNTHESIS.rephrase

    def written(spoken: Language, engine: Engine, lost: list[str]) -> list[Row]:
        rows = [row for row in _documents(curated, code, ("multilingual",)) if _begins(row, REPHRASED)]
        return _carried_out(rows, Rephrase(spoken, engine, wanted.settings), engine, lost)

    _recorded(code, "rephrase", lambda _: f"<rephrased>{text}</rephrased>", written)


def _recorded(
    code: str,
    kind: Kind,
    answer: Callable[[Request], str],
    written: Callable[[Language, Engine, list[str]], list[Row]],
) -> None:
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        kept = written(language(code), ByHand(answer, store), lost)
        record(store, RECORDINGS / f"{code}.{kind}.jsonl")
    print(code, kind, len(kept), "kept", *lost, flush=True)


def _begins(row: Mapping[str, Any], folder: Path) -> bool:
    """Whether a document is one of those that stand in `folder`."""
    beginnings = (yaml.safe_load(path.read_text(encoding="utf-8"))["beginning"] for path in folder.glob("*.yaml"))
    return any(row["text"].startswith(each) for each in beginnings)


def _carried_out(rows: Rows, task: Task, engine: Engine, lost: list[str]) -> list[Row]:
    def drop(name: str, why: Any) -> None:
        lost.append(f"{why.reason} {why.value} {why.threshold} {why.detail or ''}")

    return list(carry_out(rows, task, engine, drop))


def _documents(curated: Path, code: str, categories: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for folder in sorted(curated.glob(f"*/{code}")):
        for path in sorted(folder.glob("*.parquet")):
            yield from (row for row in pq.read_table(path).to_pylist() if row["category"] in categories)


if __name__ == "__main__":
    main()
