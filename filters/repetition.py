"""Gopher's repetition filter (Rae et al. 2021) with the language's thresholds, as FineWeb-2 runs it."""

from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.rules import Rule, judged
from filters.verdict import Drop, Judge
from sources.language import Language, Thresholds


def repetition_rules(limits: Thresholds) -> tuple[Rule, ...]:
    """The rules of datatrove's `GopherRepetitionFilter`, in its order and under its names.

    Paragraphs and characters of lines are not counted (FineWeb-2); a threshold of 0 for lines switches it off.
    """
    lines = (
        [Rule("dup_line_frac", "repetition.dup_line_frac", limits.dup_line_frac)] if limits.dup_line_frac else []
    )
    return (
        Rule("empty", "quality.characters", 1, least=True),
        *lines,
        *(Rule(f"top_{n}_gram", f"repetition.top_{n}_gram", most) for n, most in limits.top_n_grams),
        *(
            Rule(f"duplicated_{n}_n_grams", f"repetition.duplicated_{n}_n_grams", most)
            for n, most in limits.dup_n_grams
        ),
    )


class Repetition(Judge):
    """Drops documents that repeat themselves, by the statistics of a `Measure` step before it."""

    name = "👯 Repetition"
    filter = "repetition"

    def __init__(self, language: Language, dropped: DataFolderLike) -> None:
        super().__init__(dropped)
        self._rules = repetition_rules(language.limits)

    def judge(self, document: Document) -> Drop | None:
        """See `Judge`."""
        return judged(self._rules, document.metadata["scores"])
