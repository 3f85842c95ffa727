"""A question as it is kept: what was asked, what it rests on, how it was checked, and who wrote it."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import pyarrow as pa

OPTIONS: Final = 4

QUESTION = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        # ISO 3166-1 or 3166-2.
        pa.field("region", pa.string(), nullable=False),
        pa.field("domain", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("concept", pa.string(), nullable=False),
        pa.field("facet", pa.string(), nullable=False),
        pa.field("stem", pa.string(), nullable=False),
        pa.field("options", pa.list_(pa.string()), nullable=False),
        # The place of the right option, from 0.
        pa.field("answer", pa.int8(), nullable=False),
        pa.field("explanation", pa.string(), nullable=False),
        # The part of the passage that proves the answer, letter by letter, and the id of the passage.
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("evidence_id", pa.string(), nullable=False),
        # What each check measured, by its name; shares and ratios, never counts of items.
        pa.field("checks", pa.map_(pa.string(), pa.float64()), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        # Who did the model checks; empty where none were done.
        pa.field("verifier", pa.string(), nullable=False),
        # The template and its version, `questions/write@1`.
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where in the tree a question stands."""

    language: str
    region: str
    region_name: str
    domain: str
    topic: str
    concept: str
    facet: str
    # What the concept is, in a few English words.
    gloss: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """What questions rest on: a document, a concept's record, or a note that a model wrote of a concept."""

    id: str
    text: str
    licence: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model wrote: the right answer and the wrong ones apart, so that no position is its choice."""

    stem: str
    answer: str
    distractors: tuple[str, ...]
    explanation: str
    quote: str

    @property
    def options(self) -> tuple[str, ...]:
        """The right answer first, then the wrong ones."""
        return (self.answer, *self.distractors)


@dataclass(frozen=True, slots=True)
class Question:
    """A row of QUESTION."""

    id: str
    language: str
    region: str
    domain: str
    topic: str
    concept: str
    facet: str
    stem: str
    options: tuple[str, ...]
    answer: int
    explanation: str
    evidence: str
    evidence_id: str
    checks: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    revision: str = ""
    verifier: str = ""
    prompt: str = ""
    seed: int = 0
    licence: str = ""

    @property
    def key(self) -> str:
        """The right option."""
        return self.options[self.answer]

    @property
    def distractors(self) -> tuple[str, ...]:
        """The other options, in their order."""
        return tuple(each for at, each in enumerate(self.options) if at != self.answer)

    def row(self) -> dict[str, Any]:
        """The row that `pyarrow.Table.from_pylist` takes with QUESTION."""
        return asdict(self) | {"options": list(self.options), "checks": sorted(self.checks.items())}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A question that may not stay, or a request that came to nothing: a row of `sources.schema.DROPPED`."""

    id: str
    # The check, or `expand`, `note`, `write` where there is no question yet.
    filter: str
    reason: str
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None
    # `GR food/bread and grain`, for the report.
    where: str = ""

    def row(self) -> dict[str, Any]:
        """The row that `pyarrow.Table.from_pylist` takes with DROPPED."""
        return {name: value for name, value in asdict(self).items() if name != "where"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question on its way through the checks, with what they need of it."""

    question: Question
    leaf: Leaf
    draft: Draft
    passage: Passage


def identity(leaf: Leaf, draft: Draft) -> str:
    """The id of a question: 96 bits of what it asks and where, hexadecimal; the same wherever it is made."""
    said = "\x1f".join((leaf.language, leaf.region, draft.stem, *draft.options))
    return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def shuffled(count: int, id_: str, seed: int, salt: str = "") -> tuple[int, ...]:
    """An order of `count` options that only the id, the seed and the salt decide, every order equally likely."""
    content = f"{seed}\x1f{salt}\x1f{id_}".encode()
    left = int.from_bytes(hashlib.blake2b(content, digest_size=16).digest(), "big")
    rest, order = list(range(count)), []
    while rest:
        left, at = divmod(left, len(rest))
        order.append(rest.pop(at))
    return tuple(order)


def question(
    leaf: Leaf, draft: Draft, passage: Passage, *, seed: int, model: str, revision: str, prompt: str,
    licence: str,
) -> Question:  # fmt: skip
    """The question that a draft becomes: the position of the right answer comes from the seeded hash of its id."""
    id_ = identity(leaf, draft)
    order = shuffled(len(draft.options), id_, seed)
    return Question(
        id_, leaf.language, leaf.region, leaf.domain, leaf.topic, leaf.concept, leaf.facet, draft.stem,
        tuple(draft.options[at] for at in order), order.index(0), draft.explanation, draft.quote, passage.id,
        {}, model, revision, "", prompt, seed, licence,
    )  # fmt: skip
