"""Documents that hold a benchmark's question: a model that has read the answer cannot be tested on it.

Questions and documents are compared by units: words, or characters where words are not spaced, in lower case and
without marks. An index holds every run of a few units of every question; a document is held against it in one
compiled pass, and what is found is judged question by question.
"""

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from datatrove.data import Document
from datatrove.io import DataFolderLike

from filters.benchmark_items import Benchmark, BenchmarkItem, benchmark_files, items
from filters.compiled_contamination import bits_of, hits, n_grams
from filters.judge import Judge
from filters.settings import Contamination
from filters.statistics import Measured, measure
from filters.verdict import Drop
from sources.language import Language

Hashes: TypeAlias = npt.NDArray[np.uint64]

# Raised by hand when other n-grams come out of the same file.
_VERSION: Final = 1
# Smaller files, in bytes, are measured again by every process.
_CACHED: Final = 8 << 20
# Questions that are measured at once.
_BATCH: Final = 5000
# Characters of what was matched that a row shows.
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Units:
    """What an n-gram is made of: words, or characters where words are not spaced, and how many of them."""

    by_character: bool
    # So many in a row are contamination.
    longest: int
    # An item of fewer is not looked for: it would be found everywhere.
    shortest: int

    @classmethod
    def of(cls, settings: Contamination, language: Language) -> "Units":
        """The units in which texts of `language` are compared."""
        if language.segmentation.rule == "spaces":
            return cls(False, settings.words, settings.shortest_words)
        characters = settings.characters.get(language.script, max(settings.characters.values()))
        return cls(True, characters, characters * settings.shortest_words // settings.words)


@dataclass(frozen=True, slots=True)
class Match:
    """What a document shares with one benchmark's item, and where in the document, in characters."""

    item: BenchmarkItem
    # Units in a row, and the share of the item's n-grams.
    run: int
    share: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Index:
    """The n-grams of all items: sorted hashes, each once, and the items that hold them."""

    units: Units
    # Without their questions: what is needed of these are the n-grams.
    items: tuple[BenchmarkItem, ...]
    # Units of each item.
    sizes: npt.NDArray[np.int32]
    known: Hashes
    # (known + 1,): where an n-gram's items are in `owners`.
    starts: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int32]
    bitmap: npt.NDArray[np.uint64]
    bits: int
    too_short: int

    def matches(self, found: Measured, settings: Contamination) -> dict[int, list[Match]]:
        """The items that each document holds, by its place in the batch; the longest run first.

        An item is held where `units.longest` of its units stand in a row (all of a shorter one), or where an
        edited copy of it does: `settings.least` of its n-grams and the share `settings.share` of them.
        """
        length = self.units.shortest
        grams, counts = n_grams(found.units.values, found.units.offsets, length)
        places, known = hits(grams, self.bitmap, self.bits, self.known)
        if not len(places):
            return {}
        documents = np.searchsorted(counts, places, side="right") - 1
        result: dict[int, list[Match]] = {}
        for document in np.unique(documents):
            of = documents == document
            at = places[of] - counts[document]
            held = self._held(at, known[of], found, int(document), settings)
            if held:
                result[int(document)] = held
        return result

    def _held(
        self, places: npt.NDArray[np.int64], known: npt.NDArray[np.int64], found: Measured, document: int,
        settings: Contamination,
    ) -> list[Match]:  # fmt: skip
        by_item: dict[int, list[tuple[int, int]]] = {}
        for place, gram in zip(places.tolist(), known.tolist(), strict=True):
            owners = self.owners[self.starts[gram] : self.starts[gram + 1]]
            # What many items begin with is a form of question, not a question.
            if len(owners) <= settings.most_items:
                for owner in owners.tolist():
                    by_item.setdefault(owner, []).append((place, gram))
        length = self.units.shortest
        first = int(found.units.offsets[document])
        held = []
        for owner, met in by_item.items():
            size = int(self.sizes[owner])
            share = len({gram for _, gram in met}) / (size - length + 1)
            start, grams = _longest_run([place for place, _ in met])
            run = grams + length - 1
            enough = run >= min(self.units.longest, size)
            edited = len(met) >= settings.least and share >= settings.share
            if not enough and edited:
                start, run = met[0][0], met[-1][0] + length - met[0][0]
            if enough or edited:
                begin, end = found.unit_starts[first + start], found.unit_ends[first + start + run - 1]
                held.append(Match(self.items[owner], run if enough else 0, share, int(begin), int(end)))
        return sorted(held, key=lambda match: (-match.run, -match.share, match.start, match.item.id))


@cache
def benchmark_index(lists: tuple[str, ...], digest: str, units: Units) -> Index:
    """The index of `lists`, made once a process; `digest` tells a list that has changed from the one before.

    It takes 18 bytes for each different n-gram and 4 for each item that holds it, and about twice that while it is
    made. What was computed of a large file is kept in the user's cache, so that another
    list is added without measuring the rest again.

    Raises:
        BabelmixError: as `filters.benchmark_items.benchmark_items`.
    """
    names: list[BenchmarkItem] = []
    parts: list[_Grams] = []
    for benchmark, path in benchmark_files(lists):
        first = len(names)
        parts.append(_grams(benchmark, path, units, names).moved(first))
    every = np.concatenate([np.zeros(0, np.uint64), *(part.grams for part in parts)])
    owners = np.concatenate([np.zeros(0, np.int32), *(part.owners for part in parts)])
    sizes = np.concatenate([np.zeros(0, np.int32), *(part.sizes for part in parts)])
    parts.clear()
    # By n-gram and then by item, each pair once.
    order = np.argsort(every, kind="stable")
    every, owners = every[order], owners[order]
    del order
    again = np.zeros(len(every), dtype=np.bool_)
    again[1:] = (every[1:] == every[:-1]) & (owners[1:] == owners[:-1])
    every, owners = every[~again], owners[~again]
    new = np.ones(len(every), dtype=np.bool_)
    new[1:] = every[1:] != every[:-1]
    known = every[new]
    starts = np.append(np.flatnonzero(new), len(every))
    # Sixteen bits an n-gram: one in sixteen of other n-grams is looked for in vain.
    bits = max(len(known) * 16, 64).bit_length() - 1
    too_short = int((sizes < units.shortest).sum())
    return Index(units, tuple(names), sizes, known, starts, owners, bits_of(known, bits), bits, too_short)


@dataclass(frozen=True, slots=True)
class _Grams:
    """The n-grams of some items, the item of each, and the units of each item."""

    grams: Hashes
    owners: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]

    def moved(self, by: int) -> "_Grams":
        return _Grams(self.grams, self.owners + np.int32(by), self.sizes)


def _grams(benchmark: Benchmark, path: Path, units: Units, names: list[BenchmarkItem]) -> _Grams:
    """The n-grams of a file's items, which are added to `names` without their text."""
    if path.stat().st_size < _CACHED:
        return _measured_grams(benchmark, path, units, names)
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    key = hashlib.sha256(f"{_VERSION} {content} {benchmark.model_dump_json()} {units}".encode()).hexdigest()
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "babelmix" / f"{key}.npz"
    if kept.is_file():
        names.extend(replace(item, question="") for item in items(benchmark, path))
        with np.load(kept, allow_pickle=False) as held:
            return _Grams(held["grams"], held["owners"], held["sizes"])
    found = _measured_grams(benchmark, path, units, names)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".npz", delete=False) as written:
        np.savez(written, grams=found.grams, owners=found.owners, sizes=found.sizes)
    Path(written.name).replace(kept)
    return found


def _measured_grams(benchmark: Benchmark, path: Path, units: Units, names: list[BenchmarkItem]) -> _Grams:
    grams, owners, sizes = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    every, first = items(benchmark, path), 0
    while batch := list(islice(every, _BATCH)):
        texts = pa.array([item.question for item in batch], pa.large_string())
        measured = measure(texts, _speaker(units.by_character)).units
        hashes, counts = n_grams(measured.values, measured.offsets, units.shortest)
        grams.append(hashes)
        owners.append(np.repeat(np.arange(first, first + len(batch), dtype=np.int32), np.diff(counts)))
        sizes.append(np.diff(measured.offsets).astype(np.int32))
        names.extend(replace(item, question="") for item in batch)
        first += len(batch)
    return _Grams(np.concatenate(grams), np.concatenate(owners), np.concatenate(sizes))


@cache
def _speaker(by_character: bool) -> Language:
    """Any language whose units are of the kind: units are the same in all of them."""
    from sources.language import languages

    rule = "dictionary" if by_character else "spaces"
    return next(each for each in languages().values() if each.segmentation.rule == rule)


def drop(match: Match, text: str, settings: Contamination, language: Language) -> Drop:
    """Why a document is dropped that holds an item."""
    shown = " ".join(text[match.start : match.end].split())[:_SHOWN]
    detail = f"{match.item.benchmark}: {match.item.id}: {shown}"
    if match.run:
        return Drop(
            "benchmark", float(match.run), float(min(Units.of(settings, language).longest, match.run)), detail
        )
    return Drop("edited_benchmark", round(match.share, 4), settings.share, detail)


def without(text: str, matches: Sequence[Match]) -> str:
    """The text without the lines that hold any of what was matched."""
    kept, at = [], 0
    for line in text.splitlines(keepends=True):
        end = at + len(line)
        if not any(match.start < end and at < match.end for match in matches):
            kept.append(line)
        at = end
    return "".join(kept)


class ContaminationFilter(Judge):
    """Drops documents that hold a benchmark's question.

    `value` is how many units in a row are shared, or for an edited question the share of its n-grams; `detail` has
    the benchmark, the item and the text that was matched.
    """

    name = "contamination"
    filter: ClassVar[str] = "contamination"

    def __init__(self, language: Language, dropped: DataFolderLike, settings: Contamination) -> None:
        super().__init__(dropped)
        self.language, self.settings = language, settings
        self.units = Units.of(settings, language)

    def judge(self, document: Document) -> Drop | None:
        """Why the document is dropped, or None if it stays."""
        index = benchmark_index(self.settings.lists, self.settings.digest, self.units)
        found = measure(pa.array([document.text], pa.large_string()), self.language)
        held = index.matches(found, self.settings).get(0)
        return drop(held[0], document.text, self.settings, self.language) if held else None


def _longest_run(places: list[int]) -> tuple[int, int]:
    """Where the longest run of places begins that follow one another, and how many they are; first of equals."""
    best, most = places[0], 0
    start = before = places[0]
    for place in [*places[1:], -1]:
        if place == before or place == before + 1:
            before = place
            continue
        if before - start + 1 > most:
            best, most = start, before - start + 1
        start = before = place
    return best, most
