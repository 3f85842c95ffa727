"""Curates the documents of one source and language, in FineWeb-2's order, by what was measured of them.

Language identification comes first, so that duplicates are looked for among texts of one language; then
duplicates, repetition, quality, contamination, and redaction of personal data, which changes texts and so comes
last. Each document that is dropped has its row; rows and kept documents are counted in the files that were
written, and held against what came in.
"""

import contextlib
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datatrove.data import Document, DocumentsPipeline
from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from filters import bands
from filters.benchmark_items import BUNDLED
from filters.boilerplate import repeated_lines
from filters.contamination import Units, benchmark_index
from filters.language import unknown
from filters.privacy import redacted
from filters.quality_model import ScoreQuantiles
from filters.settings import CurationSettings
from filters.statistics import STATISTICS
from filters.verdict import Drop
from filters.verdicts import Decision, Verdicts
from pipelines.boilerplate import CountingLines
from pipelines.curated_shards import StandingShards, said_of
from pipelines.document_files import document_files
from pipelines.document_io import row_batches_of, row_counts
from pipelines.duplicates import Copies, find_copies
from pipelines.executor import run_pipeline
from pipelines.measure import Measuring
from pipelines.measured_files import Group, TableWriter, groups, measured_column
from pipelines.standing_files import STANDING, Stand, Standing
from sources.errors import BabelmixError
from sources.language import Language
from sources.schema import DOCUMENT, DROPPED

# What else was measured and stays with a document that is kept.
_SCORES: Final = (
    "language.score",
    "quality.model",
    "boilerplate.lines",
    "boilerplate.characters",
    "contamination.characters",
)
# Personal data that are replaced, by kind.
_REDACTED: Final = ("emails", "ips")
# The filters in the order in which they are met here.
ORDER: Final = ("removal", "language", "duplicates", "repetition", "quality", "contamination", "privacy")


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of the documents of one source and language: `documents` were kept or dropped.

    `dropped` has a row {filter, reason, documents} for each reason, in the order of the filters. `redacted`
    counts the personal data that were replaced in what was kept, by kind. `notes` are for a person to read.
    `shards` has the numbers of each file, by its name, and a hash of what was `said` of its documents.
    """

    documents: int
    kept: int
    dropped: tuple[dict[str, Any], ...]
    redacted: dict[str, int]
    notes: tuple[str, ...]
    shards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def by_filter(self) -> dict[str, int]:
        """Documents dropped by each filter, in the filters' order."""
        counts: Counter[str] = Counter()
        for row in self.dropped:
            counts[row["filter"]] += row["documents"]
        return {name: counts[name] for name in ORDER}

    def as_dict(self) -> dict[str, Any]:
        """The funnel as JSON, without the files."""
        found = {**asdict(self), "dropped": list(self.dropped), "notes": list(self.notes)}
        del found["shards"]
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one source and language, paths or URLs; `scratch` is emptied before and after."""

    documents: str
    measured: str
    curated: str
    dropped: str
    standing: str
    scratch: str
    # Ids of documents that people want removed, with what is said about each.
    removed: Mapping[str, str] = field(default_factory=dict)


def measure_documents(
    place: Place, language: Language, settings: CurationSettings, workers: int = 1
) -> dict[str, int]:
    """Measures the document files of a place into its `measured`. Returns how many `documents` there are.

    With more than one worker the files are worked on side by side. The bytes written depend neither on workers nor
    on folders.

    Raises:
        BabelmixError: there are no documents, or a file cannot be read.
    """
    documents = sum(row_counts(place.documents))
    if not documents:
        raise BabelmixError(f"{place.documents}: no documents of {language.code}; collect some, or leave it out")
    files = len(document_files(place.documents))
    with _clean(place.scratch):
        repeated = _repeated_lines(place, settings, files, workers)
        step = Measuring(place.documents, place.measured, language, settings, repeated)
        _run([step], files, workers, place.scratch)
    return {"documents": documents}


def _model_threshold(place: Place, language: Language, settings: CurationSettings) -> float | None:
    """The score that a quality model asks for: a declared one, or that which keeps the declared share."""
    model = settings.quality_models.get(language.code)
    if model is None:
        return None
    if model.kept_share is None:
        return model.threshold
    quantiles = ScoreQuantiles()
    for name in document_files(place.measured):
        for table in measured_column(place.measured, name, "quality.model"):
            quantiles.add(table.drop_null().to_numpy())
    return quantiles.threshold(model.kept_share)


def _repeated_lines(
    place: Place, settings: CurationSettings, files: int, workers: int
) -> npt.NDArray[np.uint64] | None:
    """The lines that repeat over the documents of a host, None where they are not to be cut."""
    if settings.boilerplate is None:
        return None
    with tempfile.TemporaryDirectory() as counts:
        _run([CountingLines(place.documents, Path(counts))], files, workers, place.scratch)
        return repeated_lines(Path(counts), settings.boilerplate)


def curate(
    place: Place,
    language: Language,
    source: str,
    settings: CurationSettings,
    workers: int = 1,
    earlier: Mapping[str, Stand] | None = None,
    stands: StandingShards | None = None,
) -> Funnel:
    """Writes the documents that stay to `curated` and a row of each other to `dropped`, from what was measured.

    `earlier` is what the sources before this one left, by name: what is kept there, or nearly the same, is dropped
    here. What is kept here stands in `standing` for those that come after. Of an earlier run that `stands`, the
    files that would be the same are taken over.

    Raises:
        BabelmixError: a file cannot be read, or what was removed is outside its band.
    """
    funnel = curate_unchecked(place, language, settings, workers, earlier, stands)
    dropped = funnel.by_filter()
    # What people asked for is no fault of a filter.
    left = funnel.documents - dropped.pop("removal")
    if not left:
        raise BabelmixError(
            f"{source}/{language.code}: the removal list names all of its {funnel.documents:,} documents; leave it"
            " out of the recipe, or take the lines that name them out of the list"
        )
    bands.hold(settings.removal, source, language.code, left, dropped, place.dropped)
    return funnel


def curate_unchecked(
    place: Place,
    language: Language,
    settings: CurationSettings,
    workers: int = 1,
    earlier: Mapping[str, Stand] | None = None,
    stands: StandingShards | None = None,
) -> Funnel:
    """As `curate`, but whatever is removed is left to the caller to judge."""
    counts = row_counts(place.documents)
    decision = Decision(language, settings, _model_threshold(place, language, settings), place.removed)
    shards: dict[str, Mapping[str, Any]] = {}
    with _clean(place.scratch):
        standing = Standing.read(earlier or {})
        copies = find_copies(place.documents, place.measured, decision, standing)
        names, starts = document_files(place.documents), np.cumsum([0, *counts]).tolist()
        folders = (place.dropped, place.standing, place.curated)
        said = {}
        for name, start, count in zip(names, starts[:-1], counts, strict=True):
            of = (place.documents, place.measured, name, start, count)
            said[name] = said_of(*of, decision, copies, standing, place.removed)
            if stands and (taken := stands.take(name, said[name], folders)):
                shards[name] = taken
        anew = {name: start for name, start in zip(names, starts, strict=False) if name not in shards}
        _run([Deciding(place, decision, copies, standing, anew)], len(anew), workers, place.scratch)
        shards |= {name: {**_counted(place.curated, place.dropped, name), "said": said[name]} for name in anew}
    return _funnel(sum(counts), {name: shards[name] for name in names}, place, _notes(language, settings))


class Deciding(PipelineStep):
    """Parts files of `place.documents` into what stays and what does not; rank r does every n-th of them.

    `starts` has the number of the first document of each of the files.
    """

    type = "🔻 - FILTER"
    name = "🔻 Decide"

    def __init__(
        self, place: Place, decision: Decision, copies: Copies, standing: Standing, starts: Mapping[str, int]
    ) -> None:
        super().__init__()
        self.place, self.decision, self.copies, self.standing = place, decision, copies, standing
        self.starts = dict(starts)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields nothing."""
        for name, start in list(self.starts.items())[rank::world_size]:
            self._file(name, start)
        yield from ()

    def _file(self, name: str, start: int) -> None:
        place = self.place
        with (
            TableWriter(place.curated, name, DOCUMENT) as kept,
            TableWriter(place.dropped, name, DROPPED) as dropped,
            TableWriter(place.standing, name, STANDING) as stands,
        ):
            for group in groups(place.documents, place.measured, name):
                with self.track_time():
                    verdicts = self.decision.verdicts(group.measured, group.documents["category"])
                    copies = self.copies.slice(start, start + len(group.measured))
                    exact = group.measured["duplicates.exact"]
                    compared = self.decision.meeting("exact", group.documents["category"])
                    elsewhere = compared & self.standing.holds(exact.to_numpy())
                    stays = verdicts.passes & (copies.kept < 0) & (copies.standing < 0) & ~elsewhere
                    if not stays.all():
                        rows = np.flatnonzero(~stays)
                        dropped.write(self._dropped(group, verdicts, copies, elsewhere, rows))
                    if stays.any():
                        kept.write(self._curated(group, copies, stays))
                        mask = pa.array(stays)
                        ids = group.measured["id"].filter(mask)
                        near = pa.array(self.decision.meeting("near", group.documents["category"]))
                        bands = pc.if_else(near, group.measured["duplicates.bands"], None).filter(mask)
                        stands.write(pa.table([exact.filter(mask), ids, bands], schema=STANDING))
                self.stat_update("forwarded", value=int(stays.sum()))
                start += len(group.measured)

    def _dropped(
        self,
        group: Group,
        verdicts: Verdicts,
        copies: Copies,
        elsewhere: npt.NDArray[np.bool_],
        rows: npt.NDArray[np.int64],
    ) -> pa.Table:
        held: dict[str, list[Any]] = {name: [] for name in DROPPED.names}
        for row in map(int, rows):
            found = self.decision.drop(group.measured, row, verdicts, ("removal", "language"))
            if found is None and elsewhere[row]:
                held_there = self.standing.name(group.measured["duplicates.exact"][row].as_py())
                found = "duplicates", Drop("other_source", 1.0, 0.0, held_there)
            if found is None and copies.kept[row] >= 0:
                found = "duplicates", copies.drop(row)
            if found is None and copies.standing[row] >= 0:
                held_there = self.standing.name_of(int(copies.standing[row]))
                overlap = self.decision.settings.minhash.overlap
                drop = Drop("near_other_source", float(copies.similarity[row]), overlap, held_there)
                found = "duplicates", drop
            if found is None:
                others = ("repetition", "quality", "contamination")
                found = self.decision.drop(group.measured, row, verdicts, others)
            assert found is not None
            name, drop = found
            values = (
                group.measured["id"][row].as_py(),
                name,
                drop.reason,
                drop.value,
                drop.threshold,
                drop.detail,
            )
            for column, value in zip(held.values(), values, strict=True):
                column.append(value)
        return pa.table(held, DROPPED)

    def _curated(self, group: Group, copies: Copies, stays: npt.NDArray[np.bool_]) -> pa.Table:
        mask = pa.array(stays)
        documents, measured, texts = (
            each.filter(mask) for each in (group.documents, group.measured, group.texts())
        )
        emails, ips = (np.zeros(len(texts)) for _ in range(2))
        private = np.flatnonzero(self.decision.meeting("privacy", documents["category"]))
        redacted_texts = texts.to_pylist()
        for row, text, *counts in zip(private, *redacted(texts.take(pa.array(private))), strict=True):
            redacted_texts[row] = text
            emails[row], ips[row] = counts
        columns = {
            **{name: measured[name] for name in (*STATISTICS, *_SCORES)},
            "repair.changed": pc.is_valid(measured["text"]).cast(pa.float64()),
            "duplicates.cluster_size": pa.array(copies.size[stays].astype(np.float64)),
            "privacy.emails": pa.array(emails),
            "privacy.ips": pa.array(ips),
        }
        fields = {"text": pa.array(redacted_texts, pa.string()), "scores": _maps(columns)}
        return pa.table([fields.get(name, documents.column(name)) for name in DOCUMENT.names], schema=DOCUMENT)


def _maps(columns: dict[str, Any]) -> pa.Array:
    """A map of each row's values by their names, in the order of the names; nulls are left out."""
    names = sorted(columns)
    values = np.column_stack([np.asarray(columns[name]) for name in names])
    held = np.column_stack([np.asarray(pc.is_valid(columns[name])) for name in names])
    offsets = np.concatenate([[0], np.cumsum(held.sum(axis=1))])
    keys = pa.array(names).take(pa.array(np.nonzero(held)[1]))
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, pa.array(values[held]))


def _run(steps: Sequence[PipelineStep], tasks: int, workers: int, scratch: str) -> None:
    """Runs the steps as `tasks` tasks: one for each file, so that a rank is a file.

    One worker is this process: datatrove's executor starts a process of its own for that too and writes
    logs and statistics of every task, which takes longer than curating a small language does.
    """
    with _quiet():
        if workers > 1 and tasks > 1:
            run_pipeline(steps, f"{scratch.rstrip('/')}/logs", tasks=tasks, workers=workers)
            return
        for rank in range(tasks):
            data: DocumentsPipeline = None
            for step in steps:
                data = step(data, rank, tasks)
            if data is not None:
                deque(data, maxlen=0)


def _counted(curated: str, dropped: str, name: str) -> dict[str, Any]:
    """What became of the documents of one file, counted in the files that were written."""
    kept = 0
    replaced: Counter[str] = Counter()
    if get_datafolder(curated).isfile(name):
        for batch in row_batches_of(curated, name, ["scores"]):
            kept += batch.num_rows
            scores = batch["scores"]
            for kind in _REDACTED:
                of_kind = pc.equal(scores.keys, f"privacy.{kind}")
                replaced[kind] += int(pc.sum(scores.items.filter(of_kind)).as_py() or 0)
    reasons: Counter[tuple[str, str]] = Counter()
    if get_datafolder(dropped).isfile(name):
        for batch in row_batches_of(dropped, name, ["filter", "reason"], DROPPED):
            reasons.update(zip(batch["filter"].to_pylist(), batch["reason"].to_pylist(), strict=True))
    return {"kept": kept, "dropped": _reasons(reasons), "redacted": dict(sorted((+replaced).items()))}


def _funnel(
    documents: int, shards: Mapping[str, Mapping[str, Any]], place: Place, notes: tuple[str, ...]
) -> Funnel:
    kept = sum(each["kept"] for each in shards.values())
    reasons: Counter[tuple[str, str]] = Counter()
    replaced: Counter[str] = Counter()
    for each in shards.values():
        replaced.update(each["redacted"])
        for row in each["dropped"]:
            reasons[row["filter"], row["reason"]] += row["documents"]
    # What stands there in all, not only in the files that are known here.
    held, gone = (sum(row_counts(folder)) for folder in (place.curated, place.dropped))
    if held + gone != documents or (kept, reasons.total()) != (held, gone):
        raise BabelmixError(
            f"{place.curated}: {documents} documents came in, but {held} were kept and {gone} dropped; "
            "files of another run stand there: delete them and run again"
        )
    return Funnel(documents, kept, tuple(_reasons(reasons)), dict(sorted(replaced.items())), notes, shards)


def _reasons(counts: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """Rows of filter, reason and documents, in the order of the filters."""
    ordered = sorted(counts.items(), key=lambda found: (ORDER.index(found[0][0]), found[0][1]))
    return [{"filter": name, "reason": reason, "documents": count} for (name, reason), count in ordered]


def _notes(language: Language, settings: CurationSettings) -> tuple[str, ...]:
    notes = []
    if note := unknown(language, settings.identifier):
        notes.append(note)
    listed = settings.contamination
    if listed.lists == (BUNDLED,):
        notes.append("contamination: only the bundled sample questions were looked for")
    index = benchmark_index(listed.lists, listed.digest, Units.of(listed, language))
    if index.too_short:
        notes.append(f"contamination: questions that are too short to be looked for: {index.too_short}")
    return tuple(notes)


@contextlib.contextmanager
def _clean(scratch: str) -> Iterator[None]:
    """Nothing of an earlier run in `scratch` before, nothing of this one after."""
    place = get_datafolder(scratch)

    def clear() -> None:
        if place.fs.exists(place.path):
            place.fs.rm(place.path, recursive=True)

    clear()
    yield
    clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """datatrove tells of every file it opens."""
    logger.disable("datatrove")
    try:
        yield
    finally:
        logger.enable("datatrove")
