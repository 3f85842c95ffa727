"""The checks of a rephrased piece, cheap ones first."""

from collections.abc import Iterator
from typing import Final

from filters.bitext.language_numbers import MYRIADS
from filters.scripts import script_share
from sources.language import Language
from synth.rephrasing.kept_facts import names, names_kept, numbers_kept, numbers_new
from synth.rephrasing.novelty import novelty
from synth.rephrasing.settings import RephraseCheckSettings
from synth.translation.check import Check
from synth.translation.checks import ends_open
from synth.translation.pair_scores import PairScores, language_scores
from synth.translation.phrases import phrase_found
from synth.translation.protection import MARKER, marker_fault
from synth.translation.repeated import repetition_excess

# Names under which the share that is kept is chance.
_FEWEST_NAMES: Final = 6


class RephraseChecks:
    """Checks pieces against what was made of them in the same language."""

    def __init__(self, language: Language, settings: RephraseCheckSettings | None = None) -> None:
        self.language = language
        self.settings = settings or RephraseCheckSettings()
        self._scores = PairScores(language, language)

    def of(self, source: str, rephrased: str) -> Iterator[Check]:
        """The checks of one piece, both texts with their markers.

        In this order, each computed when it is asked for: `empty`, `markers`, `refusal`, `meta_phrase`,
        `length_ratio`, `unfinished`, `target_script`, `new_numbers`, `numbers_differ`, `numbers_missing`,
        `names_missing`, `new_names`, `novelty`, `repetition`, `target_language`, `mixed_language`.
        """
        settings, language = self.settings, self.language
        yield Check("empty", len(rephrased.strip()), least=1)
        fault = marker_fault(source, rephrased)
        yield Check("markers", fault.count if fault else 0, most=0, detail=str(fault or ""))
        source, rephrased = MARKER.sub(" ", source), MARKER.sub(" ", rephrased)
        kind, phrase = phrase_found(rephrased, language, source) or ("", "")
        yield Check("refusal", kind == "refusal", most=0, detail=phrase)
        yield Check("meta_phrase", kind == "meta", most=0, detail=phrase)
        found = self._scores.of(source, rephrased)
        yield Check("length_ratio", found["ratio"], settings.shortest, settings.longest)
        unfinished = ends_open(rephrased) and not ends_open(source)
        yield Check("unfinished", unfinished, most=0)
        unspaced = language.segmentation.rule == "dictionary" or language.script in MYRIADS
        least = settings.script_unspaced if unspaced else settings.script
        yield Check("target_script", script_share(rephrased, language.script), least=least)
        new = numbers_new(rephrased, source)
        yield Check("new_numbers", len(new), most=settings.new_numbers, detail=" ".join(new))
        yield Check("numbers_differ", found["conflicts"], most=0)
        yield Check("numbers_missing", numbers_kept(rephrased, source), least=settings.numbers_kept)
        for reason, one, other, bound in (
            ("names_missing", source, rephrased, settings.names_kept),
            ("new_names", rephrased, source, settings.names_known),
        ):
            wanted = names(one, language)
            if len(wanted) >= _FEWEST_NAMES:
                yield Check(reason, names_kept(wanted, other), least=bound)
        yield Check("novelty", novelty(rephrased, source, language), settings.least_novelty, settings.most_novelty)
        yield Check("repetition", repetition_excess(rephrased, language, source), most=settings.repetition)
        whole, worst, least = language_scores(rephrased, language, found["stop_words"])
        yield Check("target_language", whole, least=least)
        yield Check("mixed_language", worst, least=least - settings.window)
