"""Documents that a model translates or says anew: from documents to documents, records and a quality sheet."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipelines.taken_down import TakenDown
from pipelines.waves import carried_out
from pipelines.written_rooms import WrittenRooms
from sources.language import Language
from synth.engine.progress import Watched
from synth.request import Engine
from synth.translation.document_task import Tally, Task

Tell = Callable[[str], None]


def synthesise_documents(
    documents: Iterable[Mapping[str, Any]],
    count: int,
    what: str,
    language: Language,
    engine: Engine,
    task: Callable[[Engine], Task],
    places: Mapping[str, str],
    tell: Tell = lambda line: None,
    taken: TakenDown | None = None,
    tally: Tally | None = None,
) -> dict[str, Any]:
    """Writes what `task` makes of `count` documents, in `language`: `what` is the source that they get.

    `places` has the folders `records` (WRITTEN, and the sheet), `documents` and `dropped`. `tell` is told a line a
    second, and `tally` counts. What is `taken` down is left out. The same completions give the same bytes and
    totals; every document is kept or dropped.

    Raises:
        BabelmixError: a document cannot be read, the engine's server is not there, or nothing is kept.
    """
    tally = tally or Tally()

    def expected() -> int | None:
        return round(tally.requests * count / tally.documents) if tally.documents else None

    def said() -> str:
        return f"{tally.kept:,} of {count:,} documents kept"

    watched = Watched(engine, tell, said, expected)
    with WrittenRooms(places, language, taken) as rooms:
        for document, row in carried_out(documents, task(watched), watched, rooms.drop, tally):
            rooms.keep(document, row)
    totals = rooms.totals(what)
    rooms.write_sheet(what, {"kept": f"{rooms.kept:,} of {count:,}"})
    return {
        **totals,
        "model": engine.model,
        "requests": tally.requests,
        "asked_again": tally.again,
        "prompt_tokens": tally.prompt_tokens,
        "completion_tokens": tally.completion_tokens,
    }
