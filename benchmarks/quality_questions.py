"""How many planted faults of questions are found, and how many good questions are lost.

    python benchmarks/quality_questions.py [--texts FOLDER] [--languages CODE …] [--json]

Good questions are those that were written by hand for the sample pack, three in each of 64 languages, each with
the document that it stands on. Every fault is planted into each of them, written out as a model would answer, and
goes the whole way of `synth.questions.run.make_questions`: parser, checks, set. Reported are the planted
questions that were dropped, those for a reason that is the fault (second share), by which checks, and the good
ones that were.

Faults that need a model are counted apart. Their verifier is SCRIPTED: it was told which options are right and
which passages prove them. It shows that what a verifier says is acted upon, and what is lost to one that errs in a
twentieth of its answers; how well a real model sees these faults it does not show.

The thresholds of language were chosen on other text (translations in the pack) and then set to lose few of these
questions; those of the key's length and of the overlap with the passage were chosen with these in view. What is
lost of other good questions may be more.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import regex

from filters.settings import Contamination, benchmarks_digest
from sources.language import languages
from synth.questions.balance import Standing, longest_is_key
from synth.questions.by_hand import TEXTS, Item, items, verdict, written
from synth.questions.places import regions_of
from synth.questions.planted import FAULTS
from synth.questions.record import Draft, Dropped, Leaf, Question, question
from synth.questions.run import make_questions
from synth.questions.settings import Balance, QuestionSettings
from synth.questions.tree import Ground
from synth.questions.wording import spaced
from synth.request import Completion, Finished, Request

SEED = 11
# Of the answers of a scripted verifier that errs.
ERRORS = 0.05
_SENTENCE = regex.compile(r"(?<=[.!?。？！۔।።။؟])\s*|\n+")


def main() -> None:
    """Prints the table, or one JSON object."""
    arguments = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    arguments.add_argument("--texts", type=Path, default=TEXTS)
    arguments.add_argument("--languages", nargs="*", help="codes; all by default")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    good = [item for code in given.languages or languages() for item in items(code, given.texts)]
    rows = []
    lost, reasons = _dropped(good, _no_list(), verified=False)
    rows.append(_row("good questions, mechanical checks", True, len(good), lost, reasons))
    for errors in (0.0, ERRORS):
        lost, reasons = _dropped(good, _no_list(), verified=True, errors=errors)
        rows.append(_row(f"good questions, verifier that errs in {errors:.0%}", False, len(good), lost, reasons))
    for fault in FAULTS:
        planted = [each for item in good if (each := fault.plant(item, given.texts)) is not None]
        caught, reasons = _dropped(planted, _no_list(), verified=not fault.mechanical, errors=ERRORS)
        named = sum(count for reason, count in reasons.items() if reason.rpartition(" ")[2] in fault.reasons)
        rows.append(_row(fault.name, fault.mechanical, len(planted), caught, reasons) | {"named": named})
    rows += [_benchmark_row(good, manner) for manner in MANNERS]
    rows.append(_duplicate_row(good))
    rows += _together(rows)
    longest = _longest_keys(good)
    if given.json:
        print(json.dumps({"rows": rows, "longest_is_key": longest}, ensure_ascii=False, indent=1))
        return
    for row in rows:
        kind = "" if row["mechanical"] else " (scripted)"
        found = ", ".join(f"{reason} {count}" for reason, count in list(row["by"].items())[:4])
        named = f"{row['named'] / max(row['planted'], 1):6.1%}" if "named" in row else f"{'':6}"
        said = f"{row['caught']:>4} of {row['planted']:>4}  {row['share']:6.1%}"
        print(f"{row['name'] + kind:<58} {said}  {named}  {found}")
    print("set: key longest in {before:.0%} of {questions} questions, {after:.0%} of those kept".format(**longest))


class Scripted:
    """Writes the items that it was given, whose number is their topic, and verifies as it was told."""

    model, revision = "scripted", "1"

    def __init__(self, items: Sequence[Item], errors: float) -> None:
        self.items, self.errors = items, errors

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        for request in requests:
            yield Finished(request, self._answer(request))

    def _answer(self, request: Request) -> Completion:
        shown = request.messages[-1].content
        name = request.prompt.partition("@")[0].removeprefix("questions/")
        if name == "concepts_in":
            return Completion(f"<concept>{self.items[0].language.native_name}</concept>", "stop", 0, 0)
        if name == "write":
            item = self.items[int(regex.findall(r"^Topic: (\d+)$", shown, regex.M)[0])]
            return Completion(item.text or written(item.draft), item.finish_reason, 0, 0)
        choices, key = request.sampling.choice, request.key(self.model, self.revision)
        if _hash(f"errs {key}") % 10_000 < self.errors * 10_000:
            return Completion(choices[_hash(f"so {key}") % len(choices)], "stop", 0, 0)
        known = next((each for each in self.items if each.draft.stem in shown), None)
        return Completion(verdict(known, request), "stop", 0, 0)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{SEED} {text}".encode(), digest_size=8).digest(), "big")


def _dropped(
    items: Sequence[Item], settings: QuestionSettings, verified: bool, errors: float = 0.0
) -> tuple[int, Counter[str]]:
    """How many of the items are not kept, and for which reasons; language by language."""
    dropped: Counter[str] = Counter()
    by_language: dict[str, list[Item]] = {}
    for item in items:
        by_language.setdefault(item.language.code, []).append(item)
    for same in by_language.values():
        for each in _made(same, settings, verified, errors):
            if isinstance(each, Dropped):
                dropped[f"{each.filter}: {each.reason}" if each.filter in ("write",) else each.reason] += 1
    return dropped.total(), Counter(dict(dropped.most_common()))


def _made(
    items: Sequence[Item], settings: QuestionSettings, verified: bool, errors: float = 0.0
) -> Iterator[Question | Dropped]:
    language = items[0].language
    region = next(iter(regions_of(language)))
    grounds = (Ground(item.passage, region, "manners", str(at)) for at, item in enumerate(items))
    engine = Scripted(items, errors)
    yield from make_questions(language, engine, engine if verified else None, settings, grounds)


def _no_list() -> QuestionSettings:
    """The bundled benchmark, which has none of these questions; one facet, so that each is written once."""
    return QuestionSettings.model_validate({"tree": {"facets": 1}, "seed": SEED})


# Faults of the set.


def _verbatim(text: str) -> str:
    return text


def _in_capitals(text: str) -> str:
    return str(regex.sub(r"[\p{P}\p{S}]+", " ", text)).upper()


MANNERS = (("verbatim", _verbatim), ("in capitals, without marks", _in_capitals))


def _benchmark_row(good: Sequence[Item], manner: tuple[str, Callable[[str], str]]) -> dict[str, Any]:
    """The first question of each language stands in a list of benchmark questions; the others do not."""
    first = list({item.language.code: item for item in reversed(good)}.values())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "planted.jsonl"
        rows = [{"question": manner[1](each.draft.stem), "id": str(at)} for at, each in enumerate(first)]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        listed = Contamination(lists=(str(path),), digest=benchmarks_digest((str(path),)))
        settings = _no_list().model_copy(update={"contamination": listed})
        caught, reasons = _dropped(first, settings, verified=False)
        _, other_reasons = _dropped([each for each in good if each not in first], settings, verified=False)
    row = _row(f"benchmark question, {manner[0]}", True, len(first), caught, reasons)
    return row | {"good_taken_for_benchmark": other_reasons["benchmark"]}


def _duplicate_row(good: Sequence[Item]) -> dict[str, Any]:
    """Each question once more, a word less and its options in another order, of those whose first was kept."""
    planted, reasons = 0, Counter[str]()
    for item in good:
        again = item.drafted(stem=_shorter(item), distractors=item.draft.distractors[::-1])
        first, *rest = _made((item, again), _no_list(), verified=False)
        if isinstance(first, Question):
            planted += 1
            reasons.update(each.reason for each in rest if isinstance(each, Dropped))
        elif rest and isinstance(rest[0], Question):
            planted += 1
            reasons[first.reason] += 1
    return _row("asked before, a word less, options shuffled", True, planted, reasons.total(), reasons)


def _shorter(item: Item) -> str:
    """The stem without its middle word, or without two characters where words are not spaced."""
    stem = item.draft.stem
    if not spaced(item.language):
        return stem[: len(stem) // 2] + stem[len(stem) // 2 + 2 :]
    words = stem.split(" ")
    return " ".join(words[: len(words) // 2] + words[len(words) // 2 + 1 :])


def _longest_keys(good: Sequence[Item]) -> dict[str, float]:
    """Each question and, after it, the same with its longest option for a key: what the set keeps of both."""
    standing, questions, longest = Standing(Balance()), 0, 0
    for item in good:
        every = sorted(item.draft.options, key=len)
        for answer in (item.draft.answer, every[-1]):
            wrong = tuple(each for each in item.draft.options if each != answer)
            made = _record(item, replace(item.draft, answer=answer, distractors=wrong))
            questions += 1
            longest += longest_is_key(made)
            if standing.check(made).passed:
                standing.add(made)
    return {
        "questions": questions,
        "before": longest / questions,
        "after": standing.longest / standing.kept,
        "kept": standing.kept,
    }


def _record(item: Item, draft: Draft) -> Question:
    leaf = Leaf(item.language.code, "XX", "", "manners", "", "", "")
    return question(leaf, draft, item.passage, seed=SEED, model="", revision="", prompt="", licence="")


def _together(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One more row for each fault of several kinds, whose names begin alike up to a colon."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if ":" in row["name"] and row["mechanical"]:
            kinds.setdefault(row["name"].partition(":")[0], []).append(row)
    return [
        _row(
            f"{name}, all kinds",
            True,
            sum(row["planted"] for row in of),
            sum(row["caught"] for row in of),
            Counter(),
        )
        for name, of in kinds.items()
    ]


def _row(name: str, mechanical: bool, planted: int, caught: int, by: Counter[str]) -> dict[str, Any]:
    return {
        "name": name, "mechanical": mechanical, "planted": planted, "caught": caught,
        "share": caught / max(planted, 1), "by": dict(by),
    }  # fmt: skip


if __name__ == "__main__":
    main()
