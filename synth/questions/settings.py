"""What a person may decide of how questions are made; every number has a default that is meant."""

from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from filters.identifiers import IdentifierName
from filters.settings import Contamination

# The source and the category that questions stand under as documents.
SOURCE: Final = "regional-questions"
CATEGORY: Final = "synthetic"
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tree(_Settings):
    """How far the tree spreads at each level, for one language; names of a level are held against one another."""

    # Codes of regions.yaml; all of the language's if none are named.
    regions: tuple[str, ...] = ()
    # Names of domains.yaml; all if none are named.
    domains: tuple[str, ...] = ()
    # Topics of a domain in a region: those of domains.yaml first, and then the model's.
    topics: int = Field(default=10, ge=1)
    # Concepts that are asked for, and the most that are kept, of a topic.
    concepts: int = Field(default=8, ge=1)
    facets: int = Field(default=2, ge=1, le=8)
    # Jaccard index of the shingles of two names from which on they are one.
    same_name: Fraction = 0.8
    # Names that are remembered; the oldest are forgotten.
    remembered: int = Field(default=200_000, ge=1)


class Form(_Settings):
    """Thresholds of the checks that need no model. Lengths are in characters."""

    stem: tuple[int, int] = (8, 400)
    option: tuple[int, int] = (1, 160)
    explanation: tuple[int, int] = (12, 1200)
    # Length of the right option over the mean of the wrong ones, and by how many characters at least it must be
    # longer than the longest or shorter than the shortest of them. Of 192 questions by hand one is further off.
    longest_key: float = Field(default=1.7, gt=1)
    shortest_key: float = Field(default=0.25, gt=0, lt=1)
    key_apart: int = Field(default=5, ge=0)
    # Share of the answer's words that the stem has.
    in_stem: Fraction = 0.99
    # Least share of a field's letters in the language's script.
    script: Fraction = 0.6
    # Shingles of stem, answer and explanation that the passage has too: less, and it is about something else.
    grounded: Fraction = 0.2
    # Shingles of the answer, or of all options, that passage or explanation have too.
    stated: Fraction = 0.1


class Model(_Settings):
    """The checks that ask a verifier, cheap to costly; `samples` is how often each is asked, options shuffled."""

    samples: int = Field(default=5, ge=1)
    # Least share of samples that choose the key with the passage at hand.
    agreement: Fraction = 0.8
    # A question that is answered without its stem so often may give itself away. A verifier that prefers one
    # option whatever the order is right in a quarter by chance: how many are kept is decided over the set
    # (`Balance`).
    options_only: Fraction = 0.8
    # Most closed-book answers that are right; 1 keeps what every sample knows.
    closed_book: Fraction = 1.0
    # Least specificity, 0 to 5: would the answer be another in another region?
    specificity: int = Field(default=2, ge=0, le=5)
    safety: bool = True


class Balance(_Settings):
    """What the set of a language is held to."""

    # Most questions of a region, and of one topic in it; 0: no limit.
    region: int = Field(default=0, ge=0)
    topic: int = Field(default=0, ge=0)
    # Most questions whose right option is the longest, as a share; by chance a quarter is.
    longest_is_key: Fraction = 0.4
    # Most questions that are answered without their stem, as a share; by chance a quarter is.
    guessable: Fraction = 0.35
    # Chi-square of the positions: below this probability the report warns.
    positions: Fraction = 0.001


class QuestionSettings(_Settings):
    """How questions of a language are made."""

    seed: int = 0
    # Questions that are written and checked at once: what is held in memory.
    wave: int = Field(default=256, ge=1)
    # Most questions of the language that are kept; 0: all that the tree gives.
    most: int = Field(default=0, ge=0)
    # Of the questions themselves, as records and documents name it.
    licence: str = "synthetic"
    identifier: IdentifierName = "fasttext176"
    tree: Tree = Tree()
    form: Form = Form()
    model: Model = Model()
    balance: Balance = Balance()
    contamination: Contamination = Contamination()
    # Jaccard index of the shingles of stem and answer from which on two questions are one.
    near_duplicate: Fraction = 0.6
    # Questions that near-duplicates are looked for among; the oldest are forgotten.
    remembered: int = Field(default=200_000, ge=1)
