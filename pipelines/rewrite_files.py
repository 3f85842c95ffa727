"""Documents of one's own, rewritten by a model: `babelmix synthesise translate` and `rephrase`."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from pipelines.chosen_documents import every
from pipelines.collect import collect_files
from pipelines.document_io import row_counts
from pipelines.staged_rooms import staged_rooms, write_report
from pipelines.synthesise_documents import Tell, synthesise_documents
from sources.language import Language
from synth.engines import COMPLETIONS, engines
from synth.request import Engine
from synth.settings import Synthesis
from synth.translation.document_task import Tally, Task

# The room each of the results has in the output.
ROOMS: Final = {"records": "records", "documents": "documents", "dropped": "dropped"}


def rewrite_files(
    files: Sequence[str],
    language: Language,
    target: Language,
    output: str,
    synthesis: Synthesis,
    task: Callable[[Engine], Task],
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Reads documents of `language`, Parquet or JSON lines with `text`, and writes what `task` makes of them.

    Writes `documents/*.parquet` in the language `target`, `records/*.parquet` with the sheet, `dropped/*.parquet`
    and `report.json` into `output`, in the place of an earlier run's, whose completions are used again. The same
    completions give the same bytes. Returns the totals.

    Raises:
        BabelmixError: a file cannot be read, the server is not there, or no document is kept.
    """
    tally = Tally()
    with staged_rooms(output, ROOMS.values()) as (place, staged):
        read = staged / "read"
        read.mkdir()
        collect_files(files, language, str(read))
        with engines(synthesis, language.code, place / COMPLETIONS) as (engine, _):
            totals = synthesise_documents(
                every(str(read)),
                sum(row_counts(str(read))),
                files[0],
                target,
                engine,
                task,
                {name: str(staged / room) for name, room in ROOMS.items()},
                tell,
                tally=tally,
            )
        totals["replayed"] = tally.replayed
        settings = synthesis.model_dump(mode="json")
        write_report(place, staged, {"files": list(files), **totals, "settings": settings})
    return totals
