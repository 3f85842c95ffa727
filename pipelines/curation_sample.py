"""What a report shows of a place's documents: distributions, first labels, examples of what was dropped.

A sample of row groups, evenly spread over the files, is read, one at a time; which rows become examples is decided
by a hash of their ids. So memory and time are bounded, and the same documents give the same report.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import xxhash
from datatrove.io import get_datafolder

from filters.statistics import STATISTICS
from pipelines.curated_places import CuratedPlace
from pipelines.document_files import document_files
from pipelines.document_io import readable
from sources.schema import DROPPED

# Files of a place and row groups of a file that are looked at; a row group holds 10,000 documents at most.
_FILES: Final = 8
_GROUPS: Final = 8
# Documents that are kept as examples of each reason, and texts of kept documents whose lines are identified.
EXAMPLES: Final = 3
_KEPT_TEXTS: Final = 100
_MOST_CHARACTERS: Final = 20_000
BINS: Final = 48


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a statistic's histogram begins and ends; `log` bins are even in the logarithm of 1 + value."""

    low: float
    high: float
    log: bool = False

    def places(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Where values lie, from 0 at `low` to 1 at `high`; what is beyond lies at the end."""
        low, high, at = (np.log1p(x) if self.log else np.asarray(x) for x in (self.low, self.high, values))
        return np.asarray(np.clip((at - low) / (high - low), 0.0, 1.0), dtype=np.float64)


_COUNTS: Final = Scale(0, 1_000_000, log=True)
_SCALES: Final = {
    "quality.characters": _COUNTS,
    "quality.lines": Scale(0, 10_000, log=True),
    "quality.words": _COUNTS,
    "quality.non_symbol_words": _COUNTS,
    "quality.avg_word_length": Scale(0, 40),
    "quality.stop_words": Scale(0, 60),
    "quality.hash_ratio": Scale(0, 0.3),
    "quality.ellipsis_ratio": Scale(0, 0.3),
}
SHARE: Final = Scale(0, 1)


def scale(statistic: str) -> Scale:
    """The scale of a statistic's histogram."""
    return _SCALES.get(statistic, SHARE)


@dataclass(slots=True)
class Histogram:
    """How the values of a statistic are spread: BINS counts over its scale."""

    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))

    def add(self, statistic: str, values: npt.NDArray[np.float64]) -> None:
        """Counts values; those that were not computed (NaN) are left out."""
        places = scale(statistic).places(values[~np.isnan(values)])
        self.counts += np.bincount(np.minimum((places * BINS).astype(np.int64), BINS - 1), minlength=BINS)


@dataclass(frozen=True, slots=True)
class Example:
    """A document that was dropped."""

    filter: str
    reason: str
    id: str
    value: float | None
    threshold: float | None
    detail: str | None
    text: str


@dataclass(slots=True)
class Sampled:
    """What was found in the sampled row groups of one place."""

    documents: int = 0
    histograms: dict[str, Histogram] = field(default_factory=dict)
    # How often the identifier said each label first.
    first: Counter[str] = field(default_factory=Counter)
    # (filter, reason) to the examples with the smallest hashes.
    examples: list[Example] = field(default_factory=list)
    # Benchmarks to how many documents held their items, among the dropped rows of the sampled files.
    benchmarks: Counter[str] = field(default_factory=Counter)
    kept_texts: list[str] = field(default_factory=list)


def sampled(place: CuratedPlace) -> Sampled:
    """Reads a sample of a place's documents, measures and verdicts.

    Raises:
        BabelmixError: a file cannot be read.
    """
    found = Sampled()
    names = _spread(document_files(place.documents), _FILES)
    for name in names:
        _measures(place, name, found)
    wanted = _dropped(place, names, found)
    texts = dict(_texts(place, wanted))
    found.examples = [
        Example(**row, text=texts[row["id"]]) for rows in wanted.values() for row in rows if row["id"] in texts
    ]
    found.examples.sort(key=lambda each: (each.filter, each.reason, _rank(each.id)))
    found.kept_texts = _kept_texts(place)
    return found


def _measures(place: CuratedPlace, name: str, found: Sampled) -> None:
    columns = [*STATISTICS, "language.score", "language.first"]
    for table in _row_groups(place.measured, name, columns):
        found.documents += len(table)
        for statistic in (*STATISTICS, "language.score"):
            if statistic in table.column_names:
                values = table[statistic].cast("float64").to_numpy()
                found.histograms.setdefault(statistic, Histogram()).add(statistic, values)
        if "language.first" in table.column_names:
            for row in table["language.first"].value_counts().to_pylist():
                if row["values"] is not None:
                    found.first[row["values"]] += row["counts"]


def _dropped(place: CuratedPlace, names: list[str], found: Sampled) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The rows with the smallest hashes of each filter and reason, from the dropped rows of the sampled files."""
    smallest: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    # A file of which nothing was dropped has none of dropped rows.
    for name in sorted({*names} & {*document_files(place.dropped)}):
        for table in _row_groups(place.dropped, name, DROPPED.names):
            for row in table.to_pylist():
                if row["filter"] == "contamination":
                    found.benchmarks[(row["detail"] or "").partition(": ")[0]] += 1
                if row["filter"] == "removal":
                    continue  # whose text must go is not shown on a page
                kept = smallest.setdefault((row["filter"], row["reason"]), [])
                rank = _rank(row["id"])
                if len(kept) < EXAMPLES or rank < kept[-1][0]:
                    kept.append((rank, row))
                    kept.sort(key=lambda item: item[0])
                    del kept[EXAMPLES:]
    return {key: [row for _, row in rows] for key, rows in smallest.items()}


def _texts(place: CuratedPlace, wanted: dict[tuple[str, str], list[dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    ids = {row["id"] for rows in wanted.values() for row in rows}
    if not ids:
        return
    folder = get_datafolder(place.documents)
    for name in _spread(document_files(folder), _FILES):
        with readable(folder, name), folder.open(name, "rb") as file:
            parquet = pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
            for group in range(parquet.num_row_groups):
                here = parquet.read_row_group(group, ["id"])["id"].to_pylist()
                rows = [row for row, each in enumerate(here) if each in ids]
                if rows:
                    texts = parquet.read_row_group(group, ["text"])["text"]
                    yield from ((here[row], texts[row].as_py()[:_MOST_CHARACTERS]) for row in rows)


def _kept_texts(place: CuratedPlace) -> list[str]:
    """The kept documents with the smallest hashes, from one row group of each of some files."""
    smallest: list[tuple[int, str]] = []
    for name in _spread(document_files(place.curated), _FILES):
        for table in _row_groups(place.curated, name, ["id", "text"], most=1):
            ranks = [_rank(each) for each in table["id"].to_pylist()]
            best = np.argsort(np.array(ranks, dtype=np.uint64), kind="stable")[:_KEPT_TEXTS]
            smallest += [(ranks[row], table["text"][int(row)].as_py()[:_MOST_CHARACTERS]) for row in best]
            smallest = sorted(smallest)[:_KEPT_TEXTS]
    return [text for _, text in smallest]


def _row_groups(folder: str, name: str, columns: list[str], most: int = _GROUPS) -> Iterator[Any]:
    place = get_datafolder(folder)
    with readable(place, name), place.open(name, "rb") as file:
        parquet = pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
        present = [column for column in columns if column in parquet.schema_arrow.names]
        for group in _spread(list(range(parquet.num_row_groups)), most):
            yield parquet.read_row_group(group, present)


def _spread(items: list[Any], most: int) -> list[Any]:
    """At most so many of the items, evenly spread."""
    step = max(len(items) / most, 1.0)
    return [items[int(at * step)] for at in range(min(len(items), most))]


def _rank(document: str) -> int:
    return xxhash.xxh64_intdigest(document)
