"""A folder of one's own for a command's results, which take the place of an earlier run's when all are there."""

import contextlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pipelines.workspace import Workspace, clear_disk_errors
from sources.errors import BabelmixError

_STAGING: Final = ".staging"


@contextlib.contextmanager
def staged_rooms(output: str, rooms: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """The folder `output`, and a folder in it with each of `rooms` to write into; they are moved up at the end.

    An error leaves what stood before, and so does a kill.

    Raises:
        BabelmixError: `output` is not on this machine, or cannot be written.
    """
    place = Workspace(output).local
    if place is None:
        raise BabelmixError(f"--output {output}: must be a folder on this machine; move the result from there")
    staged, named = place / _STAGING, tuple(rooms)
    shutil.rmtree(staged, ignore_errors=True)
    try:
        with clear_disk_errors(output):
            for room in named:
                (staged / room).mkdir(parents=True)
            yield place, staged
            for room in named:
                shutil.rmtree(place / room, ignore_errors=True)
                (staged / room).rename(place / room)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_report(place: Path, staged: Path, report: Mapping[str, Any]) -> None:
    """Puts `report.json` beside the rooms, whole, in the place of an earlier run's."""
    path = staged / "report.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    path.replace(place / path.name)
