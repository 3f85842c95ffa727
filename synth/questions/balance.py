"""What a set of questions is held to: positions, lengths of the right option, quotas of regions and topics."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from synth.questions.check import Checked
from synth.questions.record import OPTIONS, Question
from synth.questions.settings import Balance

_NAME: Final = "set.balance"


@dataclass(slots=True)
class Standing:
    """Counts of the questions that were kept, and whether one more may be."""

    settings: Balance
    # The score of `model.options_only` from which on a question is guessable.
    guessed_at: float = 0.8
    kept: int = 0
    longest: int = 0
    guessable: int = 0
    positions: Counter[int] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    facets: Counter[str] = field(default_factory=Counter)
    topics: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def check(self, question: Question) -> Checked:
        """`set.balance`: whether the question still fits; the score is the share or number in question."""
        for count, most, reason in (
            (self.regions[question.region], self.settings.region, "region_full"),
            (self.topics[_topic(question)], self.settings.topic, "topic_full"),
        ):
            if most and count >= most:
                return Checked(_NAME, count + 1, most, False, reason)
        for has, count, most_share, reason in (
            (longest_is_key(question), self.longest, self.settings.longest_is_key, "key_longest_too_often"),
            (self._guessable(question), self.guessable, self.settings.guessable, "guessable_too_often"),
        ):
            if has and count + 1 > _most(self.kept + 1, most_share):
                return Checked(_NAME, (count + 1) / (self.kept + 1), most_share, False, reason)
        return Checked(_NAME, (self.longest + longest_is_key(question)) / (self.kept + 1), 1.0, True)

    def add(self, question: Question) -> None:
        """Counts a question that is kept."""
        self.kept += 1
        self.longest += longest_is_key(question)
        self.guessable += self._guessable(question)
        self.positions[question.answer] += 1
        self.regions[question.region] += 1
        self.domains[question.domain] += 1
        self.facets[question.facet] += 1
        self.topics[_topic(question)] += 1

    def _guessable(self, question: Question) -> bool:
        return question.checks.get("model.options_only", 0.0) >= self.guessed_at

    def report(self) -> dict[str, Any]:
        """The counts, the probability of positions this uneven, the share of longest keys, and warnings."""
        counts = [self.positions[at] for at in range(OPTIONS)]
        chi_square, probability = even(counts)
        warnings = []
        if probability < self.settings.positions:
            warnings.append(f"positions {counts}: chi-square {chi_square:.1f}, p {probability:.2g}")
        return {
            "questions": self.kept,
            "positions": counts,
            "chi_square": chi_square,
            "probability": probability,
            "longest_is_key": self.longest / self.kept if self.kept else 0.0,
            "guessable": self.guessable / self.kept if self.kept else 0.0,
            "regions": dict(sorted(self.regions.items())),
            "domains": dict(sorted(self.domains.items())),
            "facets": dict(sorted(self.facets.items())),
            "topics": len(self.topics),
            "warnings": warnings,
        }


def longest_is_key(question: Question) -> bool:
    """Whether the right option is longer than every other, in characters."""
    return len(question.key) > max(len(each) for each in question.distractors)


def even(counts: list[int]) -> tuple[float, float]:
    """Pearson's chi-square of four counts against equal ones, and its probability with three degrees of freedom.

    The distribution's tail in closed form: erfc(sqrt(x/2)) + sqrt(2x/pi) exp(-x/2).
    """
    if len(counts) != OPTIONS:
        raise ValueError(f"{len(counts)} counts; the closed form is of {OPTIONS}")
    expected = sum(counts) / OPTIONS
    if not expected:
        return 0.0, 1.0
    found = sum((each - expected) ** 2 for each in counts) / expected
    tail = math.erfc(math.sqrt(found / 2)) + math.sqrt(2 * found / math.pi) * math.exp(-found / 2)
    return found, min(tail, 1.0)


def _most(questions: int, share: float) -> float:
    """How many of so many may be of a kind: the share, and two standard deviations of chance beyond it."""
    return questions * share + 2 * math.sqrt(questions * share * (1 - share)) + 1


def _topic(question: Question) -> tuple[str, str, str]:
    return question.region, question.domain, question.topic
