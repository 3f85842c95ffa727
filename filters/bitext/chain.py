"""The chain: what is said of every pair, from the cheapest test to the dearest.

All that can be told from the two texts alone comes out of one compiled pass (`compiled.py`); what is left is
compared with what was met before, and identified. A pair that a step dropped does not meet the steps after it, so
that copies of bad pairs take no good pair's place.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.bitext import compiled
from filters.bitext.benchmark_sentences import known
from filters.bitext.compiled_memory import cap_all
from filters.bitext.english import buffers, english, stop_words
from filters.bitext.identification import STOP_WORDS, accepted, agreement, english_label
from filters.bitext.language_numbers import ERAS, MYRIADS, UNMEASURED, lengths
from filters.bitext.letters import letters_of
from filters.bitext.memory import Memory, Seen
from filters.bitext.settings import BitextSettings, Step
from sources.language import Language

Values = npt.NDArray[np.float64]

# Every reason for which a pair may be dropped, in the order of the steps.
REASONS: Final = (
    "empty", "identical", "nul", "control_characters", "broken_characters", "urls", "html", "few_letters",
    "short_english", "short_target", "long_english", "long_target",
    "low_margin", "high_margin",
    "english_script", "target_script",
    "untranslated",
    "numbers_differ", "numbers_missing",
    "length_ratio", "unusual_length",
    "ends_differ", "unfinished",
    "boilerplate", "menu", "repetition",
    "benchmark",
    "duplicate",
    "english_language", "target_language",
    "near_duplicate", "english_cap", "target_cap", "language_cap",
)  # fmt: skip
_REASONS: Final = pa.array(REASONS)
_NEVER: Final = 255


@dataclass(frozen=True, slots=True)
class Judged:
    """What the chain says of a batch, one entry a pair, in the batch's order."""

    # Every score; NaN where it was not computed because the pair was dropped before, or cannot be.
    scores: dict[str, Values]
    # Why a pair is dropped, one of REASONS; null: it is kept. A dictionary array of strings.
    reason: pa.Array
    # The score that dropped it and what it was held against; NaN for a kept pair.
    value: Values
    threshold: Values

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Whether each pair is kept."""
        kept: npt.NDArray[np.bool_] = self.reason.is_null().to_numpy(zero_copy_only=False)
        return kept


@dataclass(slots=True)
class _Verdicts:
    """Verdicts while they are drawn."""

    scores: dict[str, Values]
    # The place in REASONS, -1 for a pair that still stands.
    reason: npt.NDArray[np.int8]
    value: Values
    threshold: Values
    places: dict[str, int] = field(default_factory=lambda: {name: at for at, name in enumerate(REASONS)})

    def drop(self, reason: str, failing: npt.NDArray[np.bool_], value: Values, threshold: float | Values) -> None:
        """Drops what fails and still stands."""
        at = np.flatnonzero(failing & (self.reason < 0))
        if len(at):
            self.reason[at] = self.places[reason]
            self.value[at] = value[at]
            self.threshold[at] = threshold if isinstance(threshold, float) else threshold[at]

    def above(self, reason: str, score: str, most: float) -> None:
        """Drops what has more than `most`."""
        self.drop(reason, self.scores[score] > most, self.scores[score], float(most))

    def below(self, reason: str, score: str, least: float) -> None:
        """Drops what has less than `least`."""
        self.drop(reason, self.scores[score] < least, self.scores[score], float(least))

    @property
    def standing(self) -> npt.NDArray[np.int64]:
        """The pairs that no step has dropped yet."""
        return np.flatnonzero(self.reason < 0)


class Chain:
    """Judges a stream of pairs of one language, batch after batch.

    The same pairs in the same order have the same verdicts, whatever the batches. Memory is that of `Memory.of`
    and a batch's own, however many pairs come.

    `across` is what other languages' chains have kept of English sentences; without it no sentence is capped
    across languages.
    """

    def __init__(self, settings: BitextSettings, language: Language, across: Seen | None = None) -> None:
        self.settings = settings
        self.language = language
        self.memory = Memory.of(settings.caps.remembered)
        self.across = across
        self._nothing = Seen(1)
        self._lengths = lengths().get(language.code, UNMEASURED)
        self._letters = letters_of(language)
        self._stops = stop_words(language.thresholds.stopwords, language.script)
        self._known = known(settings.contamination, language)
        self._unspaced = language.segmentation.rule == "dictionary"
        self._accepted = accepted(language, settings.identification)

    def judge(self, batch: pa.RecordBatch) -> Judged:
        """What is said of each pair of `batch`, a batch of PAIR."""
        count = batch.num_rows
        sides = [batch.column(batch.schema.get_field_index(name)) for name in ("source_text", "target_text")]
        values, hashes = self._measured(sides)
        verdicts = _Verdicts(
            self._scores(values, batch),
            np.full(count, -1, dtype=np.int8),
            np.full(count, np.nan),
            np.full(count, np.nan),
        )
        skip = self.settings.skip
        for name, step in self._by_step().items():
            if name not in skip:
                step(verdicts)
        if "duplicates" not in skip:
            self._duplicates(verdicts, hashes)
        if "identification" not in skip:
            self._identification(verdicts, sides)
        if "caps" not in skip:
            self._caps(verdicts, hashes)
        kept = verdicts.reason < 0
        reasons = pa.array(np.where(kept, 0, verdicts.reason).astype(np.int8), mask=kept)
        return Judged(
            verdicts.scores,
            pa.DictionaryArray.from_arrays(reasons, _REASONS),
            verdicts.value,
            verdicts.threshold,
        )

    # ---- what is measured -----------------------------------------------------------------------------------

    def _measured(self, sides: list[pa.Array]) -> tuple[Values, npt.NDArray[np.uint64]]:
        words, known = english(), self._known
        nothing = np.zeros(1, dtype=np.uint64)
        values, hashes = compiled.measure_pairs(
            *buffers(sides[0]),
            *buffers(sides[1]),
            self._letters.facts,
            self._letters.lower,
            self._letters.base,
            self._unspaced,
            words.phrases,
            words.notices,
            words.begins,
            words.number_words,
            words.number_values,
            self._stops,
            self.settings.numbers.small,
            self.language.script in MYRIADS,
            ERAS.get(self.language.code, 0),
            known.english_gram if known else 0,
            known.target_gram if known else 0,
            known.english_grams if known else nothing,
            known.target_grams if known else nothing,
            known.whole if known else nothing,
        )
        return values, hashes

    def _scores(self, values: Values, batch: pa.RecordBatch) -> dict[str, Values]:
        c = compiled
        first, second, both = values[:, : c.SIDE], values[:, c.SIDE : 2 * c.SIDE], values[:, 2 * c.SIDE :]
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = [
                np.nan_to_num(side[:, part] / side[:, whole])
                for part, whole in ((c.WORDLIKE, c.VISIBLE), (c.OWN, c.LETTERS))
                for side in (first, second)
            ]
            ratio = second[:, c.VISIBLE] / first[:, c.VISIBLE] / self._lengths.ratio
            variance = self._lengths.spread + self._lengths.by_length / first[:, c.VISIBLE]
            deviation = np.log(ratio) / np.sqrt(variance)
        margin = batch.column(batch.schema.get_field_index("margin")).to_numpy(zero_copy_only=False)
        return {
            "form.identical": both[:, c.IDENTICAL],
            **{
                f"form.{name}": first[:, at] + second[:, at]
                for name, at in (
                    ("nul", c.NULS), ("control", c.CONTROLS), ("replaced", c.REPLACED), ("tags", c.TAGS),
                )
            },
            "form.urls": np.maximum(first[:, c.URLS], second[:, c.URLS]),
            "form.letters": np.minimum(shares[0], shares[1]),
            "length.english_characters": first[:, c.POINTS],
            "length.target_characters": second[:, c.POINTS],
            "length.english_words": first[:, c.WORDS],
            "length.target_words": second[:, c.WORDLIKE if self._unspaced else c.WORDS],
            "margin": margin.astype(np.float64),
            "script.english": shares[2],
            "script.target": shares[3],
            "copies.shared": both[:, c.COPIED],
            "numbers.conflicts": both[:, c.CONFLICTS],
            "numbers.agreement": both[:, c.AGREEMENT],
            "ratio.length": ratio,
            "ratio.deviation": deviation,
            **self._ends(first, second, deviation),
            "boilerplate.phrases": both[:, c.PHRASES],
            "boilerplate.marks": np.maximum(first[:, c.SEPARATORS], second[:, c.SEPARATORS]),
            "boilerplate.repeated": np.maximum(first[:, c.REPEATED], second[:, c.REPEATED]),
            "identification.stop_words": both[:, c.STOPS],
            "contamination.matches": both[:, c.MATCHES] if self._known else np.full(len(values), np.nan),
        }  # fmt: skip

    def _ends(self, first: Values, second: Values, deviation: Values) -> dict[str, Values]:
        """How far the ends differ (0, 1 or 2), and how much too short the side is that has no end."""
        ends = [side[:, compiled.ENDS].astype(np.int64) for side in (first, second)]
        asks = [each == compiled.ENDS_QUESTION for each in ends]
        differ = np.where(asks[0] != asks[1], 2.0, (ends[0] != ends[1]) * 1.0)
        closed = [(each != compiled.ENDS_NOT) & (each != compiled.ENDS_OPEN) for each in ends]
        if self._lengths.ends < self.settings.punctuation.usual:
            # Sentences of this language need no mark at their end.
            differ[~closed[1] & ~asks[0]] = 0.0
            differ[~closed[1] & asks[0]] = 1.0
            closed[1] = closed[0]
        short = np.where(closed[0] & ~closed[1], -deviation, np.where(closed[1] & ~closed[0], deviation, 0.0))
        return {"punctuation.ends": differ, "punctuation.unfinished": short}

    def _by_step(self) -> dict[Step, Callable[[_Verdicts], None]]:
        # Not kept: a chain that refers to itself holds its memory until the collector comes round.
        return {
            "form": self._form,
            "length": self._length,
            "margin": self._margin,
            "script": self._script,
            "copies": self._copies,
            "numbers": self._numbers,
            "ratio": self._ratio,
            "punctuation": self._punctuation,
            "boilerplate": self._boilerplate,
            "contamination": self._contamination,
        }

    # ---- what is told from the texts alone ------------------------------------------------------------------

    def _form(self, verdicts: _Verdicts) -> None:
        scores, form = verdicts.scores, self.settings.form
        characters = np.minimum(scores["length.english_words"], scores["length.target_words"])
        letters = scores["form.letters"]
        verdicts.drop("empty", (characters == 0) & (letters == 0), characters, 1.0)
        verdicts.above("identical", "form.identical", 0)
        verdicts.above("nul", "form.nul", 0)
        verdicts.above("control_characters", "form.control", 0)
        verdicts.above("broken_characters", "form.replaced", 0)
        verdicts.above("urls", "form.urls", form.urls)
        verdicts.above("html", "form.tags", form.tags)
        verdicts.below("few_letters", "form.letters", form.letters)

    def _length(self, verdicts: _Verdicts) -> None:
        length = self.settings.length
        verdicts.below("short_english", "length.english_words", length.words)
        verdicts.below("short_target", "length.target_words", length.characters if self._unspaced else 1)
        verdicts.above("long_english", "length.english_characters", length.most_characters)
        verdicts.above("long_target", "length.target_characters", length.most_characters)
        verdicts.above("long_english", "length.english_words", length.most_words)

    def _margin(self, verdicts: _Verdicts) -> None:
        verdicts.below("low_margin", "margin", self.settings.margin.least)
        verdicts.above("high_margin", "margin", self.settings.margin.most)

    def _script(self, verdicts: _Verdicts) -> None:
        verdicts.below("english_script", "script.english", self.settings.script.english)
        script = self.settings.script
        least = script.unspaced if self._unspaced or self.language.script in MYRIADS else script.target
        verdicts.below("target_script", "script.target", least)

    def _copies(self, verdicts: _Verdicts) -> None:
        verdicts.above("untranslated", "copies.shared", self.settings.copied)

    def _numbers(self, verdicts: _Verdicts) -> None:
        verdicts.above("numbers_differ", "numbers.conflicts", self.settings.numbers.conflicts)
        if self._lengths.numbers >= self.settings.numbers.usual:
            verdicts.below("numbers_missing", "numbers.agreement", self.settings.numbers.agreement)

    def _ratio(self, verdicts: _Verdicts) -> None:
        ratio = self.settings.ratio
        verdicts.below("length_ratio", "ratio.length", ratio.least)
        verdicts.above("length_ratio", "ratio.length", ratio.most)
        verdicts.below("unusual_length", "ratio.deviation", -ratio.deviations)
        verdicts.above("unusual_length", "ratio.deviation", ratio.deviations)

    def _punctuation(self, verdicts: _Verdicts) -> None:
        verdicts.above("ends_differ", "punctuation.ends", self.settings.punctuation.ends)
        verdicts.above("unfinished", "punctuation.unfinished", self.settings.punctuation.unfinished)

    def _boilerplate(self, verdicts: _Verdicts) -> None:
        boilerplate = self.settings.boilerplate
        verdicts.above("boilerplate", "boilerplate.phrases", boilerplate.phrases)
        verdicts.above("menu", "boilerplate.marks", boilerplate.marks)
        verdicts.above("repetition", "boilerplate.repeated", boilerplate.repeated)

    def _contamination(self, verdicts: _Verdicts) -> None:
        verdicts.above("benchmark", "contamination.matches", 0)

    # ---- what is told from what came before, and from the identifier ----------------------------------------

    def _duplicates(self, verdicts: _Verdicts, hashes: npt.NDArray[np.uint64]) -> None:
        at = verdicts.standing
        score = np.full(len(hashes), np.nan)
        score[at] = self.memory.pairs.meet(hashes[at, compiled.EXACT])
        verdicts.scores["duplicates.pair"] = score
        verdicts.above("duplicate", "duplicates.pair", 0)

    def _identification(self, verdicts: _Verdicts, sides: list[pa.Array]) -> None:
        settings = self.settings.identification
        label = english_label(settings.identifier)
        for side, name, labels, least in (
            (sides[0], "english", (label,), settings.english),
            (sides[1], "target", self._accepted.labels, self._accepted.threshold),
        ):
            at = verdicts.standing
            score = np.full(len(verdicts.reason), np.nan)
            score[at] = agreement(side.take(pa.array(at)), labels, settings.identifier, settings.characters)
            if name == "target":
                score[at] += STOP_WORDS * verdicts.scores["identification.stop_words"][at]
            verdicts.scores[f"identification.{name}"] = score
            verdicts.below(f"{name}_language", f"identification.{name}", least)

    def _caps(self, verdicts: _Verdicts, hashes: npt.NDArray[np.uint64]) -> None:
        caps, memory = self.settings.caps, self.memory
        at = verdicts.standing
        met = np.zeros((len(at), 4), dtype=np.int64)
        most = (caps.near, caps.english, caps.target, caps.languages if self.across else _NEVER + 1)
        across = (self.across or self._nothing).table
        keys = hashes[at][:, [compiled.NEAR, compiled.ENGLISH, compiled.TARGET]]
        found = cap_all(memory.near.table, memory.english.table, memory.target.table, across, keys, *most, met)
        reasons = ("near_duplicate", "english_cap", "target_cap", "language_cap")
        for column, name in enumerate(("near", "english", "target", "languages")):
            score = np.full(len(hashes), np.nan)
            score[at] = met[:, column]
            verdicts.scores[f"duplicates.{name}"] = score
            failing = np.zeros(len(hashes), dtype=np.bool_)
            failing[at] = found == column + 1
            verdicts.drop(reasons[column], failing, score, float(most[column] - 1))
        if self.across is None:
            verdicts.scores["duplicates.languages"][:] = np.nan
