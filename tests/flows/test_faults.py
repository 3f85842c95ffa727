"""Random faults while mixtures are built, on disks and on an S3 server: a short form of `benchmarks/faults.py`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import REPOSITORY


@pytest.mark.soak
def test_mixtures_that_are_built_under_faults_have_the_bytes_of_an_undisturbed_build(tmp_path: Path) -> None:
    """It ends well only where every byte was right and every kind of fault came at least once."""
    command = [sys.executable, REPOSITORY / "benchmarks" / "faults.py", "--minutes", "1", "--seed", "6", "--json"]
    with (tmp_path / "out").open("w") as out:
        ended = subprocess.run(command, cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT, check=False)
    said = (tmp_path / "out").read_text()
    assert ended.returncode == 0, said
    counts = json.loads(said.splitlines()[-1])["faults"]
    assert {"kill", "worker", "disk", "errors", "flaky", "slow", "two"} <= counts.keys()
    assert all(counts.values())
