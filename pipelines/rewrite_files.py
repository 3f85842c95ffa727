"""Documents of one's own, rewritten by a model: `babelmix synthesise translate` and `rephrase`."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from filters.verdict import Drop, DroppedRows
from pipelines.collect import collect_files
from pipelines.document_files import DocumentWriter
from pipelines.document_io import row_batches
from pipelines.workspace import Workspace, clear_disk_errors
from sources.errors import BabelmixError
from sources.language import Language
from synth.engines import COMPLETIONS, engines
from synth.request import Engine
from synth.settings import Synthesis
from synth.translation.document_task import FILTER, Row, Tally, Task, carry_out

_STAGING: Final = ".staging"
_ROOMS: Final = ("documents", "dropped")
# Documents that are written in the order in which they came: the next ones wait until all of these are done.
_WAVE: Final = 1_000
# How often a completion that is of no use is asked for again, a document.
_AGAIN: Final = 2

Progress = Callable[[Tally], None]


def rewrite_files(
    files: Sequence[str],
    language: Language,
    output: str,
    synthesis: Synthesis,
    task: Callable[[Engine], Task],
    progress: Progress = lambda tally: None,
) -> dict[str, Any]:
    """Reads documents of `language`, Parquet or JSON lines with `text`, and writes what `task` makes of them.

    Writes `documents/*.parquet`, `dropped/*.parquet` and `report.json` into `output`, in the place of an earlier
    run's, whose completions are used again. The same completions give the same bytes. Returns the totals.

    Raises:
        BabelmixError: a file cannot be read, the server is not there, or no document is kept.
    """
    place = Workspace(output).local
    if place is None:
        raise BabelmixError(f"--output {output}: must be a folder on this machine; move the result from there")
    staged = place / _STAGING
    shutil.rmtree(staged, ignore_errors=True)
    tally = Tally()
    try:
        with clear_disk_errors(output):
            for room in (*_ROOMS, "read"):
                (staged / room).mkdir(parents=True)
            collect_files(files, language, str(staged / "read"))
            dropped = DroppedRows(str(staged / "dropped"), FILTER, 0)
            with (
                engines(synthesis, language.code, place / COMPLETIONS) as (engine, _),
                DocumentWriter(str(staged / "documents")) as writer,
            ):
                made = task(engine)
                for wave in _waves(str(staged / "read")):
                    for row in _carried_out(wave, made, engine, dropped, tally):
                        writer.write(row)
                    progress(tally)
            dropped.close()
            if not tally.kept:
                most = ", ".join(f"{reason} ({count:,})" for reason, count in tally.dropped.most_common(3))
                raise BabelmixError(f"{files[0]}: none of {tally.documents:,} documents is kept; most: {most}")
            for room in _ROOMS:
                shutil.rmtree(place / room, ignore_errors=True)
                (staged / room).rename(place / room)
            totals = {
                "documents": tally.documents,
                "kept": tally.kept,
                "dropped": dict(tally.dropped.most_common()),
                "requests": tally.requests,
                "asked_again": tally.again,
                "replayed": tally.replayed,
                "prompt_tokens": tally.prompt_tokens,
                "completion_tokens": tally.completion_tokens,
            }
            report = {"files": list(files), **totals, "settings": synthesis.model_dump(mode="json")}
            (place / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return totals


def _carried_out(
    wave: list[dict[str, Any]], task: Task, engine: Engine, dropped: DroppedRows, tally: Tally
) -> list[Row]:
    """What is made of a wave of documents, in their order, whatever the order of the completions."""
    order = {each["id"]: at for at, each in enumerate(wave)}
    lost: list[tuple[str, Drop]] = []
    rows = list(carry_out(wave, task, engine, lambda name, drop: lost.append((name, drop)), tally, _AGAIN))
    for name, drop in sorted(lost, key=lambda each: order[each[0]]):
        dropped.add(name, drop)
    return sorted(rows, key=lambda row: (order.get(row["id"].rpartition("/")[0], 0), row["id"]))


def _waves(folder: str) -> Iterator[list[dict[str, Any]]]:
    wave: list[dict[str, Any]] = []
    for batch in row_batches(folder):
        for row in batch.to_pylist():
            wave.append(row)
            if len(wave) == _WAVE:
                yield wave
                wave = []
    if wave:
        yield wave
