"""Makes regional questions of a language: from its curated documents to records, documents and a quality sheet."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pipelines.document_files import DocumentWriter
from pipelines.document_io import row_batches
from pipelines.measured_files import TableWriter
from pipelines.quality_sheet import write_quality_sheet
from pipelines.taken_down import TakenDown
from pipelines.written_category import category_of
from pipelines.written_rooms import RECORDS, SHEET, SHOWN, Rows
from sources.errors import BabelmixError
from sources.language import Language
from sources.schema import DROPPED
from synth.questions.funnel import Funnel
from synth.questions.grounds import GROUNDS, grounds
from synth.questions.record import QUESTION, Dropped, Passage, Question
from synth.questions.render import document
from synth.questions.run import make_questions
from synth.questions.settings import SOURCE, QuestionSettings
from synth.questions.tree import Ground
from synth.request import Engine
from synth.translation.provenance import licence_of

PASSAGES: Final = "passages.parquet"
# Of a document that neither says its licence nor comes of a source that does.
_NO_LICENCE: Final = "unknown"

Progress = Callable[[int, int], None]


def synthesise_questions(
    folders: Sequence[str],
    language: Language,
    engine: Engine,
    verifier: Engine | None,
    settings: QuestionSettings,
    documents: int,
    places: dict[str, str],
    progress: Progress = lambda kept, dropped: None,
    taken: TakenDown | None = None,
) -> dict[str, Any]:
    """Writes questions on the documents of `folders`, or on the language's regions where there is no folder.

    `places` has the folders `records` (QUESTION, and the sheet), `documents` and `dropped`. At most so many
    `documents` are looked at, the first ones. Questions that are `taken` down are left out. `progress` is told how
    many questions are kept and how many items dropped. Returns the totals, whose `documents` are concepts and
    questions, kept or dropped; `passages` says what became of the documents that were looked at, which stay in
    their own buckets whatever is said of them here.

    Raises:
        BabelmixError: a folder cannot be read, the engine's server is not there, or no question is kept
            though none need have gone for a removal.
    """
    taken = taken or TakenDown()
    funnel = Funnel(settings)
    counts: Counter[tuple[str, str]] = Counter()
    looked_at: Counter[str] = Counter()
    shown: list[Question] = []
    kept = 0
    with (
        TableWriter(places["records"], RECORDS, QUESTION) as records,
        TableWriter(places["dropped"], RECORDS, DROPPED) as dropped,
        TableWriter(places["records"], PASSAGES, DROPPED) as passages,
        DocumentWriter(places["documents"]) as writer,
    ):
        held, lost = Rows(records, QUESTION), Rows(dropped, DROPPED)
        others = Rows(passages, DROPPED)
        placed = None
        if folders:
            placed = _placed(folders, language, engine, settings, documents, others, looked_at)
        for each in make_questions(language, engine, verifier, settings, placed):
            if isinstance(each, Dropped):
                counts[each.filter, each.reason] += 1
                lost.add(_dropped(each))
            if isinstance(each, Question) and not taken.takes((row := _document(each, settings, language))["id"]):
                funnel.add(each)
                kept += 1
                # Ids are hashes: the lowest are a random sample, and the same one every time.
                shown = sorted([*shown, each], key=lambda question: question.id)[:SHOWN]
                held.add(each.row())
                writer.write(row)
            progress(kept, counts.total())
        for rows in (held, lost, others):
            rows.flush()
    taken.write(places["dropped"])
    if not kept and not taken.may_be_none:
        why = Counter({f"{name}.{reason}": count for (name, reason), count in counts.items()})
        why.update({f"place.{reason}": count for reason, count in looked_at.items() if reason != "taken"})
        most = ", ".join(f"{reason} ({count:,})" for reason, count in why.most_common(3))
        raise BabelmixError(
            f"{SOURCE} {language.code}: no question is kept of {why.total():,} passages, concepts and questions;"
            f" most are dropped as {most}"
        )
    report = funnel.standing.report()
    if kept:
        write_quality_sheet(shown, language, report, f"{places['records'].rstrip('/')}/{SHEET}")
    return {
        "documents": kept + counts.total() + len(taken.removed),
        "kept": kept,
        "dropped": [
            *taken.counted(),
            *(
                {"filter": "synthesis", "reason": f"{name}.{reason}", "documents": count}
                for (name, reason), count in sorted(counts.items())
            ),
        ],
        "passages": dict(sorted(looked_at.items())),
        "model": engine.model,
        "verifier": verifier.model if verifier else None,
        "set": report,
    }


def _document(question: Question, settings: QuestionSettings, language: Language) -> dict[str, Any]:
    return document(question, settings.seed, category_of(language.code))


def _placed(
    folders: Sequence[str],
    language: Language,
    engine: Engine,
    settings: QuestionSettings,
    most: int,
    passages: Rows,
    looked_at: Counter[str],
) -> Iterator[Ground]:
    """The documents that questions are to stand on; why it is none of the others is written to `passages`."""
    for each in grounds(_passages(folders, most), language, engine, settings):
        looked_at["taken" if isinstance(each, Ground) else each.reason] += 1
        if isinstance(each, Ground):
            yield each
        else:
            passages.add(_dropped(each))


def _passages(folders: Sequence[str], most: int) -> Iterator[Passage]:
    left = most
    for folder in folders:
        for batch in row_batches(folder, ["id", "text", "source", "category", "metadata"]):
            for row in batch.to_pylist():
                if row["category"] in GROUNDS and left:
                    yield Passage(row["id"], row["text"], licence_of(row) or _NO_LICENCE)
                    left -= 1
            if not left:
                return


def _dropped(row: Dropped) -> dict[str, Any]:
    return {**row.row(), "filter": "synthesis", "reason": f"{row.filter}.{row.reason}"}
