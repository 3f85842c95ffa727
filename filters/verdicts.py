"""Verdicts on many documents at once, by comparing what was measured of them with the language's thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.fineweb2_rules import BLANK, language_rules, quality_rules, repetition_rules
from filters.identifiers import identified
from filters.language import identified_as
from filters.rules import Rule, first_broken
from filters.settings import Check, CurationSettings
from filters.statistics import STATISTICS
from filters.verdict import Drop
from sources.language import Language

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What all filters but that of duplicates say of a batch of documents, one entry a document."""

    # The place of the first rule of each filter that is broken, -1 for none.
    language: npt.NDArray[np.int64]
    repetition: npt.NDArray[np.int64]
    quality: npt.NDArray[np.int64]
    contamination: Flags
    # Which documents people want removed, whatever the filters say.
    removed: Flags

    @property
    def identified(self) -> Flags:
        """Which documents are in their language and not removed: only these are compared with one another."""
        return (self.language < 0) & ~self.removed

    @property
    def passes(self) -> Flags:
        """Which documents every filter but that of duplicates would keep."""
        return self.identified & (self.repetition < 0) & (self.quality < 0) & ~self.contamination


class Decision:
    """Draws the verdicts of one language and one set of settings."""

    def __init__(
        self,
        language: Language,
        settings: CurationSettings,
        model_threshold: float | None = None,
        removed: Mapping[str, str] | None = None,
    ) -> None:
        """`model_threshold` is the score that the language's quality model asks for; None for no model.

        `removed` are the ids of documents that must go, with what is said about each.
        """
        self._removed = dict(removed or {})
        self.language, self.settings = language, settings
        model = (Rule("quality_model", "quality.model", model_threshold, least=True),) if model_threshold else ()
        self._rules = {
            "language": language_rules(language, settings.identifier),
            "repetition": repetition_rules(language.limits),
            "quality": (*quality_rules(language.limits), *model),
        }

    def meeting(self, check: Check, categories: pa.ChunkedArray) -> Flags:
        """Which documents are of categories that meet `check`."""
        wanted = [name for name in pc.unique(categories).to_pylist() if check in self.settings.checks_for(name)]
        return np.asarray(pc.is_in(categories, pa.array(wanted, pa.string())))

    def verdicts(self, measured: pa.Table, categories: pa.ChunkedArray) -> Verdicts:
        """The verdicts on documents by their measured columns; `categories` decide which filters they meet."""
        statistics = {
            name: measured[name].to_numpy()
            for name in (*STATISTICS, "language.score", "quality.model")
            if name in measured.column_names
        }
        broken = {
            name: np.where(
                self.meeting(name, categories),  # type: ignore[arg-type]  # the filters are named as the checks are
                first_broken(rules, statistics, len(measured)),
                -1,
            )
            for name, rules in self._rules.items()
        }
        # No category wants a document without text, whichever filters it meets.
        broken["language"][BLANK.broken(statistics[BLANK.statistic])] = 0
        contaminated = np.asarray(pc.is_valid(measured["contamination.reason"]))
        removed = np.zeros(len(measured), dtype=np.bool_)
        if self._removed:
            removed = np.asarray(pc.is_in(measured["id"], pa.array(list(self._removed), pa.string())))
        return Verdicts(broken["language"], broken["repetition"], broken["quality"], contaminated, removed)

    def drop(
        self, measured: pa.Table, row: int, verdicts: Verdicts, filters: Sequence[str]
    ) -> tuple[str, Drop] | None:
        """The first of `filters` that drops the document of a row, and why."""
        for name in filters:
            if name == "removal":
                if verdicts.removed[row]:
                    return name, Drop("removed", detail=self._removed[measured["id"][row].as_py()])
                continue
            if name == "contamination":
                if verdicts.contamination[row]:
                    return name, _contaminated(measured, row)
                continue
            place = int(getattr(verdicts, name)[row])
            if place < 0:
                continue
            rule = self._rules[name][place]
            drop = Drop(rule.reason, measured[rule.statistic][row].as_py(), rule.threshold)
            known = identified(self.language, self.settings.identifier)
            if known and rule.statistic == "language.score":
                first, score = (
                    measured[column][row].as_py() for column in ("language.first", "language.first_score")
                )
                drop = identified_as(drop, known.label, first, score)
            return name, drop
        return None


def _contaminated(measured: pa.Table, row: int) -> Drop:
    held: dict[str, Any] = {
        field: measured[f"contamination.{field}"][row].as_py()
        for field in ("reason", "value", "threshold", "detail")
    }
    return Drop(**held)
