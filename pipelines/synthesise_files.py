"""Questions and articles in a folder of one's own: `babelmix synthesise questions` and `culture`."""

from typing import Any, Final

from pipelines.staged_rooms import staged_rooms, write_report
from pipelines.synthesise_culture import synthesise_culture
from pipelines.synthesise_documents import Tell
from pipelines.told_questions import told_questions
from sources.language import Language
from synth.engines import COMPLETIONS, engines
from synth.settings import Synthesis

# The room that two of the three results have in the output; the records' is named after what they are.
_ROOMS: Final = {"documents": "documents", "dropped": "dropped"}


def synthesise_files(
    folder: str | None,
    spoken: Language,
    output: str,
    synthesis: Synthesis,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Writes questions into `output`, in the place of an earlier run's; its completions are used again.

    Writes `questions/*.parquet` with the sheet, `documents/*.parquet`, `dropped/*.parquet` and `report.json`.
    Questions stand on the documents of `folder`, or where there is none on notes about the language's regions.

    Raises:
        BabelmixError: as `pipelines.synthesise.synthesise_questions`; `output` is not a local folder.
    """
    rooms = _ROOMS | {"records": "questions"}
    with (
        staged_rooms(output, rooms.values()) as (place, staged),
        engines(synthesis, spoken.code, place / COMPLETIONS) as (writer, verifier),
    ):
        totals = told_questions(
            [folder] if folder else [],
            spoken,
            writer,
            verifier,
            synthesis,
            {name: str(staged / room) for name, room in rooms.items()},
            tell,
        )
        write_report(place, staged, _report(spoken, totals, synthesis))
    return totals


def culture_files(
    folder: str, spoken: Language, output: str, synthesis: Synthesis, tell: Tell = lambda line: None
) -> dict[str, Any]:
    """Writes cultural articles on the curated documents of `folder` into `output`, as `synthesise_files` does.

    Raises:
        BabelmixError: as `pipelines.synthesise_culture.synthesise_culture`; `output` is not a local folder.
    """
    rooms = _ROOMS | {"records": "culture"}
    with (
        staged_rooms(output, rooms.values()) as (place, staged),
        engines(synthesis, spoken.code, place / COMPLETIONS, "culture") as (writer, _),
    ):
        places = {name: str(staged / room) for name, room in rooms.items()}
        totals = synthesise_culture([folder], spoken, writer, synthesis.culture, places, tell)
        write_report(place, staged, _report(spoken, totals, synthesis))
    return totals


def _report(spoken: Language, totals: dict[str, Any], synthesis: Synthesis) -> dict[str, Any]:
    return {"language": spoken.code, **totals, "settings": synthesis.model_dump(mode="json")}
