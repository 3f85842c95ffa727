"""A stage's mixture in a workspace on an S3 server, from the shell prompt: every byte that of a folder."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import REPOSITORY, CommandLine, Ended, digests, mixture
from conftest import Built
from object_store import BUCKET, digests_in_store, environment, s3_server, upload

pytestmark = pytest.mark.soak
PLACE = f"{BUCKET}/ws"
Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module")
def run(server: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The command line of a person who uses the server; not to be started in the test's own folder."""
    folder = tmp_path_factory.mktemp("store")

    def started(*arguments: str | Path, **own: str) -> Ended:
        return CommandLine(folder)(*arguments, own={**environment(server, folder), **own})

    return started


@pytest.fixture(scope="module")
def made(run: Run) -> Ended:
    """`babelmix mix stage4` in the store."""
    ended = run("mix", "stage4", "--workspace", f"s3://{PLACE}")
    ended.done()
    return ended


@pytest.fixture(scope="module")
def url(made: Ended) -> str:
    """The mixture, as the command printed it."""
    return next(line.split()[1] for line in made.out.splitlines() if line.startswith("Mixture "))


def test_every_byte_is_that_of_a_folder(server: str, made: Ended, built: Built) -> None:
    assert made.err == ""
    assert digests_in_store(server, PLACE) == digests(built.workspace)


def test_nothing_is_left_to_do(run: Run, made: Ended) -> None:
    assert "would run" not in run("status", "--workspace", f"s3://{PLACE}").done()
    assert "Nothing was recomputed" in run("mix", "stage4", "--workspace", f"s3://{PLACE}").done()


@pytest.mark.parametrize(
    "question",
    [("--sequence", "3", "--length", "512"), ("--sequence", "3", "--length", "512", "--token", "17")],
    ids=["sequence", "token"],
)
def test_a_trace_is_that_of_a_folder(run: Run, url: str, built: Built, question: tuple[str, ...]) -> None:
    there = json.loads(run("trace", url, *question, "--json").done())
    assert there == json.loads(run("trace", mixture(built.workspace), *question, "--json").done())


def test_inspect_reads_the_ledger_and_the_mixture(run: Run, url: str, built: Built) -> None:
    there = json.loads(run("inspect", "stage4", "--workspace", f"s3://{PLACE}", "--json").done())
    assert there == json.loads(run("inspect", "stage4", "--workspace", built.workspace, "--json").done())
    compared = run("inspect", "stage4", "--workspace", f"s3://{PLACE}", "--compare", url, "--fail-above", "0.001")
    compared.done()


@pytest.mark.parametrize("kind", ["megatron", "parquet", "report", "card"])
def test_an_export_is_that_of_a_folder(run: Run, url: str, built: Built, tmp_path: Path, kind: str) -> None:
    for name, place in (("there", url), ("here", mixture(built.workspace))):
        run("export", place, "--format", kind, "--output", tmp_path / name).done()
    if kind in ("report", "card"):
        assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
    else:
        binary = [
            {n: d for n, d in digests(tmp_path / each).items() if not n.endswith(".txt")}
            for each in ("there", "here")
        ]
        assert binary[0] == binary[1]


READ = """
import hashlib, sys
from mixtures.reader import MixtureReader
found = hashlib.sha256()
for each in MixtureReader(sys.argv[1], 512):
    found.update(each.tokens.tobytes())
print(found.hexdigest())
"""


def test_a_reader_reads_the_same_tokens(server: str, url: str, built: Built, tmp_path: Path) -> None:
    """In a process of its own, as a trainer would."""
    held = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment(server, tmp_path)}
    found = [
        subprocess.run([sys.executable, "-c", READ, place], env=held, capture_output=True, text=True, check=True)
        for place in (url, str(mixture(built.workspace)))
    ]
    assert found[0].stdout == found[1].stdout


def test_a_removal_is_carried_out(server: str, run: Run, built: Built, tmp_path: Path, made: Ended) -> None:
    """In copies of the workspace, here and there."""
    workspace = built.copy(tmp_path)
    upload(server, workspace, f"{BUCKET}/removed")
    for place in (str(workspace), f"s3://{BUCKET}/removed"):
        run("remove", "--url-prefix", "https://deu.example.org/01/", "--workspace", place).done()
        run("mix", "stage4", "--workspace", place).done()
    assert digests_in_store(server, f"{BUCKET}/removed") == digests(workspace)


def test_a_store_that_does_not_answer_is_one_clear_line(run: Run) -> None:
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    for command in ("mix", "status"):
        said = run(command, "stage4", "--workspace", f"s3://{PLACE}", **nobody).mistake()
        assert "the object store failed" in said
