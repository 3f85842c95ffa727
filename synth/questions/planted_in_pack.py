"""The faults that stand among the sample pack's recorded completions, one beside each good question.

A fault is planted into a second question on a good one's document, about another concept. Faults of which a good
question's copy would be left cannot be planted so: those that only a verifier sees are written by hand.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, RootModel

from sources.loading import load_yaml
from synth.questions.by_hand import TEXTS, Item, best_sentence
from synth.questions.planted import FAULTS, Fault
from synth.questions.record import Draft
from synth.questions.wording import words

BY_HAND: Final = Path(__file__).parents[1] / "sample_planted.yaml"
# A concept's name, where words are not spaced.
_LONGEST_NAME: Final = 24
# What changes the passage stands on other documents than those that questions are written for.
_LEFT_OUT: Final = ("wrong language: all of it, same script", "ungrounded: another passage, quoted")
_ELSEWHERE: Final = "ungrounded: another passage, quote not in it"
_BENCHMARK: Final = "benchmark question of the bundled list"


@dataclass(frozen=True, slots=True)
class Planted:
    """A question with a fault, and the concept that it is asked about."""

    fault: Fault
    item: Item
    concept: str


class _ByHand(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    fault: str
    stem: str
    answer: str
    distractors: Annotated[tuple[str, ...], Field(min_length=3, max_length=3)]
    # Every option that is right.
    right: tuple[str, ...]
    explanation: str

    def item(self, good: Item) -> Item:
        quote = best_sentence(good.passage.text, f"{self.answer} {self.explanation}")
        draft = Draft(self.stem, self.answer, self.distractors, self.explanation, quote)
        return replace(good, draft=draft, right=self.right, proved=bool(self.right))


class _Every(RootModel[dict[str, _ByHand]]):
    pass


def planted(every: Sequence[Item], texts: Path = TEXTS) -> list[Planted]:
    """One for each of a language's questions by hand, on the same document, in their order."""
    found = []
    for at, good in enumerate(every):
        fault, item = _chosen(at, good, every[(at + 1) % len(every)], texts)
        # A word that the good question's concept, its answer, does not have.
        others = set(words(good.draft.explanation)) - set(words(good.draft.answer))
        found.append(Planted(fault, item, max(sorted(others), key=len)[:_LONGEST_NAME]))
    return found


def _chosen(at: int, good: Item, other: Item, texts: Path) -> tuple[Fault, Item]:
    """By hand first and a benchmark's question second, where there is one; else a hash decides."""
    faults = {each.name: each for each in FAULTS}
    by_hand = load_yaml(BY_HAND, _Every).root.get(good.language.code)
    if at == 0 and by_hand is not None:
        return faults[by_hand.fault], by_hand.item(good)
    if at == 1 and (item := faults[_BENCHMARK].plant(good, texts)):
        return faults[_BENCHMARK], item
    among = [each for each in FAULTS if each.mechanical and each.name not in (*_LEFT_OUT, _BENCHMARK)]
    first = int.from_bytes(hashlib.blake2b(f"beside {good.draft.stem}".encode(), digest_size=8).digest(), "big")
    for step in range(len(among)):
        fault = among[(first + step) % len(among)]
        if fault.name == _ELSEWHERE:
            return fault, replace(other, passage=good.passage, proved=False)
        if item := fault.plant(good, texts):
            return fault, item
    raise AssertionError("every question can have its options repeated")
