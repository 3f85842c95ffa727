"""Documents that hold a benchmark's question: a model that has read the answer cannot be tested on it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import xxhash
from datatrove.data import Document
from datatrove.io import DataFolderLike
from datatrove.utils.text import TextNormConfig, simplify_text

from filters.settings import Contamination, benchmark_files
from filters.verdict import Drop, Judge
from sources.errors import BabelmixError
from sources.language import Language

Hashes: TypeAlias = npt.NDArray[np.uint64]

# Case, punctuation and white space do not count. Numbers and marks do: they tell one question from another.
_NORM = TextNormConfig(norm_numbers=False, norm_unicode_diacritics=False)
# An odd multiplier for the rolling hash of an n-gram, 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4).
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One question of a benchmark."""

    benchmark: str
    id: str
    question: str


def benchmark_items(lists: tuple[str, ...]) -> Iterator[BenchmarkItem]:
    """The questions of the lists: JSON lines with `question`, and `id` and `benchmark` if they are there.

    Without them the benchmark is the file's name and the id the line's number, from 1.

    Raises:
        BabelmixError: a file is not there, or a line is no JSON object with a question.
    """
    for path in benchmark_files(lists):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _item(path, number, line)


def _item(path: Path, number: int, line: str) -> BenchmarkItem:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BabelmixError(f"{path}: line {number}: not JSON ({error}); write one object a line") from error
    question = row.get("question") if isinstance(row, dict) else None
    if not isinstance(question, str) or not question.strip():
        raise BabelmixError(f'{path}: line {number}: no question; write {{"question": "..."}}')
    return BenchmarkItem(str(row.get("benchmark", path.stem)), str(row.get("id", number)), question)


@dataclass(frozen=True, slots=True)
class Units:
    """What an n-gram is made of: words, or characters where `characters` is not 0, and how many of them."""

    words: int
    shortest: int
    characters: int

    @classmethod
    def of(cls, settings: Contamination, language: Language) -> "Units":
        """The units in which texts of `language` are compared."""
        characters = 0
        if language.segmentation.rule == "dictionary":
            characters = settings.characters.get(language.script, max(settings.characters.values()))
        return cls(settings.words, settings.shortest_words, characters)

    @property
    def longest(self) -> int:
        """The length of an n-gram."""
        return self.characters or self.words

    @property
    def least(self) -> int:
        """The length under which an item is not looked for: it would be found everywhere."""
        return self.characters * self.shortest // self.words or self.shortest

    def hashes(self, text: str) -> Hashes:
        """One hash for each word or character of a text, in order."""
        plain = simplify_text(text, _NORM)
        if self.characters:
            points = np.frombuffer(plain.replace(" ", "").encode("utf-32-le"), dtype="<u4").astype(np.uint64)
            return _mixed(points)
        words = plain.split()
        return np.fromiter((xxhash.xxh3_64_intdigest(word) for word in words), np.uint64, len(words))


@dataclass(frozen=True, slots=True)
class Index:
    """The n-grams of all items, by their length: sorted hashes, and the item of each."""

    grams: dict[int, tuple[Hashes, npt.NDArray[np.int64]]]
    items: tuple[BenchmarkItem, ...]
    too_short: int

    def find(self, hashes: Hashes) -> tuple[int, BenchmarkItem] | None:
        """How many n-grams of a text are an item's, and the item of the first of them."""
        matched, first = 0, None
        for length, (known, owners) in self.grams.items():
            grams = _ngrams(hashes, length)
            if not len(grams):
                continue
            places = np.minimum(np.searchsorted(known, grams), len(known) - 1)
            hits = np.flatnonzero(known[places] == grams)
            matched += len(hits)
            if len(hits) and (first is None or hits[0] < first[0]):
                first = (hits[0], self.items[owners[places[hits[0]]]])
        return (matched, first[1]) if first else None


@cache
def benchmark_index(lists: tuple[str, ...], digest: str, units: Units) -> Index:
    """The index of `lists`, read once a process; `digest` tells a list that has changed from the one before.

    Raises:
        BabelmixError: as `benchmark_items`.
    """
    items = tuple(benchmark_items(lists))
    found: dict[int, list[tuple[Hashes, int]]] = {}
    too_short = 0
    for number, item in enumerate(items):
        hashes = units.hashes(item.question)
        length = min(len(hashes), units.longest)
        if length < units.least:
            too_short += 1
            continue
        found.setdefault(length, []).append((_ngrams(hashes, length), number))
    grams = {}
    for length, parts in sorted(found.items()):
        known = np.concatenate([part for part, _ in parts])
        owners = np.concatenate([np.full(len(part), number) for part, number in parts])
        # Stable, so that an n-gram of two items is always the first item's.
        known, first = np.unique(known, return_index=True)
        grams[length] = (known, owners[first])
    return Index(grams, items, too_short)


class ContaminationFilter(Judge):
    """Drops documents that share an n-gram with a benchmark's question.

    `value` is how many n-grams are shared, `detail` the benchmark and the item of the first. A question is
    found in the units of the document's language: one in Thai is not found in a text taken for English.
    """

    name = "contamination"
    filter: ClassVar[str] = "contamination"

    def __init__(self, language: Language, dropped: DataFolderLike, settings: Contamination) -> None:
        super().__init__(dropped)
        self.settings = settings
        self.units = Units.of(settings, language)

    def judge(self, document: Document) -> Drop | None:
        """Why the document is dropped, or None if it stays."""
        index = benchmark_index(self.settings.lists, self.settings.digest, self.units)
        found = index.find(self.units.hashes(document.text))
        document.metadata["scores"]["contamination.ngrams"] = float(found[0] if found else 0)
        if found is None:
            return None
        matched, item = found
        return Drop("benchmark", value=float(matched), threshold=1.0, detail=f"{item.benchmark}: {item.id}")


def _mixed(values: Hashes) -> Hashes:
    """Spreads small numbers over 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        values = (values + _MULTIPLIER) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return values ^ (values >> np.uint64(31))


def _ngrams(hashes: Hashes, length: int) -> Hashes:
    """The hash of every run of `length` units."""
    count = len(hashes) - length + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    grams = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(length):
            grams = grams * _MULTIPLIER + hashes[offset : offset + count]
    return grams
