"""Where the steps of a build are carried out: on this machine, or on a cluster and with what."""

import os
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sources.errors import BabelmixError
from sources.loading import load_yaml, nearest

EXECUTOR_ENVIRONMENT: Final = "BABELMIX_EXECUTOR"
LOCAL: Final = "local"
EXECUTORS: Final = (LOCAL, "ray", "slurm")

# What goes into a line `#SBATCH --name=value` of a script: no white space, nothing that a shell would expand.
_Word = Annotated[str, StringConstraints(pattern=r"^[\w.,:@%+/=\[\]-]+$")]
_Option = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]*$")]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resources(_Settings):
    """What one step gets of a cluster."""

    # As many processes work on the files of a step that measures, curates or tokenises.
    cpus: Annotated[int, Field(ge=1)] = 1
    # None: not reserved on Ray, the partition's default on Slurm.
    memory_gb: Annotated[float, Field(gt=0)] | None = None


class Ray(_Settings):
    """A Ray cluster that runs already."""

    # HOST:PORT of its head, ray://HOST:PORT of its client server; None: RAY_ADDRESS, or the one on this machine.
    address: str | None = None
    # Names of environment variables that the workers get from here, beside BABELMIX_*. Ray shows their values to
    # whoever sees its dashboard: credentials belong into the workers' own environment.
    environment: tuple[str, ...] = ()


class Slurm(_Settings):
    """How jobs are submitted to Slurm."""

    # None: the cluster's default.
    partition: _Word | None = None
    qos: _Word | None = None
    time: Annotated[str, StringConstraints(pattern=r"^(\d+-)?\d+(:\d+){0,2}$")] = "24:00:00"
    # Further options of sbatch by their long names, such as `account: nlp`.
    sbatch: dict[_Option, _Word] = {}
    # The environment that has babelmix, at the same path on every node; None: the one that runs now.
    venv: _Word | None = None
    # Between two looks at the queue.
    poll_s: Annotated[float, Field(gt=0)] = 10.0


class ExecutorSettings(_Settings):
    """The file that BABELMIX_EXECUTOR names; every key has a default."""

    ray: Ray = Ray()
    slurm: Slurm = Slurm()
    resources: Resources = Resources()
    # Those of single kinds of steps, in the place of `resources`: {mix: {memory_gb: 64}}.
    steps: dict[str, Resources] = {}
    # Steps that are with the cluster at once, queued or running.
    workers: Annotated[int, Field(ge=1)] = 256
    # How often a step is carried out again because its node or process was lost; Slurm's own limit rules there.
    retries: Annotated[int, Field(ge=0)] = 3
    # A folder that all machines reach, for scripts and logs; None: the workspace's, if it is a folder.
    logs: _Word | None = None

    def of(self, kind: str) -> Resources:
        """What a step of `kind` gets."""
        return self.steps.get(kind, self.resources)

    @classmethod
    def load(cls) -> "ExecutorSettings":
        """The settings that the environment variable names, or the defaults.

        Raises:
            BabelmixError: the file is wrong.
        """
        own = os.environ.get(EXECUTOR_ENVIRONMENT)
        return load_yaml(Path(own), cls) if own else cls()


def check_executor(name: str) -> None:
    """Raises BabelmixError where `name` is none of the executors."""
    if name not in EXECUTORS:
        raise BabelmixError(f"executor {name}: unknown{nearest(name, EXECUTORS)}; write {', '.join(EXECUTORS)}")
