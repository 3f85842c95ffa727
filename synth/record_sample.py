"""Records the sample pack's completions: questions that people wrote, as if a model had, and their answer key.

    python -m synth.record_sample CURATED

CURATED is the folder `curated/` of a workspace of the sample profile that has all languages. Questions are made
as the pipeline makes them, by engines that look the answers up; every completion goes to
`sources/sample/completions/`. To be run again whenever a prompt changes: a request that was not recorded is
dropped by the pipeline as `transport`.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
import yaml

from sources.language import language
from synth.engine.replay import record, recorded_for
from synth.engine.store import Store
from synth.questions.by_hand import Item, items, verdict, written
from synth.questions.grounds import GROUNDS, grounds
from synth.questions.record import Dropped, Passage, Question
from synth.questions.run import make_questions
from synth.questions.tree import Ground
from synth.request import Finished, Request
from synth.settings import RECORDINGS, SAMPLE_QUESTIONS

PLACES: Final = Path(__file__).parent / "sample_places.yaml"
WRITER: Final = "written by hand for the sample pack"
VERIFIER: Final = "the sample pack's answer key"
# Characters of a document's beginning by which it is known again, repaired or not.
KNOWN_BY: Final = 40


@dataclass(frozen=True, slots=True)
class Known:
    """A question by hand, and region, domain and topic of its document."""

    item: Item
    place: tuple[str, str, str]


class ByHand:
    """An engine (`synth.request.Engine`) that answers from the questions by hand, and stores what it says."""

    revision = "1"

    def __init__(self, model: str, known: Sequence[Known], store: Store) -> None:
        self.model = model
        self._known, self._store = known, store

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`."""
        for request in requests:
            made = recorded_for(request, self.model, self.revision, self._answer(request))
            self._store.put(made)
            yield Finished(request, made.completion)

    def _answer(self, request: Request) -> str:
        asked = request.messages[-1].content
        if self.model == VERIFIER:
            found = next((each.item for each in self._known if each.item.draft.stem in asked), None)
            return verdict(found, request)
        task = request.prompt.partition("@")[0]
        known = next((each for each in self._known if each.item.passage.text[:KNOWN_BY] in asked), None)
        if known is None:
            return "<skip>it is about no custom, dish, craft or place of one region</skip>"
        region, domain, topic = known.place
        if task == "questions/place":
            return f"<region>{region}</region>\n<domain>{domain}</domain>\n<topic>{topic}</topic>"
        if task == "questions/concepts_in":
            return f"<concept>{known.item.draft.answer} | {topic}</concept>"
        return written(known.item.draft)


def main() -> None:
    """Records every language that has texts, and says what became of its questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curated", type=Path)
    curated: Path = parser.parse_args().curated
    places: dict[str, list[tuple[str, str, str]]] = yaml.safe_load(PLACES.read_text(encoding="utf-8"))
    for role in ("writer", "verifier"):
        for path in RECORDINGS.glob(f"*.{role}.jsonl"):
            path.unlink()
    for code, of in places.items():
        known = [Known(item, (place[0], place[1], place[2])) for item, place in zip(items(code), of, strict=True)]
        print(code, *_recorded(code, known, curated))


def _recorded(code: str, known: list[Known], curated: Path) -> list[str]:
    spoken = language(code)
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(Path(folder) / "writer") as kept,
        Store(Path(folder) / "verifier") as verified,
    ):
        writer, verifier = ByHand(WRITER, known, kept), ByHand(VERIFIER, known, verified)
        placed = grounds(_passages(curated, code), spoken, writer, SAMPLE_QUESTIONS)
        stand_on = [each for each in placed if isinstance(each, Ground)]
        made = list(make_questions(spoken, writer, verifier, SAMPLE_QUESTIONS, stand_on))
        record(kept, RECORDINGS / f"{code}.writer.jsonl")
        record(verified, RECORDINGS / f"{code}.verifier.jsonl")
    lost = [f"{each.filter}.{each.reason} {each.detail}" for each in made if isinstance(each, Dropped)]
    return [str(sum(isinstance(each, Question) for each in made)), "kept", *lost]


def _passages(curated: Path, code: str) -> Iterator[Passage]:
    for folder in sorted(curated.glob(f"*/{code}")):
        for path in sorted(folder.glob("*.parquet")):
            for row in pq.read_table(path, columns=["id", "text", "source", "category"]).to_pylist():
                if row["category"] in GROUNDS:
                    yield Passage(row["id"], row["text"], row["source"])


if __name__ == "__main__":
    main()
