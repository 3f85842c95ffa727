"""How far a step is, from the process that carries it out to the one that shows it: a line in a file."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from pipelines.step import Step
from pipelines.workspace import STAGING, Workspace


def tell(step: Step, workspace: Workspace) -> Callable[[str], None]:
    """What a step calls with a line on how far it is."""
    path = _path(step, workspace)

    def write(line: str) -> None:
        # A line that nobody gets to see is no reason to lose hours of work.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            staged = path.with_suffix(".part")
            staged.write_text(line, encoding="utf-8")
            staged.replace(path)

    return write


def told(step: Step, workspace: Workspace) -> str:
    """The line that the step wrote last; empty where it wrote none."""
    try:
        return _path(step, workspace).read_text(encoding="utf-8")
    except OSError:
        return ""


def _path(step: Step, workspace: Workspace) -> Path:
    return workspace.kept(f"{STAGING}/progress") / f"{step.fingerprint[:32]}.txt"
