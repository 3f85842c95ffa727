"""One step as a datatrove pipeline of one task, which a datatrove executor carries out on another machine.

Nothing but the step travels there; what it makes, and whether it was made, stands in the workspace. datatrove's
completion markers are never looked at: they know nothing of settings.
"""

import contextlib
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import fsspec
from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from pipelines.step import Step, status
from pipelines.workspace import STAGING, Workspace
from sources.errors import BabelmixError, UnreachableError

# A shared file system may show what another machine wrote only after its caches' minute (NFS: acdirmax).
PATIENCE_S: Final = 60.0
_ERROR: Final = "error.json"
_STARTED: Final = "started"


@dataclass(frozen=True)
class Attempt:
    """One try at a step: `folder` (a path or URL) is its own, for scripts, logs, and what went wrong."""

    step: Step
    workspace: Workspace
    folder: str

    @classmethod
    def of(cls, step: Step, workspace: Workspace, logs: str | None) -> "Attempt":
        """A try in a new folder: below `logs`, or in the workspace until its next build."""
        name = f"{step.kind}-{step.fingerprint[:16]}-{uuid.uuid4().hex[:8]}"
        folder = f"{logs.rstrip('/')}/{name}" if logs else workspace.at(f"{STAGING}/cluster/{name}")
        if "://" not in folder:
            # Private: datatrove's Slurm jobs load their pipeline from here.
            Path(folder).mkdir(parents=True, mode=0o700)
        return cls(step, workspace, folder)

    def clear(self) -> None:
        """Deletes what was noted: nobody needs it once the step stands."""
        fs, root = fsspec.core.url_to_fs(self.folder)
        with contextlib.suppress(FileNotFoundError):
            fs.rm(root, recursive=True)

    def begin(self) -> None:
        """Notes that it runs, and where: host and process."""
        self._write(_STARTED, f"{socket.gethostname()} {os.getpid()}")

    @property
    def began(self) -> bool:
        """Whether it ever ran: not while it is queued."""
        return self._read(_STARTED) is not None

    def fail(self, error: BabelmixError) -> None:
        """Notes the one line of a mistake."""
        self._write(_ERROR, json.dumps({"again": isinstance(error, UnreachableError), "message": str(error)}))

    def error(self) -> BabelmixError | None:
        """The mistake that ended it, if one did."""
        if (found := self._read(_ERROR)) is None:
            return None
        said = json.loads(found)
        return (UnreachableError if said["again"] else BabelmixError)(said["message"])

    def _write(self, name: str, content: str) -> None:
        fs, root = fsspec.core.url_to_fs(self.folder)
        fs.makedirs(root, exist_ok=True)
        fs.pipe_file(f"{root}/{name}", content.encode())

    def _read(self, name: str) -> str | None:
        fs, root = fsspec.core.url_to_fs(self.folder)
        try:
            return str(fs.cat_file(f"{root}/{name}").decode())
        except FileNotFoundError:
            return None


class CarryOut(PipelineStep):
    """Carries out an attempt's step where it is called, in the folder that its driver was started in."""

    type = "🧱 - STEP"
    name = "🧱 Carry out"

    def __init__(self, attempt: Attempt, workers: int = 1) -> None:
        super().__init__()
        self.attempt, self.workers = attempt, workers
        self.started_in = str(Path.cwd())

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields nothing.

        Raises:
            BabelmixError: as `execute`; or this machine's babelmix has another version of the step.
        """
        # Read where it is used: the driver needs none of it.
        from pipelines.build import VERSIONS
        from pipelines.execute import execute

        step = self.attempt.step
        self.attempt.begin()
        try:
            if VERSIONS.get(step.kind) != step.version:
                raise BabelmixError(
                    f"{step.name}: {socket.gethostname()} has version {VERSIONS.get(step.kind)} of the step"
                    f" `{step.kind}`, the driver {step.version}; install the same babelmix on all machines"
                )
            # Relative paths, of a profile for one, mean what they mean to the driver.
            here = (
                contextlib.chdir(self.started_in) if Path(self.started_in).is_dir() else contextlib.nullcontext()
            )
            with self.track_time(), here:
                execute(step, self.attempt.workspace, self.workers)
        except BabelmixError as error:
            self.attempt.fail(error)
            raise
        yield from ()


def reachable(workspace: Workspace) -> Workspace:
    """The same workspace by a path that does not depend on where a process was started."""
    return workspace if workspace.local is None else replace(workspace, url=str(workspace.local.absolute()))


def job_name(workspace: Workspace) -> str:
    """The name of all jobs of a workspace: by it, those are found that a killed driver left behind."""
    return f"babelmix-{hashlib.sha256(reachable(workspace).url.encode()).hexdigest()[:16]}"


def totals_of(step: Step, workspace: Workspace, where: str) -> dict[str, object]:
    """The totals of a step that `where` says to have finished, once this machine sees its folders.

    Raises:
        BabelmixError: it does not see them: the workspace is not one that both reach.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = status(step, workspace)
        if found.complete and found.totals is not None:
            return dict(found.totals)
        if time.monotonic() > deadline:
            raise BabelmixError(
                f"workspace {workspace.url}: {where} finished {step.name}, but it is not seen from here"
                f" ({'; '.join(found.reasons)}); name a folder that all machines share, or an object store"
            )
        time.sleep(1)
