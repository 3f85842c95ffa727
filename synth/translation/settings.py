"""How documents are translated, and what a translation is held against."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sources.language import Fraction


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


class TranslationSettings(BaseModel):
    """Everything but the two languages that decides over a translation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # `translate/document`, or `translate/exercise` for questions with their solutions.
    prompt: str = "translate/document"
    # Where the readers live, as a prompt says it: `Greece`.
    region: str = "the places where it is spoken"
    # Characters of a piece. Longer ones are cheaper, and more is lost with one that fails.
    budget: Annotated[int, Field(ge=16)] = 1600
    seed: int = 0
    # The source and category that translated documents have; the original's source stands in their metadata.
    source: str = "synthetic-translation"
    category: str = "synthetic"
    checks: CheckSettings = CheckSettings()
