"""How many questions came through each check, for what reason the others did not, and how the set stands."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from synth.questions.balance import Standing
from synth.questions.record import Dropped, Question
from synth.questions.settings import QuestionSettings

# In the order in which they are passed.
STAGES: Final = ("topics", "concepts", "note", "write", "form", "language", "ground", "set.benchmark",
                 "set.duplicate", "model", "set.balance")  # fmt: skip


@dataclass(slots=True)
class Funnel:
    """Counts of what `make_questions` gave: pass every item to `add`."""

    settings: QuestionSettings
    standing: Standing = field(init=False)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.standing = Standing(self.settings.balance, self.settings.model.options_only)

    def add(self, each: Question | Dropped) -> None:
        """Counts one item."""
        if isinstance(each, Question):
            self.standing.add(each)
        else:
            self.dropped[(each.filter, each.reason)] += 1

    def report(self) -> dict[str, Any]:
        """A JSON object: what reached each stage, what it dropped and why, and how the kept set is balanced."""
        written = self.standing.kept + sum(
            count for (name, _), count in self.dropped.items() if _stage(name) not in STAGES[:4]
        )
        reached, stages = written, []
        for stage in STAGES:
            reasons = {
                f"{name}: {reason}" if "." in name and name != stage else reason: count
                for (name, reason), count in sorted(self.dropped.items())
                if _stage(name) == stage
            }
            lost = sum(reasons.values())
            row: dict[str, Any] = {"stage": stage, "dropped": lost, "reasons": reasons}
            if stage not in STAGES[:4]:
                row |= {"reached": reached, "passed": reached - lost}
                reached -= lost
            stages.append(row)
        return {
            "questions": self.standing.kept,
            "written": written,
            "stages": stages,
            "set": self.standing.report(),
        }

    def table(self) -> str:
        """The report as lines of text for a terminal."""
        report = self.report()
        lines = [f"{'stage':<14} {'reached':>8} {'dropped':>8}  reasons"]
        for row in report["stages"]:
            reasons = ", ".join(f"{reason} {count}" for reason, count in row["reasons"].items())
            lines.append(f"{row['stage']:<14} {row.get('reached', ''):>8} {row['dropped']:>8}  {reasons}".rstrip())
        found = report["set"]
        lines.append(
            f"kept {found['questions']}; positions {found['positions']} (p {found['probability']:.3f});"
            f" key longest {found['longest_is_key']:.0%}; guessable {found['guessable']:.0%}"
        )
        return "\n".join([*lines, *found["warnings"]])


def _stage(name: str) -> str:
    return name if name in STAGES else name.partition(".")[0]
