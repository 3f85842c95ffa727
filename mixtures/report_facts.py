"""What a mixture's report and card say of it, gathered from its manifest, its order and its tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filters.word_tokenizer import IcuWordTokenizer
from mixtures.indexed import IndexedDataset
from mixtures.order import Order
from mixtures.plan import Plan, PlanRow
from mixtures.reader import MixtureReader
from mixtures.tokenizer import Tokenizer, load_tokenizer
from sources.errors import BabelmixError
from sources.language import languages
from sources.source import sources

# Lengths are counted in quarters of a power of two: the places between 2^(n/4) and 2^((n+1)/4) tokens.
BINS: Final = 84
QUARTERS: Final = 4
# Documents of a bucket that are looked at for words and samples, and how far into each.
LOOKED_AT: Final = 48
_TOKENS: Final = 1024
# Lengths counted of a bucket; of one with more documents every n-th.
_COUNTED: Final = 1 << 20
_SAMPLES: Final = 2


@dataclass(frozen=True, slots=True)
class SampleText:
    """The beginning of a document: its number in its bucket, and all of its tokens' count."""

    document: int
    tokens: int
    text: str


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """One bucket of a mixture."""

    category: str
    source: str
    language: str
    documents: int
    """Documents that there are."""
    read: int
    """Documents that the mixture reads, repetitions counted."""
    tokens: int
    """Tokens that the mixture reads, repetitions counted."""
    planned: PlanRow | None
    lengths: npt.NDArray[np.int64]
    """How many of its documents have a length in each of `BINS` places; a sample's, scaled to all."""
    words: int
    """Words in the documents that were looked at, 0 where none could be."""
    word_tokens: int
    """Tokens of those documents."""
    samples: tuple[SampleText, ...]

    @property
    def epochs(self) -> float:
        """How often its documents are read on average."""
        return self.read / self.documents if self.documents else 0.0


@dataclass(frozen=True, slots=True)
class Licence:
    """What a source's card says of its use."""

    source: str
    title: str
    licence: str
    card: str
    gated: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class MixtureFacts:
    """A mixture as its report and its card describe it."""

    plan: Plan
    seed: int
    documents: int
    tokens: int
    buckets: tuple[BucketFacts, ...]
    licences: tuple[Licence, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that are read, those of most tokens first."""
        tokens: dict[str, int] = {}
        for bucket in self.buckets:
            tokens[bucket.language] = tokens.get(bucket.language, 0) + bucket.tokens
        return tuple(sorted(tokens, key=lambda code: (-tokens[code], code)))


def mixture_facts(totals: Mapping[str, Any], folder: str | Path, workspace: str | Path) -> MixtureFacts:
    """The facts of the mixture whose order lies in `folder`; `totals` are its manifest's.

    Of every bucket some documents are decoded, always the same; lengths are read of all, or of a million in even
    steps. Seconds for hundreds of buckets, whatever the number of documents.

    Raises:
        BabelmixError: the order or the tokens are missing or damaged, or the tokenizer is not to be had.
    """
    order = Order(Path(folder))
    plan = Plan.from_dict(totals["plan"])
    tokenizer = load_tokenizer(totals["tokenizer"])
    planned = {(row.category, row.source, row.language): row for row in plan.buckets}
    given = _given(Path(folder))
    rows: Sequence[Mapping[str, Any]] = totals["buckets"]
    buckets = []
    for row, (read, tokens) in zip(rows, given, strict=True):
        shards = [IndexedDataset(f"{workspace}/{shard}") for shard in row["shards"]]
        lengths, (words, word_tokens, samples) = _lengths(shards), _texts(shards, row["language"], tokenizer)
        place = (row["category"], row["source"], row["language"])
        documents = sum(map(len, shards))
        buckets.append(
            BucketFacts(*place, documents, read, tokens, planned.get(place), lengths, words, word_tokens, samples)
        )
    return MixtureFacts(plan, order.seed, order.documents, order.tokens, tuple(buckets), _licences(buckets))


def _given(folder: Path) -> list[tuple[int, int]]:
    """Documents and tokens that the order has of each bucket."""
    described = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    return [(each["documents"], each["tokens"]) for each in described["buckets"]]


def _lengths(shards: Sequence[IndexedDataset]) -> npt.NDArray[np.int64]:
    documents = sum(map(len, shards))
    step = max(1, documents // _COUNTED)
    counts = np.zeros(BINS, dtype=np.int64)
    for shard in shards:
        found = np.asarray(shard.lengths[::step])
        places = np.minimum(np.log2(np.maximum(found, 1)) * QUARTERS, BINS - 1).astype(np.int64)
        counts += np.bincount(places, minlength=BINS)
    return counts * step


def _texts(
    shards: Sequence[IndexedDataset], language: str, tokenizer: Tokenizer
) -> tuple[int, int, tuple[SampleText, ...]]:
    """Words and tokens of some documents, spread evenly, and the text of the first of them."""
    known = languages().get(language)
    splitter = IcuWordTokenizer(known.segmentation) if known else None
    documents = sum(map(len, shards))
    words = tokens = 0
    samples: list[SampleText] = []
    for number in range(0, documents, max(1, documents // LOOKED_AT)):
        place = number
        for shard in shards:
            if place < len(shard):
                break
            place -= len(shard)
        ids = shard.document(place)
        body = ids[: min(_TOKENS, max(0, len(ids) - 1))]
        text = tokenizer.decode(body)
        if splitter is not None:
            words += sum(any(map(str.isalnum, word)) for word in splitter.word_tokenize(text))
            tokens += len(body)
        if len(samples) < _SAMPLES:
            samples.append(SampleText(number, len(ids), text))
    return words, tokens, tuple(samples)


def _licences(buckets: Sequence[BucketFacts]) -> tuple[Licence, ...]:
    tokens: dict[str, int] = {}
    for bucket in buckets:
        tokens[bucket.source] = tokens.get(bucket.source, 0) + bucket.tokens
    known = sources()
    found = []
    for name in sorted(tokens):
        if name in known:
            each = known[name]
            found.append(Licence(name, each.title, each.licence, each.card, each.gated, tokens[name]))
        else:
            said = "not in the catalog: its documents' metadata may name one"
            found.append(Licence(name, "", said, "", False, tokens[name]))
    return tuple(found)


def facts_of_folder(folder: str | Path, workspace: str | Path | None = None) -> MixtureFacts:
    """As `mixture_facts`, of a finished mixture; `workspace` is by default the one it was built in."""
    reader = MixtureReader(folder, 1, workspace=workspace)
    if "plan" not in reader.totals:
        raise BabelmixError(f"{folder}: its manifest holds no plan; build the mixture again")
    return mixture_facts(reader.totals, folder, reader.workspace)
