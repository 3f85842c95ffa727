"""What is measured of a text and its translation, by the compiled pass of the filters of pairs."""

import math
from typing import Final

import pyarrow as pa

from filters.bitext.chain import Chain
from filters.bitext.identification import STOP_WORDS, accepted, agreement, english_label
from filters.bitext.language_numbers import UNMEASURED, Lengths, lengths
from filters.bitext.settings import STEPS, BitextSettings, Caps, Identification
from sources.language import Language
from sources.pair_schema import PAIR

_ENGLISH: Final = "eng_Latn"
# English is what the lengths of all languages are measured in.
_UNIT: Final = Lengths(ratio=1.0, spread=0.0, by_length=0.0, ends=1.0, numbers=1.0, pairs=0)
# The pass alone: what it measures is held against other thresholds here. Nothing is remembered between texts.
_SETTINGS: Final = BitextSettings(skip=STEPS, caps=Caps(remembered=16))
# Characters that are identified at once: fastText's sums drown a sentence of another language in a long text.
_WINDOW: Final = 240
# Letters under which a window says nothing of its language.
_FEWEST: Final = 40


class PairScores:
    """Scores of texts of one language and their translations into another; made once, used for many.

    Memory is a few hundred kilobytes, however many texts come.
    """

    def __init__(self, source: Language, target: Language) -> None:
        self.source = source
        self.target = target
        # The chain has English on its first side. Where neither is English, the source takes its place: numbers,
        # words in common and ends are measured alike.
        self._reversed = target.code == _ENGLISH and source.code != _ENGLISH
        self._chain = Chain(_SETTINGS, source if self._reversed else target)
        self._lengths = tuple(
            _UNIT if each.code == _ENGLISH else lengths().get(each.code, UNMEASURED) for each in (source, target)
        )

    @property
    def numbers_usual(self) -> bool:
        """Whether numbers stand in digits in either language as a rule (`usual` of the pairs' settings)."""
        return min(each.numbers for each in self._lengths) >= _SETTINGS.numbers.usual

    @property
    def ends_usual(self) -> bool:
        """Whether translations into the target language end with a mark where their source does."""
        return self._lengths[1].ends >= _SETTINGS.punctuation.usual

    def of(self, source_text: str, target_text: str) -> dict[str, float]:
        """The scores of one text and its translation, both without markers.

        `copied`: the share of letters in words of the other side; `script`: that of the target's letters in its
        script; `conflicts` and `agreement` of numbers in digits of any script; `stop_words`: their share of the
        target's words; `deviation`: how far its length is off, in standard deviations; `ratio`: the same as a
        quotient.
        """
        first, second = (target_text, source_text) if self._reversed else (source_text, target_text)
        row = {**dict.fromkeys(PAIR.names), "id": "", "language": "", "source": ""}
        row |= {"source_text": first, "target_text": second}
        found = self._chain.judge(pa.RecordBatch.from_pylist([row], schema=PAIR)).scores
        ratio, deviation = self._length(source_text, target_text)
        return {
            "copied": float(found["copies.shared"][0]),
            "script": float(found["script.english" if self._reversed else "script.target"][0]),
            "conflicts": float(found["numbers.conflicts"][0]),
            "agreement": float(found["numbers.agreement"][0]),
            "stop_words": 0.0 if self._reversed else float(found["identification.stop_words"][0]),
            "ratio": ratio,
            "deviation": deviation,
        }

    def _length(self, source_text: str, target_text: str) -> tuple[float, float]:
        source, target = (sum(not each.isspace() for each in text) for text in (source_text, target_text))
        first, second = self._lengths
        # As long as English of the same meaning would be.
        english = source / first.ratio
        if not source or not target:
            return (
                (1.0, 0.0)
                if source == target
                else (0.0 if source else math.inf, -math.inf if source else math.inf)
            )
        ratio = target / second.ratio / english
        variance = first.spread + second.spread + (first.by_length + second.by_length) / english
        return ratio, math.log(ratio) / math.sqrt(variance) if variance else 0.0


def language_scores(text: str, language: Language, stop_words: float = 0.0) -> tuple[float, float, float]:
    """How far lid.176 agrees that `text` is in `language`: of the whole, of its worst window, and what is enough.

    The first two are -1 to 1 (see `filters.bitext.identification.agreement`), and as high as the share of stop
    words makes them; NaN where there is too little to tell, or no identifier knows the language.
    """
    settings = Identification()
    taken = accepted(language, settings)
    labels = (english_label("fasttext176"),) if language.code == _ENGLISH else taken.labels
    least = settings.english if language.code == _ENGLISH else taken.threshold
    windows = [each for each in _windows(text) if sum(map(str.isalpha, each)) >= _FEWEST]
    if not windows or not labels:
        return math.nan, math.nan, least
    found = agreement(pa.array(windows, pa.string()), labels, "fasttext176", _WINDOW) + STOP_WORDS * stop_words
    return float(found.mean()), float(found.min()), least


def _windows(text: str) -> list[str]:
    """The text in parts of about one length, none above the window's, cut at lines and where blanks are.

    A line that is too short to tell goes with those after it.
    """
    parts, held = [], ""
    for line in text.split("\n"):
        held = " ".join(f"{held} {line}".split())
        if sum(map(str.isalpha, held)) >= _FEWEST:
            parts += _even(held)
            held = ""
    if held and parts and len(held) < _FEWEST:
        return parts
    return parts + _even(held)


def _even(line: str) -> list[str]:
    parts = -(-len(line) // _WINDOW)
    cuts = [0]
    for part in range(1, parts):
        at = round(part * len(line) / parts)
        blank = line.rfind(" ", cuts[-1] + 1, at)
        cuts.append(blank if at - blank < _WINDOW // 4 else at)
    return [line[start:end] for start, end in zip(cuts, [*cuts[1:], len(line)], strict=True)]
