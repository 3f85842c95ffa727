"""How translation pairs are judged: every number that decides, as data that is fingerprinted.

What differs by language stands in `lengths.yaml` and `identified.yaml`; here is what all languages share.
"""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.language import Fraction

Step: TypeAlias = Literal[
    "form", "length", "margin", "script", "copies", "numbers", "ratio", "punctuation", "boilerplate",
    "contamination", "duplicates", "identification", "caps",
]  # fmt: skip
STEPS: tuple[Step, ...] = (
    "form", "length", "margin", "script", "copies", "numbers", "ratio", "punctuation", "boilerplate",
    "contamination", "duplicates", "identification", "caps",
)  # fmt: skip
Count: TypeAlias = Annotated[int, Field(ge=0)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Form(_Settings):
    """What a side may look like at all."""

    urls: Count = 1
    # HTML tags and entities.
    tags: Count = 0
    # Letters and their marks among all that is not white space: a side of numbers, addresses or marks has fewer.
    letters: Fraction = 0.5


class Length(_Settings):
    """How long a side may be. stopes: at most 1,050 characters; the audits of mined pairs ask for 5 words.

    Scripts without spaces are counted in characters.
    """

    words: Count = 3
    characters: Count = 6
    most_characters: Annotated[int, Field(gt=0)] = 1050
    # A longest word: what is longer is no language. In bytes of text without a space this is not looked for.
    most_words: Annotated[int, Field(gt=0)] = 200


class Margin(_Settings):
    """LASER's ratio margin: released from 1.06 to 1.25 (stopes); the highest are often copies (LASER, thread 129).

    Pairs without a margin are not held against it.
    """

    least: float = 1.06
    most: float = 1.25

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least {self.least} is more than most {self.most}")
        return self


class Script(_Settings):
    """The share of a side's letters that must be in its script."""

    english: Fraction = 0.75
    target: Fraction = 0.6
    # Of Chinese, Japanese, Korean and the scripts of South-East Asia: where a character is a syllable or a word,
    # a name in Latin letters weighs several times as much.
    unspaced: Fraction = 0.4


class Numbers(_Settings):
    """Numbers of either side, digits of all scripts, with or without separators."""

    # Numbers that contradict each other: each side has one that the other lacks.
    conflicts: Count = 0
    # The share of numbers that agree.
    agreement: Fraction = 0.5
    # English numbers up to this may be written out in the other language.
    small: Count = 12
    # Where fewer of a language's good pairs agree so far, numbers are written out, and none is asked for.
    usual: Fraction = 0.97


class Ratio(_Settings):
    """Length in characters against the language's own ratio to English (`lengths.yaml`)."""

    least: Annotated[float, Field(gt=0)] = 0.5
    most: Annotated[float, Field(gt=0)] = 2.0
    # Standard deviations of the language's good pairs of that length.
    deviations: Annotated[float, Field(gt=0)] = 3.5


class Punctuation(_Settings):
    """How the sides end."""

    # 0: as the other side, 1: one ends in a stop and the other in another mark or none, 2: one asks and the other
    # does not.
    ends: Annotated[int, Field(ge=0, le=2)] = 1
    # Where one side has an end and the other has none: how many standard deviations too short that side may be.
    unfinished: Annotated[float, Field(ge=0)] = 1.0
    # Where fewer of a language's good translations end as their sentence does, none is asked for an end.
    usual: Fraction = 0.9


class Boilerplate(_Settings):
    """Menus, notices and templates, told by the English side's phrases and by marks that part entries."""

    # The share of words in phrases of `boilerplate.yaml`.
    phrases: Fraction = 0.4
    # Bars, bullets and arrows on either side.
    marks: Count = 1
    # The share of a side's word pairs that stand there twice.
    repeated: Fraction = 0.3


class Identification(_Settings):
    """The language of either side, by a part of its text.

    A language's own threshold stands in `identified.yaml`, with the languages that it is mistaken for.
    """

    identifier: Literal["fasttext176", "glotlid"] = "fasttext176"
    characters: Annotated[int, Field(gt=0)] = 120
    # From which `identification.agreement` on a side is believed to be in its language; the other side's stands
    # here for a language without one of its own.
    english: Annotated[float, Field(ge=-1, le=1)] = 0.0
    target: Annotated[float, Field(ge=-1, le=1)] = 0.0


class Caps(_Settings):
    """How often a sentence may stand in pairs that are kept."""

    # Pairs that are the same but for numbers, diacritics, marks and case.
    near: Annotated[int, Field(ge=1)] = 1
    english: Annotated[int, Field(ge=1)] = 2
    target: Annotated[int, Field(ge=1)] = 2
    # Languages that may have one English sentence.
    languages: Annotated[int, Field(ge=1)] = 16
    # Sentences that are remembered: 4 bytes each in four tables, and in one across languages.
    remembered: Annotated[int, Field(ge=16, le=1 << 32)] = 1 << 24


class Contamination(_Settings):
    """Sentences of translation benchmarks: either side equal to one, or sharing an n-gram with one.

    `lists` are paths of text or JSON lines files, or folders of them; see `filters.bitext.benchmarks`.
    """

    lists: tuple[str, ...] = ()
    # SHA-256 of the files: a changed list is a changed setting. `benchmarks.digest` gives it.
    digest: str = ""
    words: Annotated[int, Field(ge=1)] = 8
    # In scripts without spaces, by script.
    characters: dict[str, Annotated[int, Field(ge=1)]] = {
        "Hani": 13, "Jpan": 13, "Khmr": 32, "Laoo": 32, "Mymr": 32, "Thai": 32,
    }  # fmt: skip


class BitextSettings(_Settings):
    """Everything but the language that decides which pairs are kept."""

    # Steps that are left out.
    skip: tuple[Step, ...] = ()
    form: Form = Form()
    length: Length = Length()
    margin: Margin = Margin()
    script: Script = Script()
    # The share of a side's letters in words that the other side has too, names left out.
    copied: Fraction = 0.5
    numbers: Numbers = Numbers()
    ratio: Ratio = Ratio()
    punctuation: Punctuation = Punctuation()
    boilerplate: Boilerplate = Boilerplate()
    contamination: Contamination = Contamination()
    identification: Identification = Identification()
    caps: Caps = Caps()
