"""The checks of a translated piece, cheap ones first."""

from collections.abc import Iterator
from typing import Final

import regex

from filters.bitext.language_numbers import MYRIADS
from filters.scripts import script_share
from sources.language import Language
from synth.translation.check import Check
from synth.translation.pair_scores import PairScores, language_scores
from synth.translation.phrases import phrase_found
from synth.translation.protection import MARKER, marker_fault
from synth.translation.repeated import repetition_excess
from synth.translation.settings import CheckSettings

# Letters under which lengths, words in common and scripts of a piece are chance.
_FEWEST_LETTERS: Final = 12
_BLANK_LINE: Final = regex.compile(r"\n\s*\n")
# Marks that end a sentence, and a text that ends with one, in brackets or quotation marks or not.
_MARK: Final = regex.compile(r"[.!?…。．！？।॥۔؟።፡។៕៖།]")
_CLOSED: Final = regex.compile(rf"(?:{_MARK.pattern}|[;:；：])[\s\p{{Pe}}\p{{Pf}}\p{{Pi}}\"'*_`]*$")


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
