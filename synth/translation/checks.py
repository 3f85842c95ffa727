"""The checks of a translated piece, cheap ones first."""

from collections.abc import Iterator
from typing import Annotated, Final

import regex
from pydantic import BaseModel, ConfigDict, Field

from filters.bitext.language_numbers import MYRIADS
from filters.scripts import script_share
from sources.language import Fraction, Language
from synth.translation.check import Check
from synth.translation.pair_scores import PairScores, language_scores
from synth.translation.phrases import phrase_found
from synth.translation.protection import MARKER, marker_fault
from synth.translation.repeated import repetition_excess

# Letters under which lengths, words in common and scripts of a piece are chance.
_FEWEST_LETTERS: Final = 12
_BLANK_LINE: Final = regex.compile(r"\n\s*\n")
# Marks that end a sentence, and a text that ends with one, in brackets or quotation marks or not.
_MARK: Final = regex.compile(r"[.!?…。．！？।॥۔؟።፡។៕៖།]")
_CLOSED: Final = regex.compile(rf"(?:{_MARK.pattern}|[;:；：])[\s\p{{Pe}}\p{{Pf}}\p{{Pi}}\"'*_`]*$")


class CheckSettings(BaseModel):
    """What a translation is held against. Thresholds of one language stand with the filters of pairs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The share of the letters that are in the language's script; of scripts without spaces, where a name in Latin
    # letters weighs several times as much.
    script: Fraction = 0.6
    script_unspaced: Fraction = 0.4
    # The share of letters in words that the source has too, names left out.
    copied: Fraction = 0.5
    # What a window of the text may be below the language's threshold of identification.
    window: Annotated[float, Field(ge=0)] = 0.6
    # Numbers that contradict each other: each side has one that the other lacks.
    conflicts: Annotated[int, Field(ge=0)] = 0
    # The share of numbers that agree, where the languages write them in digits as a rule.
    agreement: Fraction = 0.5
    # Length: standard deviations of the language's good translations, and the quotient whatever they are. Models
    # leave out more often than they add: of good documents of six sentences 0.5% are shorter.
    too_short: Annotated[float, Field(gt=0)] = 2.25
    too_long: Annotated[float, Field(gt=0)] = 3.5
    shortest: Annotated[float, Field(gt=0)] = 0.5
    longest: Annotated[float, Field(gt=0)] = 2.0
    # How many standard deviations too long a text must be that has no end where its source has one; and in a
    # language that often has none there.
    unfinished: float = 0.5
    unfinished_unmarked: float = -1.0
    # Lines that are more or fewer than the source's, as a share of them; of few lines none.
    lines: Fraction = 0.1
    # Times the language's thresholds of repetition.
    repetition: Annotated[float, Field(gt=0)] = 1.0


class TranslationChecks:
    """Checks pieces of one language against their translations into another."""

    def __init__(self, source: Language, target: Language, settings: CheckSettings | None = None) -> None:
        self.source = source
        self.target = target
        self.settings = settings or CheckSettings()
        self._scores = PairScores(source, target)

    def of(self, source: str, target: str) -> Iterator[Check]:
        """The checks of one piece, both texts with their markers.

        In this order, each computed when it is asked for: `empty`, `markers`, `paragraphs`, `lines`, `refusal`,
        `meta_phrase`, `target_script`, `untranslated`, `length_ratio`, `unusual_length`, `unfinished`,
        `numbers_differ`, `numbers_missing`, `repetition`, `target_language`, `mixed_language`.
        """
        settings = self.settings
        yield Check("empty", len(target.strip()), least=1)
        fault = marker_fault(source, target)
        yield Check("markers", fault.count if fault else 0, most=0, detail=str(fault or ""))
        yield Check("paragraphs", abs(_paragraphs(target) - _paragraphs(source)), most=0)
        lines = _lines(source)
        yield Check("lines", abs(_lines(target) - lines), most=int(settings.lines * lines))
        # What stands for a span is no word of the text, and the number in a marker is none of its numbers.
        source, target = MARKER.sub(" ", source), MARKER.sub(" ", target)
        kind, phrase = phrase_found(target, self.target, source, self.source) or ("", "")
        yield Check("refusal", kind == "refusal", most=0, detail=phrase)
        yield Check("meta_phrase", kind == "meta", most=0, detail=phrase)
        found = self._scores.of(source, target)
        letters = min(sum(map(str.isalpha, each)) for each in (source, target))
        if letters >= _FEWEST_LETTERS:
            unspaced = self.target.segmentation.rule == "dictionary" or self.target.script in MYRIADS
            least = settings.script_unspaced if unspaced else settings.script
            yield Check("target_script", script_share(target, self.target.script), least=least)
            yield Check("untranslated", found["copied"], most=settings.copied)
        yield Check("length_ratio", found["ratio"], settings.shortest, settings.longest)
        yield Check("unusual_length", found["deviation"], -settings.too_short, settings.too_long)
        if ends_open(target) and not ends_open(source):
            least = settings.unfinished if self._scores.ends_usual else settings.unfinished_unmarked
            yield Check("unfinished", found["deviation"], least=least)
        yield Check("numbers_differ", found["conflicts"], most=settings.conflicts)
        if self._scores.numbers_usual:
            yield Check("numbers_missing", found["agreement"], least=settings.agreement)
        excess = repetition_excess(target, self.target, source, self.source)
        yield Check("repetition", excess, most=settings.repetition)
        whole, worst, least = language_scores(target, self.target, found["stop_words"])
        yield Check("target_language", whole, least=least)
        yield Check("mixed_language", worst, least=least - settings.window)


def ends_open(text: str) -> bool:
    """Whether a text that ends sentences with marks has none at its end."""
    return _CLOSED.search(text) is None and _MARK.search(text) is not None


def _lines(text: str) -> int:
    return sum(1 for each in text.split("\n") if each.strip())


def _paragraphs(text: str) -> int:
    return sum(1 for each in _BLANK_LINE.split(text) if each.strip())
