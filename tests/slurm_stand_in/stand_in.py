#!/usr/bin/env python3
"""Stands in for sbatch, squeue, scancel and scontrol where no Slurm runs: jobs are processes of this machine.

It takes the options that babelmix and datatrove give, and no others; SLURM_STAND_IN names the folder of its jobs.
A job starts at once; its script is really run by bash, with the variables of a job array's first task.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

JOBS = Path(os.environ["SLURM_STAND_IN"])
HOST = os.uname().nodename


def sbatch(arguments: list[str]) -> None:
    """Prints the job's number."""
    *options, script = arguments
    assert set(options) == {"--parsable", "--export=ALL,RUN_OFFSET=0"}, options
    text = Path(script).read_text(encoding="utf-8")
    given = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", text, re.MULTILINE))
    assert len(given) == text.count("#SBATCH"), text
    assert given["array"].startswith("0-0"), given
    number = str(1 + len(list(JOBS.iterdir())))
    folder = JOBS / number
    folder.mkdir()
    (folder / "name").write_text(given["job-name"])
    (folder / "comment").write_text(given["comment"])
    output = given["output"].replace("%A", number).replace("%a", "0")
    own = {"SLURM_JOB_ID": number, "SLURM_ARRAY_TASK_ID": "0", "SLURM_NODELIST": HOST, "RUN_OFFSET": "0"}
    with Path(output).open("w") as log:
        process = subprocess.Popen(
            ["bash", "-c", 'bash "$0"; echo $? > "$1.new"; mv "$1.new" "$1"', script, str(folder / "code")],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "group").write_text(str(process.pid))
    print(number)


def _state(folder: Path) -> str:
    if (folder / "cancelled").exists():
        return "CANCELLED"
    if (folder / "code").exists():
        return "COMPLETED" if (folder / "code").read_text().strip() == "0" else "FAILED"
    try:
        os.killpg(int((folder / "group").read_text()), 0)
    except (ProcessLookupError, FileNotFoundError):
        return "NODE_FAIL"
    return "RUNNING"


def _named(options: list[str]) -> list[Path]:
    (name,) = (each.removeprefix("--name=") for each in options if each.startswith("--name="))
    return [each for each in sorted(JOBS.iterdir()) if (each / "name").read_text() == name]


def squeue(options: list[str]) -> None:
    """Prints the jobs of a name, those that ended among them."""
    assert set(options) > {"--me", "--noheader", "--states=all", "--format=%F %T"}, options
    for folder in _named(options):
        print(folder.name, _state(folder))


def scancel(options: list[str]) -> None:
    """Kills the jobs of a name; none is ever pending here."""
    assert "--me" in options, options
    if "--state=PENDING" in options:
        return
    for folder in _named(options):
        if _state(folder) == "RUNNING":
            (folder / "cancelled").touch()
            os.killpg(int((folder / "group").read_text()), signal.SIGKILL)


def scontrol(arguments: list[str]) -> None:
    """Expands a list of one host."""
    assert arguments == ["show", "hostnames", HOST], arguments
    print(HOST)


{each.__name__: each for each in (sbatch, squeue, scancel, scontrol)}[Path(sys.argv[0]).name](sys.argv[1:])
