"""Steps as Slurm jobs: datatrove's pipeline and script for each, submitted as soon as its inputs stand."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import dill
from datatrove.executor import SlurmPipelineExecutor

from pipelines.execute import Totals
from pipelines.executor_settings import ExecutorSettings
from pipelines.step import Step, status
from pipelines.step_on_cluster import PATIENCE_S, Attempt, CarryOut, job_name, reachable, totals_of
from pipelines.workspace import Workspace
from sources.errors import BabelmixError, UnreachableError

_ENDED: Final = frozenset(
    ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")
)
# Longer than an ended job is still listed by some clusters (MinJobAge), and than the controller takes to restart.
_CONTROLLER_S: Final = 600.0


class StepExecutor(SlurmPipelineExecutor):
    """datatrove's executor, for a pipeline of one task in one job."""

    def __init__(self, attempt: Attempt, settings: ExecutorSettings) -> None:
        resources, slurm = settings.of(attempt.step.kind), settings.slurm
        super().__init__(
            [CarryOut(attempt, resources.cpus)],
            tasks=1,
            time=slurm.time,
            partition=slurm.partition,
            qos=slurm.qos,
            cpus_per_task=resources.cpus,
            job_name=job_name(attempt.workspace),
            sbatch_args={"comment": attempt.step.name, **slurm.sbatch},
            venv_path=f"{slurm.venv or sys.prefix}/bin/activate",
            logging_dir=attempt.folder,
            skip_completed=False,
            # One process, which its job's end ends; the controller itself requeues it when its node fails.
            with_srun=False,
            requeue_signals=None,
        )
        self._memory_gb = resources.memory_gb

    def get_sbatch_args(self, max_array: int = 1) -> dict[str, Any]:
        """datatrove's, but with a step's whole memory, and without what the cluster is to decide."""
        found = {name: value for name, value in super().get_sbatch_args(max_array).items() if value is not None}
        del found["mem-per-cpu"]
        return found if self._memory_gb is None else {**found, "mem": f"{round(self._memory_gb * 1024)}M"}

    def write(self) -> Path:
        """Writes the job's script, and what it loads, into the attempt's folder; the script's path."""
        with self.logging_dir.open("ranks_to_run.json", "w") as file:
            file.write("[0]")
        pickled = self.logging_dir.resolve_paths("executor.pik")
        script = Path(self.logging_dir.resolve_paths("launch_script.slurm"))
        script.write_text(
            self.get_launch_file_contents(self.get_sbatch_args(), f"launch_pickled_pipeline {pickled}")
        )
        with Path(pickled).open("wb") as file:
            dill.dump(self, file, fmode=dill.CONTENTS_FMODE)
        return script


class SlurmPool:
    """A thread for each step whose job is queued or runs; one look at the queue serves all of them."""

    def __init__(self, settings: ExecutorSettings, workspace: Workspace) -> None:
        """Raises BabelmixError where there is no folder for scripts."""
        self.slots = settings.workers
        self._settings, self._workspace = settings, reachable(workspace)
        self._name = job_name(workspace)
        check_logs(settings, self._workspace)
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="slurm-step")
        self._guard = threading.Lock()
        self._closed = False
        self._seen: dict[str, str] = {}
        self._looked = 0.0

    def submit(self, step: Step) -> Future[Totals]:
        """Has the step carried out by a job of its own."""
        return self._threads.submit(self._carried_out, step)

    def _carried_out(self, step: Step) -> Totals:
        attempt = Attempt.of(step, self._workspace, self._settings.logs)
        script = StepExecutor(attempt, self._settings).write()
        with self._guard:
            if self._closed:
                raise UnreachableError(f"{step.name}: the build was stopped")
            job = _slurm("sbatch", "--parsable", "--export=ALL,RUN_OFFSET=0", str(script)).split(";")[0].strip()
        submitted = time.monotonic()
        while (state := self._state(job, submitted)) not in _ENDED:
            time.sleep(self._settings.slurm.poll_s)
        deadline = time.monotonic() + PATIENCE_S
        while not (error := attempt.error()):
            if status(step, self._workspace).complete:
                return totals_of(step, self._workspace, f"Slurm job {job}")
            if self._closed or state != "COMPLETED" or time.monotonic() > deadline:
                raise UnreachableError(
                    f"{step.name}: Slurm job {job} ended {state} and left it undone; see"
                    f" {attempt.folder}/slurm_logs, and `slurm.time`, `resources` and `steps` in the file of"
                    " BABELMIX_EXECUTOR"
                )
            time.sleep(1)
        raise error

    def _state(self, job: str, submitted: float) -> str:
        """The job's state; `COMPLETED` once the queue, asked after it was submitted, does not list it."""
        with self._guard:
            now = time.monotonic()
            if self._looked < max(submitted, now - self._settings.slurm.poll_s):
                self._seen = _queue(self._name)
                self._looked = now
            return self._seen.get(job, "COMPLETED")

    def __enter__(self) -> Self:
        """Cancels what a driver that was killed left in the queue: two jobs would make the same folder."""
        if _queue(self._name):
            _slurm("scancel", f"--name={self._name}", "--me")
            deadline = time.monotonic() + _CONTROLLER_S
            while not _ENDED.issuperset(_queue(self._name).values()):
                if time.monotonic() > deadline:
                    raise BabelmixError(
                        f"Slurm jobs {self._name}: left by an earlier build, and still there {_CONTROLLER_S:.0f} s"
                        f" after they were cancelled; see `squeue --me --name={self._name}`"
                    )
                time.sleep(min(1.0, self._settings.slurm.poll_s))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with self._guard:
                self._closed = True
            queued = ("--state=PENDING",) if isinstance(error, Exception) else ()
            _slurm("scancel", f"--name={self._name}", "--me", *queued)
        self._threads.shutdown(wait=True, cancel_futures=error is not None)


def write_scripts(steps: Sequence[Step], workspace: Workspace) -> list[tuple[Step, Path]]:
    """The scripts of the jobs that would carry out what is not complete of `steps`, in their order.

    They lie where a build's own would lie, and go when the next build begins.
    """
    settings, workspace = ExecutorSettings.load(), reachable(workspace)
    check_logs(settings, workspace)
    return [
        (step, StepExecutor(Attempt.of(step, workspace, settings.logs), settings).write())
        for step in steps
        if not status(step, workspace).complete
    ]


def check_logs(settings: ExecutorSettings, workspace: Workspace) -> None:
    """Raises BabelmixError where Slurm could not write, or a script not name, what a job says."""
    folder = settings.logs or workspace.url
    if "://" in folder:
        raise BabelmixError(
            f"--executor slurm: sbatch writes logs into folders, not to {folder}; name one that all nodes share"
            " as `logs` in the file of BABELMIX_EXECUTOR"
        )
    if any(each.isspace() for each in folder):
        raise BabelmixError(
            f"--executor slurm: {folder}: sbatch takes no path with white space; name another as `logs` in the"
            " file of BABELMIX_EXECUTOR"
        )


def _queue(name: str) -> dict[str, str]:
    """The state of each of the user's jobs of this name, by its number, those that ended lately among them.

    A controller that restarts does not answer for a while.
    """
    deadline = time.monotonic() + _CONTROLLER_S
    while True:
        try:
            listed = _slurm("squeue", "--me", f"--name={name}", "--noheader", "--states=all", "--format=%F %T")
            return dict(line.split() for line in listed.splitlines() if line.strip())
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(5)


def _slurm(*command: str) -> str:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BabelmixError(
            f"--executor slurm: no `{command[0]}` on this machine; start babelmix where jobs are submitted"
        ) from error
    if ended.returncode:
        said = ended.stderr.strip().split("\n")[0]
        raise UnreachableError(f"{command[0]}: {said or f'exit code {ended.returncode}'}")
    return ended.stdout
