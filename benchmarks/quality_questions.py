"""How many planted faults of questions are found, and how many good questions are lost.

    python benchmarks/quality_questions.py [--texts FOLDER] [--languages CODE …] [--json]

Good questions are those that were written by hand for the sample pack, three in each of 64 languages, each with
the document that it stands on. Every fault is planted into each of them, written out as a model would answer, and
goes the whole way of `synth.questions.run.make_questions`: parser, checks, set. Reported are the planted
questions that were dropped, by which checks, and the good ones that were.

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import regex

from filters.settings import Contamination, benchmarks_digest
from sources.language import Language, languages
from synth.questions.balance import Standing, longest_is_key
from synth.questions.places import regions_of
from synth.questions.record import Draft, Dropped, Leaf, Passage, Question, question
from synth.questions.run import make_questions
from synth.questions.settings import Balance, QuestionSettings
from synth.questions.tree import Ground
from synth.questions.wording import shingles, spaced
from synth.request import Completion, Finished, Request

TEXTS = Path(__file__).parent.parent.parent / "shared" / "sample" / "texts"
SEED = 11
# Of the answers of a scripted verifier that errs.
ERRORS = 0.05
_SENTENCE = regex.compile(r"(?<=[.!?。？！۔।።။؟])\s*|\n+")


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its passage, how the model writes it, and what the scripted verifier knows of it."""

    language: Language
    draft: Draft
    passage: Passage
    # Other documents of the language, and of what else is there to plant.
    others: tuple[str, ...]
    # The completion, where it is not what the draft says; and the options that are right.
    text: str = ""
    right: tuple[str, ...] = ()
    proved: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by name, whether no model is needed to see it, and how it is planted; None where it cannot be."""

    name: str
    mechanical: bool
    plant: Callable[[Item, Sequence[Item]], Item | None]


def main() -> None:
    """Prints the table, or one JSON object."""
    arguments = argparse.ArgumentParser(description=str(__doc__).split("\n\n")[0])
    arguments.add_argument("--texts", type=Path, default=TEXTS)
    arguments.add_argument("--languages", nargs="*", help="codes; all by default")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    every = list(good_items(given.texts))
    good = [each for each in every if each.language.code in (given.languages or languages())]
    rows = []
    lost, reasons = _dropped(good, _no_list(), verified=False)
    rows.append(_row("good questions, mechanical checks", True, len(good), lost, reasons))
    for errors in (0.0, ERRORS):
        lost, reasons = _dropped(good, _no_list(), verified=True, errors=errors)
        rows.append(_row(f"good questions, verifier that errs in {errors:.0%}", False, len(good), lost, reasons))
    for fault in FAULTS:
        planted = [each for item in good if (each := fault.plant(item, every)) is not None]
        caught, reasons = _dropped(planted, _no_list(), verified=not fault.mechanical, errors=ERRORS)
        rows.append(_row(fault.name, fault.mechanical, len(planted), caught, reasons))
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
        print(f"{row['name'] + kind:<58} {row['caught']:>4} of {row['planted']:>4}  {row['share']:6.1%}  {found}")
    print("set: key longest in {before:.0%} of {questions} questions, {after:.0%} of those kept".format(**longest))


def good_items(texts: Path) -> Iterator[Item]:
    """The questions by hand; quoted is the sentence of the document that says most of answer and explanation."""
    for code, language in languages().items():
        content = json.loads((texts / f"{code}.json").read_text(encoding="utf-8"))
        every = [each["text"] for each in content["documents"]]
        for asked in content["mcqs"]:
            options = list(asked["options"])
            answer = options.pop(asked["answer"])
            text = every[asked["document"]]
            draft = Draft(asked["question"], answer, tuple(options), asked["explanation"], "")
            others = tuple(each for each in every if each != text)
            draft = replace(draft, quote=_best(text, f"{draft.answer} {draft.explanation}"))
            yield Item(
                language, draft, Passage(f"{code}-{asked['document']}", text, "CC0-1.0"), others, right=(answer,)
            )


def _best(text: str, wanted: str) -> str:
    said = shingles(wanted)
    return max(_sentences(text), key=lambda each: len(said & shingles(each)) / (len(shingles(each)) + 20))


def _sentences(text: str) -> list[str]:
    return [each.strip() for each in _SENTENCE.split(text) if each and len(each.strip()) > 3]


# How faults are planted.


def _other(item: Item, good: Sequence[Item], same_script: bool = True) -> Item:
    """A question in another language of the script, or in English; which one a hash decides."""
    among = [each for each in good if each.language.code != item.language.code]
    near = [each for each in among if each.language.script == item.language.script] if same_script else []
    among = near or [each for each in among if each.language.code == "eng_Latn"]
    return among[_hash(item.draft.stem) % len(among)]


def _english(item: Item, good: Sequence[Item]) -> Item | None:
    among = [each for each in good if each.language.code == "eng_Latn"]
    return None if item.language.code == "eng_Latn" else among[_hash(item.draft.stem) % len(among)]


def _repeated(item: Item, good: Sequence[Item]) -> Item:
    first, second, _ = item.draft.distractors
    again = (f"{item.draft.answer}.", first.upper(), f" {second}")[_hash(item.draft.stem) % 3]
    return _drafted(item, distractors=(first, second, again))


def _contained(item: Item, good: Sequence[Item]) -> Item:
    first, second, third = item.draft.distractors
    return _drafted(item, distractors=(first, second, f"{second}{_gap(item)}{third}"))


def _in_stem(item: Item, good: Sequence[Item]) -> Item:
    stem = item.draft.stem.rstrip()
    end = stem[-1] if not stem[-1].isalnum() and item.language.script not in ("Thai", "Laoo") else ""
    return _drafted(item, stem=f"{stem.removesuffix(end)}{_gap(item)}({item.draft.answer}){end}")


def _cut(item: Item, good: Sequence[Item]) -> Item:
    """The completion ends somewhere, and the engine takes it for whole."""
    text = written(item.draft)
    share = 0.2 + 0.79 * (_hash(item.draft.stem) % 1000) / 1000
    return replace(item, text=text[: int(share * len(text))])


def _stem_cut(item: Item, good: Sequence[Item]) -> Item:
    return _drafted(item, stem=item.draft.stem[: int(0.6 * len(item.draft.stem))].strip())


def _explanation_cut(item: Item, good: Sequence[Item]) -> Item:
    return _drafted(item, explanation=item.draft.explanation[: int(0.6 * len(item.draft.explanation))].strip())


def _all_in_another(item: Item, good: Sequence[Item]) -> Item:
    other = _other(item, good)
    return replace(item, draft=replace(other.draft, quote=other.draft.quote), passage=other.passage)


def _stem_in_another(item: Item, good: Sequence[Item]) -> Item:
    return _drafted(item, stem=_other(item, good).draft.stem)


def _explanation_in_another(item: Item, good: Sequence[Item]) -> Item:
    return _drafted(item, explanation=_other(item, good).draft.explanation)


def _options_in_another(item: Item, good: Sequence[Item]) -> Item:
    other = _other(item, good).draft
    return _drafted(item, answer=other.answer, distractors=other.distractors)


def _stem_in_english(item: Item, good: Sequence[Item]) -> Item | None:
    other = _english(item, good)
    return other and _drafted(item, stem=other.draft.stem)


def _options_in_english(item: Item, good: Sequence[Item]) -> Item | None:
    other = _english(item, good)
    return other and _drafted(item, answer=other.draft.answer, distractors=other.draft.distractors)


def _option_in_another_script(item: Item, good: Sequence[Item]) -> Item | None:
    other = _english(item, good) if item.language.script != "Latn" else None
    return other and _drafted(item, distractors=(*item.draft.distractors[:2], other.draft.distractors[0]))


def _longest(item: Item, good: Sequence[Item]) -> Item:
    """The right option is explained as it is given, as models do."""
    words = item.draft.explanation.split(" ") if spaced(item.language) else list(item.draft.explanation)
    half = (" " if spaced(item.language) else "").join(words[: max(len(words) // 2, 1)])
    return _drafted(item, answer=f"{item.draft.answer}, {half}")


def _another_passage(item: Item, good: Sequence[Item]) -> Item:
    return replace(item, passage=replace(item.passage, text=_elsewhere(item)), proved=False)


def _another_passage_quoted(item: Item, good: Sequence[Item]) -> Item:
    text = _elsewhere(item)
    return replace(
        _drafted(item, quote=_sentences(text)[0]), passage=replace(item.passage, text=text), proved=False
    )


def _unproved(item: Item, good: Sequence[Item]) -> Item | None:
    """The sentences that say most of the answer are gone from the passage; what is quoted is another."""
    left = [each for each in _sentences(item.passage.text) if each != item.draft.quote]
    if len(left) < 2:
        return None
    passage = replace(item.passage, text=" ".join(left))
    return replace(_drafted(item, quote=_best(passage.text, item.draft.stem)), passage=passage, proved=False)


def _two_right(item: Item, good: Sequence[Item]) -> Item:
    """A wrong option that is right: which it is only the scripted verifier knows."""
    return replace(item, right=(item.draft.answer, item.draft.distractors[_hash(item.draft.stem) % 3]))


FAULTS = (
    Fault("option repeated, in other case or marks", True, _repeated),
    Fault("one option contains another", True, _contained),
    Fault("answer in the stem", True, _in_stem),
    Fault("completion cut off, taken for whole", True, _cut),
    Fault("stem cut off within its tags", True, _stem_cut),
    Fault("explanation cut off within its tags", True, _explanation_cut),
    Fault("wrong language: all of it, same script", True, _all_in_another),
    Fault("wrong language: stem, same script", True, _stem_in_another),
    Fault("wrong language: explanation, same script", True, _explanation_in_another),
    Fault("wrong language: options, same script", True, _options_in_another),
    Fault("wrong language: stem in English", True, _stem_in_english),
    Fault("wrong language: options in English", True, _options_in_english),
    Fault("one option in another script", True, _option_in_another_script),
    Fault("key far longer than the others", True, _longest),
    Fault("ungrounded: another passage, quote not in it", True, _another_passage),
    Fault("ungrounded: another passage, quoted", True, _another_passage_quoted),
    Fault("ungrounded: the passage does not say it", False, _unproved),
    Fault("two right answers", False, _two_right),
)


def _elsewhere(item: Item) -> str:
    return item.others[_hash(item.draft.stem) % len(item.others)]


def _drafted(item: Item, **changed: object) -> Item:
    """With another draft; where the answer changed, the verifier knows the new one."""
    draft = replace(item.draft, **changed)  # type: ignore[arg-type]
    return replace(item, draft=draft, right=(draft.answer, *item.right[1:]))


def _gap(item: Item) -> str:
    return " " if spaced(item.language) else ""


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{SEED} {text}".encode(), digest_size=8).digest(), "big")


# The way that they go.


def written(draft: Draft) -> str:
    """A completion as `questions/write` asks for it."""
    wrong = "\n".join(f"<distractor>{each}</distractor>" for each in draft.distractors)
    return (
        f"<stem>{draft.stem}</stem>\n<answer>{draft.answer}</answer>\n{wrong}\n"
        f"<explanation>{draft.explanation}</explanation>\n<quote>{draft.quote}</quote>"
    )


class Scripted:
    """Writes the items that it was given, whose number is their topic, and verifies as it was told."""

    model, revision = "scripted", "1"

    def __init__(self, items: Sequence[Item], errors: float) -> None:
        self.items, self.errors = items, errors

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        for request in requests:
            yield Finished(request, Completion(self._text(request), "stop", 0, 0))

    def _text(self, request: Request) -> str:
        shown = request.messages[-1].content
        name = request.prompt.partition("@")[0].removeprefix("questions/")
        if name == "concepts_in":
            return f"<concept>{self.items[0].language.native_name}</concept>"
        if name == "write":
            item = self.items[int(regex.findall(r"^Topic: (\d+)$", shown, regex.M)[0])]
            return item.text or written(item.draft)
        return self._verdict(name, request, shown)

    def _verdict(self, name: str, request: Request, shown: str) -> str:
        choices = request.sampling.choice
        key = request.key(self.model, self.revision)
        if _hash(f"errs {key}") % 10_000 < self.errors * 10_000:
            return choices[_hash(f"so {key}") % len(choices)]
        if name == "safety":
            return "no"
        if name == "specificity":
            return "4"
        item = next(each for each in self.items if name == "options_only" or each.draft.stem in shown)
        if name == "judge":
            said = regex.search(r"^Answer: (.*)$", shown, regex.M)
            return "yes" if said and said[1] in item.right and item.proved else "no"
        if name == "solve" and not item.proved:
            return "?"
        letters = [
            letter
            for letter, option in regex.findall(r"^([A-D])\. (.*)$", shown, regex.M)
            if name != "options_only" and option in item.right
        ] or list("ABCD")
        return str(letters[_hash(f"{name} {key}") % len(letters)])


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
        again = _drafted(item, stem=_shorter(item), distractors=item.draft.distractors[::-1])
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
        "share": caught / planted, "by": dict(by),
    }  # fmt: skip


if __name__ == "__main__":
    main()
