"""`babelmix serve` and `prefect deployment run` as a person uses them: a real server, and its REST API to see."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_line import (
    BABELMIX,
    BIN,
    PATIENCE_S,
    REPOSITORY,
    Ended,
    complete,
    digests,
    environment,
    mixture,
    steps_of,
    times,
)
from conftest import Built

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Served:
    """A folder in which `babelmix serve` runs, and how to reach it."""

    folder: Path
    url: str
    environment: dict[str, str]

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def run(self, *command: str | Path) -> Ended:
        """Runs a command of the same environment in the folder."""
        ended = subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE_S,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the server answers."""
        answer = httpx.post(f"{self.url}/{path}", json=body or {}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def flow_runs(self) -> list[dict[str, Any]]:
        """The runs of flows, oldest first."""
        found: list[dict[str, Any]] = self.ask("flow_runs/filter", {"sort": "START_TIME_ASC"})
        return found

    def task_states(self, flow_run: str) -> Counter[str]:
        """How many task runs of a flow run ended in which state.

        The server learns of a task's states in events, some of which come after the flow's own end.
        """
        asked = {"flow_runs": {"id": {"any_": [flow_run]}}, "limit": 200}
        until = time.monotonic() + 60
        while True:
            found: Counter[str] = Counter()
            while page := self.ask("task_runs/filter", {**asked, "offset": found.total()}):
                found.update(run["state_name"] for run in page)
            if not found.keys() & {"Pending", "Running", "Scheduled"} or time.monotonic() > until:
                return found
            time.sleep(0.5)

    def artifact(self, key: str) -> dict[str, Any]:
        """The newest artifact of this key."""
        answer = httpx.get(f"{self.url}/artifacts/{key}/latest", timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`babelmix serve` in a folder with the project's prefect.toml, on a port of its own."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(REPOSITORY / "prefect.toml", folder)
    url = f"http://127.0.0.1:{_free_port()}/api"
    own = environment(PREFECT_API_URL=url, PREFECT_HOME=str(folder / "prefect"), DO_NOT_TRACK="1")
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [BABELMIX, "serve"], cwd=folder, env=own, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "Run one with" not in (folder / "serve.log").read_text():
            assert process.poll() is None, (folder / "serve.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield Served(folder, url, own)
        # As a person ends it: Ctrl-C in the terminal, which all its processes get.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 0, (folder / "serve.log").read_text()
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{url}/health", timeout=2)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def watched(served: Served) -> Ended:
    """What `prefect deployment run build-stage4-mix --watch` printed."""
    return served.run("prefect", "deployment", "run", "build-stage4-mix", "--watch")


def test_every_deployment_is_served(served: Served) -> None:
    names = {each["name"] for each in served.ask("deployments/filter")}
    assert {f"build-stage{stage}-mix" for stage in (1, 2, 3, 4)} <= names
    assert {"synthesise-culture", "synthesise-questions", "translate", "rephrase"} <= names


def test_a_run_by_its_bare_name_completes(served: Served, watched: Ended) -> None:
    watched.done()
    (run,) = served.flow_runs()
    assert run["state_name"] == "Completed"
    assert run["name"] == "marco-mini stage4"


def test_its_bytes_are_those_of_the_command_line(served: Served, watched: Ended, built: Built) -> None:
    watched.done()
    assert digests(served.workspace) == digests(built.workspace)


def test_one_task_a_step_and_not_one_a_file(served: Served, watched: Ended) -> None:
    watched.done()
    (run, *_) = served.flow_runs()
    assert served.task_states(run["id"]) == {"Completed": steps_of(served.workspace)}


def test_the_token_table_says_what_inspect_says(served: Served, watched: Ended) -> None:
    watched.done()
    artifact = served.artifact("tokens-marco-mini-stage4")
    assert artifact["type"] == "table"
    rows = {row["name"]: row for row in json.loads(artifact["data"])}
    plan = json.loads(served.run("babelmix", "inspect", "stage4", "--json").done())
    names = [row[kind] for kind, of in (("category", "categories"), ("language", "languages")) for row in plan[of]]
    assert set(names) <= rows.keys()
    for kind, of in (("category", "categories"), ("language", "languages")):
        for row in plan[of]:
            shown = rows[row[kind]]
            assert shown["of"] == kind
            assert shown["share planned"] == f"{100 * row['share_planned']:.2f} %"
            assert _number(shown["tokens planned"]) == pytest.approx(row["tokens_planned"], rel=0.006)
            assert _number(shown["tokens available"]) == pytest.approx(row["tokens_available"], rel=0.006)


def _number(text: str) -> float:
    units = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    return float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)


def test_the_funnel_has_a_row_for_each_source_and_language(served: Served, watched: Ended) -> None:
    watched.done()
    artifact = served.artifact("funnel-marco-mini-stage4")
    assert artifact["type"] == "markdown"
    cells = [line.strip("| ").split(" | ") for line in artifact["data"].splitlines() if line.startswith("| ")]
    found = {(row[0], row[1]): row for row in cells[1:]}
    curated = [name.split("/")[1:] for name in complete(served.workspace) if name.startswith("curated/")]
    assert found.keys() == {(language, source) for source, language in curated}
    for source, language in curated:
        manifest = served.workspace / "curated" / source / language / "manifest.json"
        totals = json.loads(manifest.read_text(encoding="utf-8"))["totals"]
        row = found[language, source]
        assert [int(row[2]), int(row[-1])] == [totals["documents"], totals["kept"]]
        assert int(row[2]) == sum(map(int, row[3:]))


def test_progress_ends_at_a_hundred_percent(served: Served, watched: Ended) -> None:
    watched.done()
    artifact = served.artifact("progress-marco-mini-stage4")
    assert artifact["type"] == "progress"
    assert float(artifact["data"]) == 100


def test_later_runs_recompute_nothing(served: Served, watched: Ended) -> None:
    watched.done()
    before = times(served.workspace)
    served.run("prefect", "deployment", "run", "build-stage4-mix", "--watch").done()
    assert [run["state_name"] for run in served.flow_runs()] == ["Completed"] * 2
    # A folder's fingerprint is a key only once the folder stands, so the second run is the first to leave one.
    assert "Nothing was recomputed" in served.run("babelmix", "mix", "stage4").done()
    *_, last = served.flow_runs()
    assert served.task_states(last["id"]).keys() == {"Cached"}
    assert times(served.workspace) == before


def test_what_is_gone_is_made_again_although_it_was_cached(served: Served, watched: Ended, built: Built) -> None:
    watched.done()
    shutil.rmtree(served.workspace / "tokens" / "multilingual" / "fineweb-2" / "ell_Grek")
    served.run("babelmix", "mix", "stage4").done()
    assert digests(served.workspace) == digests(built.workspace)


def test_parameters_of_a_run(served: Served, watched: Ended) -> None:
    watched.done()
    asked = ("--param", "tokens=20000", "--param", "workspace=other")
    served.run("prefect", "deployment", "run", "build-stage4-mix", *asked, "--watch").done()
    totals = json.loads((mixture(served.folder / "other") / "manifest.json").read_text(encoding="utf-8"))["totals"]
    assert totals["plan"]["tokens"] == 20_000


def test_a_mistake_of_the_user_fails_at_once_with_its_line(served: Served, watched: Ended) -> None:
    watched.done()
    (served.folder / "mirror" / "fineweb-2" / "data" / "ell_Grek" / "train").mkdir(parents=True)
    (served.folder / "mirror" / "fineweb-2" / "data" / "ell_Grek" / "train" / "000_00000.parquet").write_bytes(b"")
    asked = ("--param", "profile=mirror", "--param", "workspace=third")
    ended = served.run("prefect", "deployment", "run", "build-stage4-mix", *asked, "--watch")
    assert ended.code == 1, ended
    run = served.flow_runs()[-1]
    assert run["state_name"] == "Failed", run
    # Not tried again: the file is as empty at the second try.
    assert run["total_run_time"] < 30
    assert "000_00000.parquet" in run["state"]["message"]


def test_an_unknown_name_is_one_line(served: Served) -> None:
    ended = served.run("prefect", "deployment", "run", "build-stage5-mix")
    assert ended.code == 1
    (line,) = (ended.out + ended.err).strip().splitlines()
    assert "build-stage5-mix" in line


def test_what_a_model_writes_is_a_run_of_its_own(served: Served, watched: Ended) -> None:
    """Each kind by its bare name; what became of its documents is a table on the server's page."""
    watched.done()
    before = times(served.workspace)
    for name, kind in (("synthesise-culture", "culture"), ("translate", "translate"), ("rephrase", "rephrase")):
        served.run("prefect", "deployment", "run", name, "--watch").done()
        artifact = served.artifact(f"{kind}-marco-mini-stage4")
        rows = json.loads(artifact["data"])
        assert all(row["kept"] == 1 and row["model"] == "written by hand for the sample pack" for row in rows)
        assert "replayed" in artifact["description"]
    assert times(served.workspace) == before
