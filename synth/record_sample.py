"""Records the sample pack's completions: questions that people wrote, as if a model had, and their answer key.

    python -m synth.record_sample TEXTS CURATED

TEXTS is the folder of the pack's texts, a JSON file a language with `documents` and `mcqs`; CURATED the folder
`curated/` of a workspace of the sample profile that has all languages. Questions are made as the pipeline makes
them, by engines that look the answers up; every completion goes to `sources/sample/completions/`. To be run
again whenever a prompt changes: a request that was not recorded is dropped by the pipeline as `transport`.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
import regex
import yaml

from sources.language import language
from synth.engine.replay import record, recorded_for
from synth.engine.store import Store
from synth.questions.grounds import GROUNDS, grounds
from synth.questions.record import Dropped, Passage, Question
from synth.questions.run import make_questions
from synth.questions.tree import Ground
from synth.request import Finished, Request
from synth.settings import RECORDINGS, SAMPLE_QUESTIONS

PLACES: Final = Path(__file__).parent / "sample_places.yaml"
WRITER: Final = "written by hand for the sample pack"
VERIFIER: Final = "the sample pack's answer key"
_SENTENCE: Final = regex.compile(r"[^.!?。！？؟۔।།។၊။…\n]+[.!?。！？؟۔।།។၊။…]*")


@dataclass(frozen=True, slots=True)
class Known:
    """A question by hand, the beginning of the document that it stands on, and where it belongs."""

    item: dict[str, Any]
    document: str
    place: tuple[str, str, str]
    gloss: str

    @property
    def key(self) -> str:
        """The right option."""
        found: str = self.item["options"][self.item["answer"]]
        return found


class ByHand:
    """An engine (`synth.request.Engine`) that answers from the questions by hand, and stores what it says."""

    revision = "1"

    def __init__(self, model: str, known: Sequence[Known], store: Store) -> None:
        self.model = model
        self._known, self._store = known, store

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`."""
        for request in requests:
            text = self._answer(request)
            made = recorded_for(request, self.model, self.revision, text)
            self._store.put(made)
            yield Finished(request, made.completion)

    def _answer(self, request: Request) -> str:
        asked = request.messages[-1].content
        task = request.prompt.partition("@")[0]
        if self.model == VERIFIER:
            return self._verified(task, asked)
        found = next((each for each in self._known if each.document in asked), None)
        if found is None:
            return "<skip>it is about no custom, dish, craft or place of one region</skip>"
        if task == "questions/place":
            region, domain, topic = found.place
            return f"<region>{region}</region>\n<domain>{domain}</domain>\n<topic>{topic}</topic>"
        if task == "questions/concepts_in":
            return f"<concept>{found.key} | {found.gloss}</concept>"
        item = found.item
        wrong = [option for at, option in enumerate(item["options"]) if at != item["answer"]]
        passage = asked.split("<passage>")[1].split("</passage>")[0]
        return "\n".join(
            [
                f"<stem>{item['question']}</stem>",
                f"<answer>{found.key}</answer>",
                *(f"<distractor>{each}</distractor>" for each in wrong),
                f"<explanation>{item['explanation']}</explanation>",
                f"<quote>{_quote(passage, found)}</quote>",
            ]
        )

    def _verified(self, task: str, asked: str) -> str:
        found = next((each for each in self._known if each.item["question"] in asked), None)
        options = dict(regex.findall(r"^([A-D])\. (.*)$", asked, regex.M))
        if task == "questions/judge":
            return "yes" if found and asked.rpartition("\nAnswer: ")[2].startswith(f"{found.key}\n") else "no"
        if task == "questions/specificity":
            return "4"
        if task == "questions/safety":
            return "no"
        if task == "questions/options_only" or found is None:
            # Without the question the key says nothing: a letter by chance.
            return "ABCD"[hashlib.sha256(asked.encode()).digest()[0] % 4]
        right: str = next(letter for letter, option in options.items() if option == found.key)
        return right


def _quote(passage: str, known: Known) -> str:
    """The sentence of the passage that says most of what the answer and its explanation say."""
    wanted = _grams(f"{known.key} {known.key} {known.item['explanation']}")
    sentences: list[str] = [each.strip() for each in _SENTENCE.findall(passage) if each.strip()]
    return max(sentences, key=lambda each: (known.key.casefold() in each.casefold(), len(wanted & _grams(each))))


def _grams(text: str) -> set[str]:
    letters = regex.sub(r"\s+", " ", text.casefold())
    return {letters[at : at + 4] for at in range(len(letters) - 3)}


def main() -> None:
    """Records every language that has texts, and says what became of its questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", type=Path)
    parser.add_argument("curated", type=Path)
    options = parser.parse_args()
    places: dict[str, list[tuple[str, str, str]]] = yaml.safe_load(PLACES.read_text(encoding="utf-8"))
    shutil.rmtree(RECORDINGS, ignore_errors=True)
    RECORDINGS.mkdir()
    for code, of in places.items():
        texts = json.loads((options.texts / f"{code}.json").read_text(encoding="utf-8"))
        known = [
            Known(
                item,
                texts["documents"][item["document"]]["text"][:40],
                (place[0], place[1], place[2]),
                texts["documents"][item["document"]]["topic"],
            )
            for item, place in zip(texts["mcqs"], of, strict=True)
        ]
        print(code, *_recorded(code, known, options.curated))


def _recorded(code: str, known: list[Known], curated: Path) -> list[str]:
    spoken = language(code)
    lost: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        with (
            Store(Path(folder) / "writer") as written,
            Store(Path(folder) / "verifier") as verified,
        ):
            writer, verifier = ByHand(WRITER, known, written), ByHand(VERIFIER, known, verified)
            placed = list(grounds(_passages(curated, code), spoken, writer, SAMPLE_QUESTIONS))
            made = list(
                make_questions(
                    spoken,
                    writer,
                    verifier,
                    SAMPLE_QUESTIONS,
                    [each for each in placed if isinstance(each, Ground)],
                )
            )
            record(written, RECORDINGS / f"{code}.writer.jsonl")
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
