"""The server's process: ready, dead, restarted, and gone with its parent. A small module stands in for vLLM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sources.errors import BabelmixError
from synth.engine.http_engine import HttpEngine
from synth.engine.server import VllmServer
from synth.engine.store import Store
from synth.request import Message, Request, Sampling

# Answers as vLLM does, after a second process of its own was started, as vLLM's engine is one.
STAND_IN = """
import http.server, json, os, subprocess, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if arguments["--model"] == "broken":
    raise ValueError("no such model: broken")
name = arguments["--served-model-name"]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(os.environ["PIDS"], "a") as pids:
    print(os.getpid(), child.pid, file=pids)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer({"data": [{"id": name}]})
    def do_POST(self):
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
        if text == "die" and not os.path.exists(os.environ["PIDS"] + ".died"):
            open(os.environ["PIDS"] + ".died", "w").close()
            os.kill(os.getpid(), 9)
        self.answer({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})

http.server.ThreadingHTTPServer(("127.0.0.1", int(arguments["--port"])), Handler).serve_forever()
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package" / "vllm" / "entrypoints" / "openai"
    folder.mkdir(parents=True)
    (folder / "api_server.py").write_text(STAND_IN)
    return tmp_path / "package"


def server(tmp_path: Path, package: Path, model: str = "tiny") -> VllmServer:
    environment = {"PYTHONPATH": str(package), "PIDS": str(tmp_path / "pids")}
    return VllmServer(
        Path(sys.executable), model, log=tmp_path / "server.log", environment=environment, ready_s=20, port=None
    )


def pids(tmp_path: Path) -> list[int]:
    return [int(pid) for pid in (tmp_path / "pids").read_text().split()]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_end(processes: list[int]) -> bool:
    deadline = time.monotonic() + 15
    while any(map(runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(runs, processes))


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    if (tmp_path / "pids").exists():
        for pid in pids(tmp_path):
            if runs(pid):
                os.kill(pid, signal.SIGKILL)


def test_it_is_ready_on_entering_and_gone_on_leaving(tmp_path: Path, package: Path) -> None:
    with server(tmp_path, package) as running:
        assert running.healthy() and all(map(runs, pids(tmp_path)))
    assert not running.healthy() and all_end(pids(tmp_path))


def test_it_is_restarted_on_the_same_port_if_it_died(tmp_path: Path, package: Path) -> None:
    with server(tmp_path, package) as running:
        running.restart()
        assert len(pids(tmp_path)) == 2
        url = running.url
        os.kill(pids(tmp_path)[0], signal.SIGKILL)
        deadline = time.monotonic() + 10
        while running.healthy() and time.monotonic() < deadline:
            time.sleep(0.02)
        running.restart()
        assert running.healthy() and running.url == url
        # What the dead one had started is gone too.
        assert all_end(pids(tmp_path)[:2]) and len(pids(tmp_path)) == 4
    assert all_end(pids(tmp_path))


def test_the_engine_restarts_it_when_a_request_kills_it(tmp_path: Path, package: Path) -> None:
    requests = [Request("p@1", (Message("user", text),), Sampling(8)) for text in ("a", "die", "b", "c")]
    with server(tmp_path, package) as running, Store(tmp_path / "store") as store:
        engine = HttpEngine(running.url, "tiny", store=store, restart=running.restart, first_pause_s=0.01)
        finished = list(engine.complete(requests))
        assert len(finished) == 4 and not [each.failure for each in finished if each.failure]
    assert len(pids(tmp_path)) == 4


def test_it_dies_with_its_parent_however_that_dies(tmp_path: Path, package: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tests.synth.test_engine_server import server\n"
        "with server(Path(sys.argv[1]), Path(sys.argv[2])): print('up', flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), str(package)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert parent.stdout is not None and parent.stdout.readline() == b"up\n"
    assert len(pids(tmp_path)) == 2 and all(map(runs, pids(tmp_path)))
    parent.kill()
    parent.wait()
    assert all_end(pids(tmp_path))


def test_a_server_that_does_not_start_is_one_line(tmp_path: Path, package: Path) -> None:
    with pytest.raises(
        BabelmixError, match=r"server.log: vLLM ended before it was ready: ValueError: no such model"
    ):
        server(tmp_path, package, "broken").start()


def test_no_environment_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"absent/bin/python: no interpreter; make vLLM's environment by"):
        VllmServer(tmp_path / "absent/bin/python", "tiny", log=tmp_path / "log").start()
