"""Records the sample pack's completions: questions that people wrote, as if a model had, and their answer key.

Beside each good question stands one with a fault that was planted; `planted.jsonl` says which fault it is, under
the id that it is dropped by, and for which reasons it may be.

    python -m synth.record_sample CURATED

CURATED is the folder `curated/` of a workspace of the sample profile that has all languages. Questions are made
as the pipeline makes them, by engines that look the answers up; every completion goes to
`sources/sample/completions/`. To be run again whenever a prompt changes: a request that was not recorded is
dropped by the pipeline as `transport`.
"""

import argparse
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import yaml

from sources.language import language
from synth.engine.replay import record, recorded_for
from synth.engine.store import Store
from synth.questions.by_hand import Item, items, verdict, written
from synth.questions.grounds import GROUNDS, grounds
from synth.questions.planted_in_pack import Planted, planted
from synth.questions.record import Dropped, Leaf, Passage, Question, identity
from synth.questions.run import make_questions
from synth.questions.tree import Ground
from synth.request import Finished, Request
from synth.settings import RECORDINGS, SAMPLE_QUESTIONS

PLACES: Final = Path(__file__).parent / "sample_places.yaml"
PLANTED: Final = RECORDINGS / "planted.jsonl"
WRITER: Final = "written by hand for the sample pack"
VERIFIER: Final = "the sample pack's answer key"
# Characters of a document's beginning by which it is known again, repaired or not.
KNOWN_BY: Final = 40


@dataclass(frozen=True, slots=True)
class Known:
    """A question by hand, the one with a fault beside it, and region, domain and topic of their document."""

    item: Item
    planted: Planted
    place: tuple[str, str, str]

    def label(self) -> dict[str, Any]:
        """What `planted.jsonl` says of the planted one: of a completion that is no question, where it stands."""
        region, domain, topic = self.place
        id_ = f"{region} {domain}/{topic}/{self.planted.concept}"
        if not self.planted.item.text and self.planted.item.finish_reason == "stop":
            code, draft = self.item.language.code, self.planted.item.draft
            read = replace(draft, distractors=tuple(each.strip() for each in draft.distractors))
            id_ = identity(Leaf(code, region, "", domain, topic, "", ""), read)
        return {"id": id_, "fault": self.planted.fault.name, "reasons": self.planted.fault.reasons}


class ByHand:
    """An engine (`synth.request.Engine`) that answers from the questions by hand, and stores what it says."""

    revision = "1"

    def __init__(self, model: str, known: Sequence[Known], store: Store) -> None:
        self.model = model
        self._known, self._store = known, store

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`."""
        for request in requests:
            made = recorded_for(request, self.model, self.revision, *self._answer(request))
            self._store.put(made)
            yield Finished(request, made.completion)

    def _answer(self, request: Request) -> tuple[str, str]:
        """What is said, and why it ended."""
        asked = request.messages[-1].content
        if self.model == VERIFIER:
            # A planted one may have a good one's stem.
            every = [each.item for each in self._known] + [each.planted.item for each in self._known]
            return verdict(next((each for each in every if each.draft.stem in asked), None), request), "stop"
        task = request.prompt.partition("@")[0]
        known = next((each for each in self._known if each.item.passage.text[:KNOWN_BY] in asked), None)
        if known is None:
            return "<skip>it is about no custom, dish, craft or place of one region</skip>", "stop"
        region, domain, topic = known.place
        if task == "questions/place":
            return f"<region>{region}</region>\n<domain>{domain}</domain>\n<topic>{topic}</topic>", "stop"
        if task == "questions/concepts_in":
            names = (known.item.draft.answer, known.planted.concept)
            return "\n".join(f"<concept>{name} | {topic}</concept>" for name in names), "stop"
        faulty = f"\nConcept: {known.planted.concept} (" in asked
        item = known.planted.item if faulty else known.item
        return item.text or written(item.draft), item.finish_reason


def main() -> None:
    """Records every language that has texts, and says what became of its questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curated", type=Path)
    curated: Path = parser.parse_args().curated
    places: dict[str, list[tuple[str, str, str]]] = yaml.safe_load(PLACES.read_text(encoding="utf-8"))
    RECORDINGS.mkdir(exist_ok=True)
    for role in ("writer", "verifier"):
        for path in RECORDINGS.glob(f"*.{role}.jsonl"):
            path.unlink()
    labels = []
    for code, of in places.items():
        good = items(code)
        known = [
            Known(item, fault, (place[0], place[1], place[2]))
            for item, fault, place in zip(good, planted(good), of, strict=True)
        ]
        made = _recorded(code, known, curated)
        ids = [each.id for each in made]
        labels += [
            {"language": code, **label}
            for label in (each.label() for each in known)
            # Of a document that curation drops nothing is asked.
            if any(id_ == label["id"] or id_.startswith(f"{label['id']}/") for id_ in ids)
        ]
        lost = [f"{each.filter}.{each.reason}" for each in made if isinstance(each, Dropped)]
        print(code, len(made) - len(lost), "kept", *lost)
    rows = (json.dumps(each, ensure_ascii=False) for each in labels)
    PLANTED.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")


def _recorded(code: str, known: list[Known], curated: Path) -> list[Question | Dropped]:
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
    return made


def _passages(curated: Path, code: str) -> Iterator[Passage]:
    for folder in sorted(curated.glob(f"*/{code}")):
        for path in sorted(folder.glob("*.parquet")):
            for row in pq.read_table(path, columns=["id", "text", "source", "category"]).to_pylist():
                if row["category"] in GROUNDS:
                    yield Passage(row["id"], row["text"], row["source"])


if __name__ == "__main__":
    main()
