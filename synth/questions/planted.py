"""Faults of questions, as they are planted to see whether the checks find them.

A planted item is a question by hand with one thing made wrong. Which of several ways it takes a hash of its stem
decides, so that the same questions get the same faults.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from sources.language import languages
from synth.questions.by_hand import Item, best_sentence, items, sentences, written
from synth.questions.wording import spaced

BENCHMARKS: Final = Path(__file__).parents[2] / "sources" / "sample" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault by name, how it is planted (None where it cannot be), and the reasons that say what it is."""

    name: str
    # Whether no model is needed to see it.
    mechanical: bool
    plant: Callable[[Item, Path], Item | None]
    # Of `Dropped`, any of which may be the first to be seen.
    reasons: tuple[str, ...]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@cache
def _every(texts: Path) -> tuple[Item, ...]:
    return tuple(item for code in languages() if (texts / f"{code}.json").is_file() for item in items(code, texts))


def _other(item: Item, texts: Path) -> Item:
    """A question in another language of the script, or else in English; which one a hash decides."""
    among = [each for each in _every(texts) if each.language.code != item.language.code]
    near = [each for each in among if each.language.script == item.language.script]
    among = near or [each for each in among if each.language.code == "eng_Latn"]
    return among[_hash(item.draft.stem) % len(among)]


def _english(item: Item, texts: Path) -> Item | None:
    among = [each for each in _every(texts) if each.language.code == "eng_Latn"]
    return None if item.language.code == "eng_Latn" else among[_hash(item.draft.stem) % len(among)]


def _repeated(item: Item, texts: Path) -> Item:
    first, second, _ = item.draft.distractors
    again = (f"{item.draft.answer}.", first.upper(), f" {second}")[_hash(item.draft.stem) % 3]
    return item.drafted(distractors=(first, second, again))


def _contained(item: Item, texts: Path) -> Item:
    first, second, third = item.draft.distractors
    return item.drafted(distractors=(first, second, f"{second}{_gap(item)}{third}"))


def _in_stem(item: Item, texts: Path) -> Item:
    stem = item.draft.stem.rstrip()
    end = stem[-1] if not stem[-1].isalnum() and item.language.script != "Thai" else ""
    return item.drafted(stem=f"{stem.removesuffix(end)}{_gap(item)}({item.draft.answer}){end}")


def _cut(item: Item, texts: Path) -> Item:
    """The completion ends somewhere, and the engine takes it for whole."""
    text = written(item.draft)
    share = 0.2 + 0.79 * (_hash(item.draft.stem) % 1000) / 1000
    return replace(item, text=text[: int(share * len(text))])


def _reported_cut(item: Item, texts: Path) -> Item:
    """The engine says that it stopped at the most tokens, as it must; the text happens to be whole."""
    return replace(item, finish_reason="length")


def _stem_cut(item: Item, texts: Path) -> Item:
    return item.drafted(stem=item.draft.stem[: int(0.6 * len(item.draft.stem))].strip())


def _explanation_cut(item: Item, texts: Path) -> Item:
    return item.drafted(explanation=item.draft.explanation[: int(0.6 * len(item.draft.explanation))].strip())


def _all_in_another(item: Item, texts: Path) -> Item:
    """Passage and quote too: only its language is wrong."""
    other = _other(item, texts)
    return replace(item, draft=other.draft, passage=other.passage, right=other.right)


def _stem_in_another(item: Item, texts: Path) -> Item:
    return item.drafted(stem=_other(item, texts).draft.stem)


def _explanation_in_another(item: Item, texts: Path) -> Item:
    return item.drafted(explanation=_other(item, texts).draft.explanation)


def _options_in_another(item: Item, texts: Path) -> Item:
    other = _other(item, texts).draft
    return item.drafted(answer=other.answer, distractors=other.distractors)


def _stem_in_english(item: Item, texts: Path) -> Item | None:
    other = _english(item, texts)
    return other and item.drafted(stem=other.draft.stem)


def _options_in_english(item: Item, texts: Path) -> Item | None:
    other = _english(item, texts)
    return other and item.drafted(answer=other.draft.answer, distractors=other.draft.distractors)


def _option_in_another_script(item: Item, texts: Path) -> Item | None:
    other = _english(item, texts) if item.language.script != "Latn" else None
    return other and item.drafted(distractors=(*item.draft.distractors[:2], other.draft.distractors[0]))


def _longest(item: Item, texts: Path) -> Item:
    """The right option is explained as it is given, as models do."""
    words = item.draft.explanation.split(" ") if spaced(item.language) else list(item.draft.explanation)
    half = _gap(item).join(words[: max(len(words) // 2, 1)])
    return item.drafted(answer=f"{item.draft.answer}, {half}")


def _another_passage(item: Item, texts: Path) -> Item:
    return replace(item, passage=replace(item.passage, text=_elsewhere(item)), proved=False)


def _another_passage_quoted(item: Item, texts: Path) -> Item:
    text = _elsewhere(item)
    quoted = item.drafted(quote=sentences(text)[0])
    return replace(quoted, passage=replace(item.passage, text=text), proved=False)


def _unproved(item: Item, texts: Path) -> Item | None:
    """The sentence that says most of the answer is gone from the passage; what is quoted is another."""
    left = [each for each in sentences(item.passage.text) if each != item.draft.quote]
    if len(left) < 2:
        return None
    passage = replace(item.passage, text=" ".join(left))
    quoted = item.drafted(quote=best_sentence(passage.text, item.draft.stem))
    return replace(quoted, passage=passage, proved=False)


def _two_right(item: Item, texts: Path) -> Item:
    """A wrong option that is right: which it is only the scripted verifier knows."""
    return replace(item, right=(item.draft.answer, item.draft.distractors[_hash(item.draft.stem) % 3]))


def _benchmark(item: Item, texts: Path) -> Item | None:
    """A question of the bundled benchmark, which has some in eleven languages."""
    every = _benchmark_stems().get(item.language.code)
    return item.drafted(stem=every[_hash(item.draft.stem) % len(every)]) if every else None


@cache
def _benchmark_stems() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted(BENCHMARKS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found.setdefault(row["language"], []).append(row["question"].partition("\n")[0])
    return found


def _elsewhere(item: Item) -> str:
    return item.others[_hash(item.draft.stem) % len(item.others)]


def _gap(item: Item) -> str:
    return " " if spaced(item.language) else ""


_CUT: Final = ("unparsable", "cut_off")
_LANGUAGE: Final = ("wrong_language", "wrong_script")
# Options of another language are of another question: which is seen first depends on the scripts.
_OPTIONS: Final = (*_LANGUAGE, "answer_not_stated")
_UNGROUNDED: Final = ("quote_not_found", "ungrounded", "answer_not_stated")

FAULTS: Final = (
    Fault("option repeated, in other case or marks", True, _repeated, ("option_repeated",)),
    Fault("one option contains another", True, _contained, ("option_in_option",)),
    Fault("answer in the stem", True, _in_stem, ("answer_in_stem",)),
    Fault("truncated: cut off, taken for whole", True, _cut, _CUT),
    Fault("truncated: the engine says so", True, _reported_cut, ("truncated",)),
    Fault("truncated: stem, within its tags", True, _stem_cut, _CUT),
    Fault("truncated: explanation, within its tags", True, _explanation_cut, _CUT),
    Fault("wrong language: all of it, same script", True, _all_in_another, _LANGUAGE),
    Fault("wrong language: stem, same script", True, _stem_in_another, _LANGUAGE),
    Fault("wrong language: explanation, same script", True, _explanation_in_another, _LANGUAGE),
    Fault("wrong language: options, same script", True, _options_in_another, _OPTIONS),
    Fault("wrong language: stem in English", True, _stem_in_english, _LANGUAGE),
    Fault("wrong language: options in English", True, _options_in_english, _OPTIONS),
    Fault("one option in another script", True, _option_in_another_script, _LANGUAGE),
    Fault("key far longer than the others", True, _longest, ("key_longest",)),
    Fault("benchmark question of the bundled list", True, _benchmark, ("benchmark",)),
    Fault("ungrounded: another passage, quote not in it", True, _another_passage, _UNGROUNDED),
    Fault("ungrounded: another passage, quoted", True, _another_passage_quoted, _UNGROUNDED),
    Fault(
        "ungrounded: the passage does not say it",
        False,
        _unproved,
        ("not_answerable", "key_not_true", *_UNGROUNDED),
    ),
    Fault("two right answers", False, _two_right, ("two_right_answers", "not_answerable")),
)
