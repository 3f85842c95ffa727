"""The engine against real vLLM, with a tiny Qwen3 and a tiny Qwen3-MoE: chat, choice, load, a killed server.

make vllm
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_vllm import ROOT, real_vllm

from sources.errors import BabelmixError
from synth.engine.http_engine import HttpEngine
from synth.engine.replay import ReplayEngine, record
from synth.engine.served import served_model
from synth.engine.server import VllmServer
from synth.engine.store import Store
from synth.request import Message, Request, Sampling

pytestmark = pytest.mark.vllm


def request(text: str, max_tokens: int = 24, **sampling: Any) -> Request:
    messages = (Message("system", "You answer."), Message("user", text))
    return Request("test/chat@1", messages, Sampling(max_tokens, **sampling), {"id": text})


@pytest.fixture(scope="module", params=["qwen3", "qwen3-moe"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    folder = tmp_path_factory.mktemp(request.param)
    script = ROOT / "tests/synth/tiny_models.py"
    subprocess.run([sys.executable, script, folder / "model", request.param], check=True, capture_output=True)
    with real_vllm(folder / "model", request.param) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "completions") as store:
        yield store


def engine(server: VllmServer, store: Store, concurrency: int = 16) -> HttpEngine:
    return HttpEngine(
        server.url, server.model, "seed-0", store=store, concurrency=concurrency, restart=server.restart
    )


def processes(server: VllmServer) -> list[int]:
    """The server's own process and those that it has started."""
    port = server.url.rpartition(":")[2].encode()
    groups = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            groups[int(path.name)] = os.getpgid(int(path.name)), (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
    leaders = [pid for pid, (group, words) in groups.items() if port in words and pid == group]
    served = [pid for pid in leaders if any(b"keeper.py" in word for word in groups[pid][1]) is False]
    return [pid for pid, (group, _) in groups.items() if group in served]


def test_a_chat_is_completed_stored_and_replayed(server: VllmServer, store: Store, tmp_path: Path) -> None:
    requests = [request(f"Πες μου κάτι για το {n}.", max_tokens=200, temperature=1.0, seed=n) for n in range(24)]
    finished = list(engine(server, store).complete(requests))
    assert len(finished) == len(store) == 24
    assert {each.completion.finish_reason for each in finished if each.completion} <= {"stop", "length"}
    for each in finished:
        assert each.completion is not None
        # Bytes of both messages and ChatML's marks.
        assert each.completion.prompt_tokens > 40 and 0 < each.completion.completion_tokens <= 200
        assert (each.failure is None) == (each.completion.finish_reason == "stop")
    record(store, tmp_path / "recorded.jsonl")
    replayed = {
        each.request.context["id"]: each for each in ReplayEngine([tmp_path / "recorded.jsonl"]).complete(requests)
    }
    assert all(replayed[each.request.context["id"]].completion == each.completion for each in finished)


def test_a_choice_is_kept_to(server: VllmServer, store: Store) -> None:
    options = ("A", "B", "C", "D")
    asked = [request(f"Which? {n}", choice=options, temperature=1.0, seed=n) for n in range(32)]
    finished = list(engine(server, store).complete(asked))
    assert not [each.failure for each in finished if each.failure]
    chosen = {each.completion.text for each in finished if each.completion}
    assert chosen <= set(options) and len(chosen) > 1


def test_what_is_cut_off_is_a_failure(server: VllmServer, store: Store) -> None:
    finished = list(engine(server, store).complete(request(f"Go on {n}", max_tokens=2) for n in range(20)))
    cut = [each for each in finished if each.failure]
    assert len(cut) >= 15
    for each in cut:
        assert each.failure is not None and each.failure.kind == "truncated"
        assert each.completion is not None and each.completion.completion_tokens == 2
    again = list(engine(server, store).complete(request(f"Go on {n}", max_tokens=2) for n in range(20)))
    assert all(each.replayed for each in again) and sum(each.failure is not None for each in again) == len(cut)


def test_more_requests_than_the_server_takes_at_once(server: VllmServer, store: Store) -> None:
    finished = list(engine(server, store, concurrency=100).complete(request(f"Load {n}", 8) for n in range(400)))
    assert len(finished) == len(store) == 400
    assert {each.failure.kind for each in finished if each.failure} <= {"truncated"}


def test_more_of_long_prompts_than_the_server_reads_at_once(server: VllmServer, store: Store) -> None:
    """It must not read them in parts: with a seed that kills vLLM 0.32 on the CPU."""
    asked = [request(f"{n} " + "long " * 160, 8, seed=n) for n in range(64)]
    finished = list(engine(server, store, concurrency=32).complete(asked))
    assert len(finished) == 64 and {each.failure.kind for each in finished if each.failure} <= {"truncated"}


def test_a_prompt_that_does_not_fit_fails_at_once_and_alone(server: VllmServer, store: Store) -> None:
    finished = {
        each.request.context["id"]: each
        for each in engine(server, store).complete([request("x" * 2000), request("y")])
    }
    failure = finished["x" * 2000].failure
    assert failure is not None and failure.kind == "transport" and failure.reason.startswith("HTTP 400: ")
    assert finished["y"].completion is not None and len(store) == 1


def test_a_model_that_is_not_served_is_one_line(server: VllmServer, store: Store) -> None:
    assert served_model(server.url) == server.model
    with pytest.raises(BabelmixError, match=f"does not serve 'other'; it serves {server.model}$"):
        list(HttpEngine(server.url, "other", store=store).complete([request("x")]))


def test_a_server_killed_in_the_middle_is_restarted_and_nothing_is_lost(server: VllmServer, store: Store) -> None:
    finished = []
    first = processes(server)
    assert len(first) >= 2
    killed = threading.Event()

    def kill() -> None:
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        killed.set()

    for each in engine(server, store).complete(request(f"Kill {n}", 32) for n in range(300)):
        finished.append(each)
        if len(finished) == 100:
            kill()
    assert killed.is_set() and not set(first) & set(processes(server))
    assert len(finished) == 300 and {each.failure.kind for each in finished if each.failure} <= {"truncated"}
    # Each was stored, and stored once.
    assert len(store) == 300 and len(list(store.ordered())) == 300


def test_a_dead_engine_behind_a_living_server_is_noticed(server: VllmServer, store: Store) -> None:
    """The worker dies, the web server answers on: with 500, or by ending itself a little later."""
    finished = []
    for each in engine(server, store).complete(request(f"Worker {n}", 32) for n in range(200)):
        finished.append(each)
        if len(finished) == 50:
            os.kill(max(processes(server)), signal.SIGKILL)
            time.sleep(0.1)
    assert len(finished) == 200 and {each.failure.kind for each in finished if each.failure} <= {"truncated"}
    assert len(list(store.ordered())) == 200
