"""How documents are said anew, and what a paraphrase is held against."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from sources.language import Fraction

# Ways of saying a text anew.
PROMPTS: Final = ("rephrase/plain", "rephrase/reference", "rephrase/dialogue")


class RephraseCheckSettings(BaseModel):
    """What a rephrased text is held against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: Fraction = 0.6
    script_unspaced: Fraction = 0.4
    # What a window of the text may be below the language's threshold of identification.
    window: Annotated[float, Field(ge=0)] = 0.6
    # Length over the source's.
    shortest: Annotated[float, Field(gt=0)] = 0.6
    longest: Annotated[float, Field(gt=0)] = 2.0
    # The share of n-grams that the source does not have: less is a copy, more is another text.
    least_novelty: Fraction = 0.2
    most_novelty: Fraction = 0.9
    # Numbers above 12 that the source does not have, and the share of its own that are kept.
    new_numbers: Annotated[int, Field(ge=0)] = 0
    numbers_kept: Fraction = 0.5
    # The share of the source's names that are kept, and of the text's names that the source has.
    names_kept: Fraction = 0.34
    names_known: Fraction = 0.34
    # Times the language's thresholds of repetition.
    repetition: Annotated[float, Field(gt=0)] = 1.0


class RephraseSettings(BaseModel):
    """Everything but the language that decides over what is made of a document."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # A document gets one of them, by its id.
    prompts: tuple[str, ...] = PROMPTS
    # Where the readers live, as a prompt says it: `Greece`.
    region: str = "the places where it is spoken"
    # Characters of a piece.
    budget: Annotated[int, Field(ge=16)] = 2400
    seed: int = 0
    # How far above the language's threshold of identification an input must be, and the share of its script.
    margin: Annotated[float, Field(ge=0)] = 0.1
    script: Annotated[float, Field(ge=0, le=1)] = 0.5
    source: str = "synthetic-rephrase"
    category: str = "synthetic"
    checks: RephraseCheckSettings = RephraseCheckSettings()
