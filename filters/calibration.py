"""Thresholds and stop words of a language from good text of it, beside English text and English's thresholds.

FineWeb-2 (Penedo et al. 2025, arXiv:2506.20920) tunes every threshold to its language by the distribution of its
statistic there and in English; it publishes the results (configs/<code>.yml in huggingface/fineweb-2) and not
the code. A threshold is carried over here by the first of these that the reference text can bear:

- *share*: the value at which the same share of the language's reference falls as of the English one at English's
  threshold, where at least TAIL English documents fall (and stay);
- *ratio*: English's threshold times the ratio of the two medians;
- *English*: its threshold as it stands, where a median is 0: the reference says nothing of it.

A threshold as many standard deviations from the mean as English's would be another way. On news and stories in 63
languages it came out further from FineWeb-2's values than the ratio for most statistics, in the median by 4.0
of the value against 0.65 for lines that end in punctuation: clean text hardly varies.

No threshold costs a language more of its reference than English's costs English, or LEAST_LOST if that is more;
but shares of repetition and of short lines stay within a factor of FACTOR of English's, so that one odd document
among few does not set them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.fineweb2_rules import quality_rules, repetition_rules
from filters.rules import Rule, first_broken
from filters.statistics import STATISTICS, measure
from filters.word_tokenizer import IcuWordTokenizer
from sources.errors import BabelmixError
from sources.language import Language, Thresholds

Method: TypeAlias = Literal["share", "ratio", "English"]
Values: TypeAlias = npt.NDArray[np.float64]

# Words that are more than this share of all words are stop words; at least so many (every list of FineWeb-2's
# 1,929 has eight or more).
STOP_WORD_SHARE: Final = 0.008
FEWEST_STOP_WORDS: Final = 8
# A word at the cut-off occurs 40 times in so many words: its share is known to about a sixth of itself.
FEWEST_WORDS: Final = 5_000
FEWEST_DOCUMENTS: Final = 50
TAIL: Final = 10
LEAST_LOST: Final = 0.02
FACTOR: Final = 2.0
# Characters of text that are measured at once.
_BATCH: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Reference:
    """Good text of a language: the statistics have one value a document, `words` says how often each occurs."""

    language: Language
    texts: tuple[str, ...]
    statistics: Mapping[str, Values]
    words: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Carried:
    """One threshold: what it was and is, by which method, and the share of the reference that each keeps."""

    name: str
    old: float
    new: float
    method: Method
    old_keeps: float
    new_keeps: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """New thresholds; `kept_old` and `kept_new` are the shares of the reference that pass all rules."""

    thresholds: Thresholds
    carried: tuple[Carried, ...]
    kept_old: float
    kept_new: float


def reference(texts: Sequence[str], language: Language) -> Reference:
    """Measures good text of a language.

    Raises:
        BabelmixError: it is less than FEWEST_DOCUMENTS documents or FEWEST_WORDS words.
    """
    words: Counter[str] = Counter()
    tokenizer = IcuWordTokenizer(language.segmentation)
    for text in texts:
        words.update(word.lower() for word in tokenizer.word_tokenize(text) if any(map(str.isalpha, word)))
    if len(texts) < FEWEST_DOCUMENTS or words.total() < FEWEST_WORDS:
        raise BabelmixError(
            f"{language.code}: {len(texts):,} documents of {words.total():,} words are too little to calibrate by;"
            f" give {FEWEST_DOCUMENTS} documents and {FEWEST_WORDS:,} words of good text at least"
        )
    return Reference(language, tuple(texts), _measured(texts, language), words)


def calibrate(own: Reference, english: Reference) -> Calibration:
    """Thresholds for the language of `own`, from its text, English text and English's thresholds.

    The reference should be text of one kind in both: what differs between kinds of text is else taken for a
    difference of the languages.
    """
    old, given = own.language.thresholds, english.language.thresholds
    new: dict[str, float] = {}
    methods: dict[str, Method] = {}
    for name, rule in _carried_rules(given).items():
        value, methods[name] = _carry(rule, own.statistics[rule.statistic], english.statistics[rule.statistic])
        new[name] = _rounded(name, rule, value)
    _in_order(new, "top_{}_gram", [n for n, _ in given.top_n_grams])
    _in_order(new, "dup_{}_gram", [n for n, _ in given.dup_n_grams])
    stop_words = _stop_words(own.words)
    thresholds = Thresholds(
        dup_line_frac=new["dup_line_frac"],
        top_n_grams=tuple((n, new[f"top_{n}_gram"]) for n, _ in given.top_n_grams),
        dup_n_grams=tuple((n, new[f"dup_{n}_gram"]) for n, _ in given.dup_n_grams),
        line_punct_thr=new["line_punct_thr"],
        new_line_ratio=new["new_line_ratio"],
        min_avg_word_length=new["min_avg_word_length"],
        max_avg_word_length=new["max_avg_word_length"],
        max_non_alpha_words_ratio=new["max_non_alpha_words_ratio"],
        stopwords=stop_words,
    )
    # How many stop words a text has depends on which they are.
    renewed = own.language.model_copy(update={"thresholds": thresholds})
    with_new = _measured(own.texts, renewed)
    before, after = _carried_rules(old), _carried_rules(thresholds)
    carried = tuple(
        Carried(
            name,
            before[name].threshold if name in before else float("nan"),
            after[name].threshold,
            methods[name],
            _kept([before[name]], own.statistics) if name in before else 1.0,
            _kept([after[name]], with_new),
        )
        for name in new
    )
    return Calibration(
        thresholds, carried, _kept(_all_rules(old), own.statistics), _kept(_all_rules(thresholds), with_new)
    )


def _carried_rules(limits: Thresholds) -> dict[str, Rule]:
    """The rules whose thresholds are a language's own, by the names in its file; n-grams under `top_2_gram`."""
    rules = {
        "dup_line_frac": Rule("", "repetition.dup_line_frac", limits.dup_line_frac),
        **{f"top_{n}_gram": Rule("", f"repetition.top_{n}_gram", most) for n, most in limits.top_n_grams},
        **{
            f"dup_{n}_gram": Rule("", f"repetition.duplicated_{n}_n_grams", most) for n, most in limits.dup_n_grams
        },
        "line_punct_thr": Rule("", "quality.line_punct_ratio", limits.line_punct_thr, least=True),
        "new_line_ratio": Rule("", "quality.list_ratio", limits.new_line_ratio),
        "min_avg_word_length": Rule("", "quality.avg_word_length", limits.min_avg_word_length, least=True),
        "max_avg_word_length": Rule("", "quality.avg_word_length", limits.max_avg_word_length),
        "max_non_alpha_words_ratio": Rule("", "quality.alpha_ratio", limits.max_non_alpha_words_ratio, least=True),
    }
    return {name: rule for name, rule in rules.items() if rule.statistic in STATISTICS}


def _all_rules(limits: Thresholds) -> tuple[Rule, ...]:
    return (*repetition_rules(limits), *quality_rules(limits))


def _kept(rules: Sequence[Rule], statistics: Mapping[str, Values]) -> float:
    documents = len(statistics["quality.words"])
    return float(np.mean(first_broken(rules, statistics, documents) < 0))


def _carry(rule: Rule, own: Values, english: Values) -> tuple[float, Method]:
    value, method = _unbounded(rule, own, english)
    lost = _at_share(own, max(LEAST_LOST, float(np.mean(rule.broken(english)))), rule.least)
    value = min(value, lost) if rule.least else max(value, lost)
    if not rule.least and rule.statistic != "quality.avg_word_length":
        value = min(max(value, rule.threshold / FACTOR), rule.threshold * FACTOR)
    return value, method


def _unbounded(rule: Rule, own: Values, english: Values) -> tuple[float, Method]:
    broken = int(np.sum(rule.broken(english)))
    if TAIL <= broken <= len(english) - TAIL:
        return _at_share(own, broken / len(english), rule.least), "share"
    medians = float(np.median(own)), float(np.median(english))
    if min(medians) > 0:
        return rule.threshold * medians[0] / medians[1], "ratio"
    return rule.threshold, "English"


def _at_share(values: Values, share: float, least: bool) -> float:
    """The value at which no more than `share` of the values are below it (`least`) or above it."""
    beyond = min(int(share * len(values)), len(values) - 1)
    ordered = np.sort(values)
    return float(ordered[beyond] if least else ordered[len(values) - 1 - beyond])


def _rounded(name: str, rule: Rule, value: float) -> float:
    """To three places, lengths of words to whole numbers as in FineWeb-2's files; never so that more falls."""
    scale = 1 if rule.statistic == "quality.avg_word_length" else 1000
    # A little less than nothing is lost: 0.3 is 0.299999.. times 1000.
    rounded = np.floor(value * scale + 1e-9) if rule.least else np.ceil(value * scale - 1e-9)
    return float(min(rounded / scale, 1.0) if name == "max_non_alpha_words_ratio" else rounded / scale)


def _in_order(found: dict[str, float], name: str, lengths: Sequence[int]) -> None:
    """The longer the n-gram, the smaller its share: what a longer one may have, a shorter may have too."""
    for longer, shorter in zip(reversed(lengths), list(reversed(lengths))[1:], strict=False):
        found[name.format(shorter)] = max(found[name.format(shorter)], found[name.format(longer)])


def _stop_words(words: Mapping[str, int]) -> tuple[str, ...]:
    total = sum(words.values())
    # By frequency; equal ones in the order of the alphabet, so that a second run gives the same file.
    ordered = sorted(words, key=lambda word: (-words[word], word))
    frequent = sum(words[word] > STOP_WORD_SHARE * total for word in ordered)
    return tuple(ordered[: max(frequent, FEWEST_STOP_WORDS)])


def _measured(texts: Sequence[str], language: Language) -> dict[str, Values]:
    parts = [measure(pa.array(batch, pa.large_string()), language).statistics for batch in _batches(texts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= _BATCH:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
