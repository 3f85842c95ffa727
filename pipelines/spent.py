"""What a step took: seconds, processor seconds, and bytes read and written, as it was carried out.

It stands in `spent/<step>.json` of the workspace, beside what was made and not in it: two runs make the same bytes
in different times. A step that is made again replaces its file; one that was killed leaves none.
"""

import contextlib
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import fsspec

from pipelines.step import Step
from pipelines.workspace import Workspace

SPENT: Final = "spent"
_IO: Final = Path("/proc/self/io")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a step took.

    `processor_s` is of all threads of the process, and of the processes that it started and that have ended.
    `read` and `written` are bytes that went through files: what is mapped into memory or comes over a network is
    not among them; None where the system does not count them.
    """

    wall_s: float
    processor_s: float
    read: int | None
    written: int | None


@contextlib.contextmanager
def metered() -> Iterator[list[Spent]]:
    """Measures the block in this process, which must do nothing else at the time; the list has it afterwards."""
    found: list[Spent] = []
    wall, processor, before = time.perf_counter(), _processor_s(), _bytes()
    yield found
    after = _bytes()
    read, written = (after[0] - before[0], after[1] - before[1]) if before and after else (None, None)
    found.append(Spent(time.perf_counter() - wall, _processor_s() - processor, read, written))


def write_spent(step: Step, workspace: Workspace, spent: Spent) -> None:
    """Writes what the step took into the workspace."""
    content = json.dumps({"fingerprint": step.fingerprint, "step": step.kind, **asdict(spent)}) + "\n"

    def write(path: str) -> None:
        with fsspec.open(path, "w", encoding="utf-8") as file:
            file.write(content)

    workspace.replace_file(_file(step), write)


def read_spent(step: Step, workspace: Workspace) -> Spent | None:
    """What the step took when it was made as it is now; None where that is not known."""
    try:
        with fsspec.open(workspace.at(_file(step)), "r", encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
        if found["fingerprint"] != step.fingerprint:
            return None
        return Spent(**{name: found[name] for name in ("wall_s", "processor_s", "read", "written")})
    # A note for people: without it a step is as complete as with it.
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _file(step: Step) -> str:
    return f"{SPENT}/{step.name}.json"


def _processor_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _bytes() -> tuple[int, int] | None:
    """Bytes that this process has read and written; None where the system does not say."""
    try:
        lines = dict(line.split(": ") for line in _IO.read_text().splitlines())
        return int(lines["rchar"]), int(lines["wchar"])
    except (OSError, ValueError, KeyError):
        return None
