"""`babelmix mix --executor slurm`, with a stand-in for Slurm that runs the scripts (tests/slurm_stand_in)."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import (
    BABELMIX,
    PATIENCE_S,
    REPOSITORY,
    CommandLine,
    Ended,
    complete,
    digests,
    environment,
    times,
)
from conftest import Built
from few_languages import few_languages

STAND_IN = REPOSITORY / "tests" / "slurm_stand_in" / "stand_in.py"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A folder in which builds are submitted to the stand-in, whose jobs lie in `jobs`."""

    folder: Path
    environment: dict[str, str]

    @property
    def jobs(self) -> Path:
        return self.folder / "jobs"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def start(self, *further: str) -> "subprocess.Popen[str]":
        command = [BABELMIX, "mix", few_languages(self.folder), "--executor", "slurm", *further]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def mix(self, *further: str) -> Ended:
        process = self.start(*further)
        out, err = process.communicate(timeout=PATIENCE_S)
        return Ended(process.returncode, out, err)

    def comments(self) -> list[str]:
        """The steps that jobs were submitted for, in their order."""
        return [
            (self.jobs / str(number) / "comment").read_text()
            for number in range(1, 1 + len(list(self.jobs.iterdir())))
        ]


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sbatch", "squeue", "scancel", "scontrol"):
        (commands / name).symlink_to(STAND_IN)
    (tmp_path / "jobs").mkdir()
    settings = tmp_path / "executor.yaml"
    settings.write_text(
        "slurm: {partition: cpu, poll_s: 0.2, sbatch: {account: nlp}}\nresources: {memory_gb: 2}\nworkers: 2\n"
    )
    own = environment(
        SLURM_STAND_IN=str(tmp_path / "jobs"),
        BABELMIX_EXECUTOR=str(settings),
        PATH=f"{commands}:{os.environ['PATH']}",
        PYTHONPATH=str(REPOSITORY),
    )
    return Cluster(tmp_path, own)


@pytest.mark.soak
def test_the_bytes_are_those_of_a_build_on_this_machine(cluster: Cluster, built_few: Built) -> None:
    cluster.mix().done()
    assert digests(cluster.workspace) == digests(built_few.workspace)
    submitted = cluster.comments()
    before = times(cluster.workspace)
    assert "Nothing was recomputed" in cluster.mix().done()
    assert times(cluster.workspace) == before
    assert cluster.comments() == submitted
    assert len(submitted) == len(set(submitted))


@pytest.mark.soak
def test_a_killed_driver_leaves_jobs_that_the_next_one_cancels(cluster: Cluster, built_few: Built) -> None:
    process = cluster.start()
    deadline = time.monotonic() + PATIENCE_S
    while len(complete(cluster.workspace)) < 8:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    cluster.mix().done()
    assert digests(cluster.workspace) == digests(built_few.workspace)
    assert not (cluster.workspace / ".staging").exists()


@pytest.mark.soak
def test_a_lost_job_is_one_line_that_names_its_log_and_the_next_run_goes_on(
    cluster: Cluster, built_few: Built
) -> None:
    process = cluster.start()
    deadline = time.monotonic() + PATIENCE_S
    while not (cluster.jobs / "2" / "group").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(int((cluster.jobs / "2" / "group").read_text()), signal.SIGKILL)
    out, err = process.communicate(timeout=PATIENCE_S)
    line = Ended(process.returncode, out, err.splitlines()[-1]).mistake()
    assert "Slurm job 2 ended NODE_FAIL" in line
    assert "slurm_logs" in line
    cluster.mix().done()
    assert digests(cluster.workspace) == digests(built_few.workspace)


@pytest.mark.soak
def test_a_steps_mistake_is_said_in_its_line(cluster: Cluster) -> None:
    pack = REPOSITORY / "sources" / "sample"
    shutil.copytree(pack, cluster.folder / "mirror", ignore=shutil.ignore_patterns("labels*"))
    (broken,) = (cluster.folder / "mirror" / "fineweb-2" / "data" / "ell_Grek" / "train").glob("*.parquet")
    broken.write_bytes(b"PAR1")
    line = cluster.mix("--profile", "mirror").mistake()
    assert str(broken.relative_to(cluster.folder)) in line


def test_a_dry_run_writes_scripts_that_run_and_submits_none(cluster: Cluster) -> None:
    printed = cluster.mix("--dry-run").done()
    scripts = [line.split("  ") for line in printed.splitlines() if "launch_script.slurm  " in line]
    assert len(scripts) == printed.count("launch_script.slurm  ") > 20
    assert f"{len(scripts)} jobs would be submitted" in printed
    for option in ("partition=cpu", "account=nlp", "mem=2048M", "cpus-per-task=1", "time=24:00:00"):
        assert f"#SBATCH --{option}" in printed
    assert not list(cluster.jobs.iterdir())
    (script,) = (path for path, name in scripts if name == "collected/fineweb-2/ell_Grek")
    job = {"SLURM_ARRAY_TASK_ID": "0", "SLURM_NODELIST": os.uname().nodename}
    subprocess.run(["bash", script], env={**cluster.environment, **job}, check=True, capture_output=True)
    assert complete(cluster.workspace) == ["collected/fineweb-2/ell_Grek"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("slurm: {partition: 'cpu; rm -rf /'}", "slurm.partition"),
        ("slurm: {partitions: cpu}", "did you mean 'partition'"),
        ("slurm: {time: tomorrow}", "slurm.time"),
        ("logs: s3://bucket/logs", "name one that all nodes share"),
    ],
)
def test_mistakes_in_the_settings(cluster: Cluster, settings: str, said: str) -> None:
    (cluster.folder / "executor.yaml").write_text(settings)
    assert said in cluster.mix().mistake()


def test_no_slurm_on_this_machine(tmp_path: Path, babelmix: CommandLine) -> None:
    few_languages(tmp_path)
    ended = babelmix("mix", "few.yaml", "--executor", "slurm", own={"PATH": str(tmp_path)})
    assert "no `squeue` on this machine" in ended.mistake()


def test_a_workspace_with_a_space(tmp_path: Path, babelmix: CommandLine) -> None:
    few_languages(tmp_path)
    asked = ("mix", "few.yaml", "--executor", "slurm", "--workspace", "a place")
    assert "white space" in babelmix(*asked).mistake()


@pytest.mark.parametrize("command", ["collect", "curate", "tokenise", "mine"])
def test_files_of_ones_own_are_not_sent_elsewhere(babelmix: CommandLine, command: str) -> None:
    asked = ("--input", "x.parquet", "--language", "ell_Grek", "--output", "out", "--executor", "slurm")
    language = ("--language", "ell_Grek")
    asked = tuple(each for each in asked if command != "tokenise" or each not in language)
    assert "--executor slurm goes with a stage" in babelmix(command, *asked).mistake()


def test_an_unknown_executor(tmp_path: Path, babelmix: CommandLine) -> None:
    few_languages(tmp_path)
    assert "did you mean 'slurm'" in babelmix("mix", "few.yaml", "--executor", "slrum").mistake()
