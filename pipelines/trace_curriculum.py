"""Where a token of a curriculum came from: of which stage's mixture it is, and there of which document."""

from pathlib import Path
from typing import Any

from mixtures.curriculum import CURRICULUM_FILE, CurriculumReader, CurriculumStage
from pipelines.trace import Tracer, first_token
from sources.errors import BabelmixError


class CurriculumTracer:
    """Traces tokens and documents of the curriculum in a folder as `Tracer` does those of a mixture.

    Sequences, and the `first_token` of readings, count over all stages; `mixture` says of which stage each is.

    Raises:
        BabelmixError: the curriculum, one of its mixtures or its tokens are missing or damaged.
    """

    def __init__(self, folder: str | Path, workspace: str | None = None) -> None:
        reader = CurriculumReader(folder, workspace)
        self._folder, self._tokens = reader.folder, reader.tokens
        place = str(reader.workspace)
        self._stages = [(stage, Tracer(reader.workspace / stage.order, place)) for stage in reader.stages]

    def sequence(self, number: int, length: int) -> list[dict[str, Any]]:
        """As `Tracer.sequence`; a document is cut where its stage ends, too."""
        start = first_token(number, length, self._tokens)
        found: list[dict[str, Any]] = []
        for stage, tracer in self._stages:
            begin, end = max(start, stage.begin), min(start + length, stage.end)
            if begin < end:
                parts = tracer.between(begin - stage.begin, end - stage.begin)
                moved = begin - start
                found += [
                    {**part, "from": part["from"] + moved, "to": part["to"] + moved, "mixture": stage.mixture}
                    for part in parts
                ]
        return found

    def token(self, number: int, length: int, token: int) -> dict[str, Any]:
        """As `Tracer.token`."""
        if not 0 <= token < length:
            raise BabelmixError(f"--token {token}: a sequence has the tokens from 0 to {length - 1}")
        at = first_token(number, length, self._tokens) + token
        stage, tracer = next(each for each in self._stages if each[0].begin <= at < each[0].end)
        found = tracer.at(at - stage.begin)
        first = {"first_token": found["first_token"] + stage.begin, "mixture": stage.mixture}
        return {"sequence": number, "token": token, **found, **first}

    def document(
        self, document_id: str, length: int, source_name: str | None = None, language: str | None = None
    ) -> list[dict[str, Any]]:
        """As `Tracer.document`, once for each stage whose mixture has the document."""
        found: list[dict[str, Any]] = []
        absent: BabelmixError | None = None
        for stage, tracer in self._stages:
            try:
                held = tracer.document(document_id, length, source_name, language)
            except BabelmixError as error:
                absent = error
                continue
            for each in held:
                readings = [_moved(stage, reading, length) for reading in each["readings"]]
                found.append({**each, "readings": [read for read in readings if read["first_token"] < stage.end]})
        if not found and absent is not None:
            raise absent
        return found

    def index(self) -> int:
        """As `Tracer.index`."""
        return sum({folder: count for _, tracer in self._stages for folder, count in tracer.indexed()}.values())


def is_curriculum(folder: str | Path) -> bool:
    """Whether a folder holds a curriculum."""
    return Path(folder, CURRICULUM_FILE).is_file()


def _moved(stage: CurriculumStage, reading: dict[str, Any], length: int) -> dict[str, Any]:
    first = reading["first_token"] + stage.begin
    last = min(first + reading["tokens"], stage.end) - 1
    sequences = {"first_sequence": first // length, "last_sequence": last // length}
    return {**reading, "first_token": first, **sequences, "mixture": stage.mixture}
