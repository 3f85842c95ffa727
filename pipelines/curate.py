"""Curates the documents of one source and language, in FineWeb-2's order.

Repair and language identification come first, so that duplicates are looked for among texts of one language
and in one spelling; then duplicates, repetition, quality, contamination, and redaction of personal data,
which changes texts and so comes last. Each document that is dropped has its row; rows and kept documents are
counted in the files that were written, and held against what came in.
"""

import contextlib
import io
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from datatrove.data import DocumentsPipeline
from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.logging import logger

from filters import bands, duplicates
from filters.contamination import ContaminationFilter, Units, benchmark_index
from filters.language import LanguageIdentification, unknown
from filters.privacy import Privacy
from filters.quality import Quality
from filters.repair import Repair
from filters.repetition import Repetition
from filters.settings import BUNDLED, Check, CurationSettings
from filters.word_tokenizer import IcuWordTokenizer
from pipelines.document_files import document_files
from pipelines.document_io import DocumentReader, DocumentWriter, row_batches, row_counts
from pipelines.executor import run_pipeline
from pipelines.selective import ChangeOnly, JudgeOnly
from sources.errors import BabelmixError
from sources.language import Language
from sources.schema import DROPPED

# The filters in the order in which they are met here.
ORDER: Final = ("language", "duplicates", "repetition", "quality", "contamination", "privacy")


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of the documents of one source and language: `documents` were kept or dropped.

    `dropped` has a row {filter, reason, documents} for each reason, in the order of the filters. `redacted`
    counts the personal data that were replaced in what was kept, by kind. `notes` are for a person to read.
    """

    documents: int
    kept: int
    dropped: tuple[dict[str, Any], ...]
    redacted: dict[str, int]
    notes: tuple[str, ...]

    def by_filter(self) -> dict[str, int]:
        """Documents dropped by each filter, in the filters' order."""
        counts: Counter[str] = Counter()
        for row in self.dropped:
            counts[row["filter"]] += row["documents"]
        return {name: counts[name] for name in ORDER}

    def as_dict(self) -> dict[str, Any]:
        """The funnel as JSON."""
        return {**asdict(self), "dropped": list(self.dropped), "notes": list(self.notes)}


def curate(
    input: str,  # noqa: A002
    language: Language,
    source: str,
    *,
    curated: str,
    dropped: str,
    scratch: str,
    settings: CurationSettings,
    workers: int = 1,
) -> Funnel:
    """Curates the document files of `input` into `curated`; what is not there has its row in `dropped`.

    Folders are paths or URLs; `scratch` is emptied before and after. With more than one worker the files of
    `input` are worked on side by side. The bytes written depend neither on workers nor on folders.

    Raises:
        BabelmixError: there are no documents, a file cannot be read, or what was removed is outside its band.
    """
    funnel = curate_unchecked(
        input,
        language,
        source,
        curated=curated,
        dropped=dropped,
        scratch=scratch,
        settings=settings,
        workers=workers,
    )
    bands.hold(settings.removal, source, language.code, funnel.documents, funnel.by_filter(), dropped)
    return funnel


def curate_unchecked(
    input: str,  # noqa: A002
    language: Language,
    source: str,
    *,
    curated: str,
    dropped: str,
    scratch: str,
    settings: CurationSettings,
    workers: int = 1,
) -> Funnel:
    """As `curate`, but whatever is removed is left to the caller to judge."""
    documents = sum(row_counts(input))
    if not documents:
        raise BabelmixError(f"{input}: no documents of {language.code}; collect some, or leave it out")
    run = _Run(language, settings, scratch, workers)
    with _clean(scratch), _quiet():
        identified = run.at("identified")
        steps = [DocumentReader(input), *_identify(run, dropped), DocumentWriter(identified)]
        run.pipeline("identify", steps, len(document_files(input)))
        counts = row_counts(identified)
        verdicts = _find_duplicates(run, identified, counts)
        steps = [DocumentReader(identified), *_filters(run, dropped, verdicts), DocumentWriter(curated)]
        run.pipeline("filter", steps, len(counts))
    return _funnel(documents, curated, dropped, _notes(language, settings))


@dataclass(frozen=True, slots=True)
class _Run:
    language: Language
    settings: CurationSettings
    scratch: str
    workers: int

    def at(self, folder: str) -> str:
        return f"{self.scratch.rstrip('/')}/{folder}"

    def pipeline(self, name: str, steps: Sequence[PipelineStep], tasks: int) -> None:
        """Runs the steps as `tasks` tasks: one for each file that they read, so that a rank is a file.

        One worker is this process: datatrove's executor starts a process of its own for that too and writes
        logs and statistics of every task, which takes longer than curating a small language does.
        """
        if self.workers > 1 and tasks > 1:
            run_pipeline(steps, self.at(f"logs/{name}"), tasks=tasks, workers=self.workers)
            return
        for rank in range(tasks):
            data: DocumentsPipeline = None
            for step in steps:
                data = step(data, rank, tasks)
            if data is not None:
                deque(data, maxlen=0)

    def meeting(self, check: Check) -> tuple[str, ...]:
        """The categories of this source whose documents meet `check`."""
        settings = self.settings
        return tuple(name for name in settings.checks if check in settings.checks_for(name))


def _identify(run: _Run, dropped: str) -> list[PipelineStep]:
    identification = LanguageIdentification(run.language, dropped, run.settings.identifier)
    return [ChangeOnly(Repair(), run.meeting("repair")), JudgeOnly(identification, run.meeting("language"))]


def _filters(run: _Run, dropped: str, verdicts: str) -> list[PipelineStep]:
    language = run.language
    contamination = ContaminationFilter(language, dropped, run.settings.contamination)
    return [
        duplicates.Duplicates(verdicts, dropped),
        JudgeOnly(Repetition(language, dropped), run.meeting("repetition")),
        JudgeOnly(Quality(language, dropped), run.meeting("quality")),
        JudgeOnly(contamination, run.meeting("contamination")),
        ChangeOnly(Privacy(), run.meeting("privacy")),
    ]


def _find_duplicates(run: _Run, documents: str, counts: list[int]) -> str:
    """The folder of the verdicts on the documents in `documents`; empty where there are not two of them.

    `counts` are the documents of each file.
    """
    verdicts = run.at("verdicts")
    if sum(counts) < 2:
        return verdicts
    minhash = run.settings.minhash
    config = duplicates.minhash_config(minhash, run.language)
    near = run.meeting("near")
    words = IcuWordTokenizer(run.language.segmentation.locale)
    signatures = duplicates.Signatures(run.at("signatures"), config, words, near)
    run.pipeline("signatures", [DocumentReader(documents), signatures], len(counts))
    run.pipeline(
        "buckets", [duplicates.buckets(run.at("signatures"), run.at("pairs"), config)], config.num_buckets
    )
    # datatrove's progress bar is for a terminal of one's own.
    with contextlib.redirect_stderr(io.StringIO()):
        run.pipeline("clusters", [duplicates.clusters(run.at("pairs"), run.at("clusters"), config)], 1)
    verify = duplicates.Verify(run.at("clusters"), verdicts, counts, signatures, minhash.overlap)
    run.pipeline("verify", [DocumentReader(documents), verify], 1)
    return verdicts


def _funnel(documents: int, curated: str, dropped: str, notes: tuple[str, ...]) -> Funnel:
    kept = sum(row_counts(curated))
    reasons: Counter[tuple[str, str]] = Counter()
    for batch in row_batches(dropped, ["filter", "reason"], DROPPED):
        reasons.update((row["filter"], row["reason"]) for row in batch.to_pylist())
    redacted: Counter[str] = Counter()
    for batch in row_batches(curated, ["scores"]):
        for name, value in (pair for scores in batch["scores"].to_pylist() for pair in scores or ()):
            if name.startswith("privacy.") and value:
                redacted[name.removeprefix("privacy.")] += int(value)
    if kept + reasons.total() != documents:
        raise BabelmixError(
            f"{curated}: {documents} documents came in, but {kept} were kept and {reasons.total()} dropped; "
            "files of another run stand there: delete them and run again"
        )
    rows = tuple(
        {"filter": name, "reason": reason, "documents": count}
        for (name, reason), count in sorted(
            reasons.items(), key=lambda found: (ORDER.index(found[0][0]), found[0][1])
        )
    )
    return Funnel(documents, kept, rows, dict(sorted(redacted.items())), notes)


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
