"""The engine against a server with planted faults: what is tried again, what is not, and what is stored."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sources.errors import BabelmixError
from synth.engine.http_engine import HttpEngine
from synth.engine.served import served_model
from synth.engine.store import Store
from synth.request import Finished, Message, Request, Sampling
from tests.synth.engine_server import MODEL, PlantedServer


def request(text: str, **sampling: Any) -> Request:
    return Request("test/echo@1", (Message("user", text),), Sampling(max_tokens=8, **sampling), {"id": text})


def engine(server: PlantedServer, store: Store, **settings: Any) -> HttpEngine:
    settings = {"concurrency": 8, "timeout_s": 10.0, "first_pause_s": 0.01, "retries": 3} | settings
    return HttpEngine(server.url, settings.pop("model", MODEL), "r1", store=store, **settings)


def by_text(finished: Iterator[Finished]) -> dict[str, Finished]:
    return {each.request.messages[-1].content: each for each in finished}


@pytest.fixture
def server() -> Iterator[PlantedServer]:
    with PlantedServer() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "completions") as store:
        yield store


def test_completions_come_with_their_usage_and_context(server: PlantedServer, store: Store) -> None:
    finished = by_text(engine(server, store).complete(request(f"text {n}") for n in range(50)))
    assert len(finished) == 50 and len(store) == 50
    one = finished["text 7"]
    assert one.failure is None and not one.replayed and one.request.context == {"id": "text 7"}
    assert one.completion is not None and one.completion.text == "echo: text 7"
    assert (one.completion.prompt_tokens, one.completion.completion_tokens) == (2, 3)


def test_what_is_sent_is_what_was_asked(server: PlantedServer, store: Store) -> None:
    list(engine(server, store).complete([request("a", temperature=0.25, top_p=0.5, seed=11)]))
    sent = server.bodies[0]
    assert sent == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 8,
        "temperature": 0.25,
        "top_p": 0.5,
        "seed": 11,
    }


@pytest.mark.parametrize(
    "text", ["500*2", "429*2", "503*1 429*1", "reset*2", "junk*1", "abort*1", "500*1 reset*1 junk*1"]
)
def test_a_transport_fault_is_tried_again(server: PlantedServer, store: Store, text: str) -> None:
    [finished] = engine(server, store).complete([request(text)])
    faults = sum(int(word.partition("*")[2]) for word in text.split())
    assert finished.failure is None and server.attempts[text] == faults + 1


def test_a_slow_answer_is_dropped_and_asked_for_again(server: PlantedServer, store: Store) -> None:
    [finished] = engine(server, store, timeout_s=0.3).complete([request("slow*1")])
    assert finished.failure is None and server.attempts["slow*1"] == 2


def test_faults_without_end_are_one_failure_that_is_not_stored(server: PlantedServer, store: Store) -> None:
    finished = by_text(engine(server, store, concurrency=2).complete([request("500*99"), request("good")]))
    failure = finished["500*99"].failure
    assert failure is not None and failure.kind == "transport"
    assert failure.reason == "HTTP 500: planted 500 in two lines (4 attempts)"
    assert server.attempts["500*99"] == 4 and len(store) == 1
    list(engine(server, store, concurrency=2).complete([request("500*99"), request("good")]))
    assert server.attempts["500*99"] == 8 and server.attempts["good"] == 1


def test_a_refused_request_is_not_tried_again(server: PlantedServer, store: Store) -> None:
    requests = [request(f"400*9 {n}") for n in range(40)]
    finished = list(engine(server, store, concurrency=2).complete(requests))
    assert [each.failure.kind for each in finished if each.failure] == ["transport"] * 40
    assert finished[0].failure is not None and finished[0].failure.reason == "HTTP 400: planted 400 in two lines"
    assert set(server.attempts.values()) == {1} and len(store) == 0


def test_a_truncated_completion_is_a_failure_that_is_paid_for_once(server: PlantedServer, store: Store) -> None:
    for replayed in (False, True):
        [finished] = engine(server, store).complete([request("long")])
        assert finished.failure is not None and finished.failure.kind == "truncated"
        assert finished.completion is not None and finished.completion.finish_reason == "length"
        assert finished.replayed is replayed
    assert server.attempts["long"] == 1


def test_an_empty_answer_is_an_empty_text(server: PlantedServer, store: Store) -> None:
    [finished] = engine(server, store).complete([request("none")])
    assert finished.completion is not None and finished.completion.text == ""


def test_a_choice_is_asked_for_and_held_to(server: PlantedServer, store: Store) -> None:
    asked = [request("pick", choice=("yes", "no")), request("free", choice=("yes", "no"))]
    finished = by_text(engine(server, store).complete(asked))
    assert finished["pick"].failure is None
    assert finished["pick"].completion is not None and finished["pick"].completion.text == "yes"
    failure = finished["free"].failure
    assert failure is not None and failure.kind == "unparsable"


def test_what_is_stored_needs_no_server(server: PlantedServer, store: Store) -> None:
    requests = [request(f"text {n}") for n in range(20)]
    list(engine(server, store).complete(requests))
    server.stop()
    again = list(engine(server, store).complete(requests))
    assert [each.request for each in again] == requests and all(each.replayed for each in again)


def test_another_model_revision_or_sampling_is_another_completion(server: PlantedServer, store: Store) -> None:
    for settings in ({}, {"model": "other"}):
        list(engine(server, store, **settings).complete([request("a"), request("a", seed=1)]))
    list(HttpEngine(server.url, MODEL, "r2", store=store).complete([request("a")]))
    assert server.attempts["a"] == 5 and len(store) == 5


def test_equal_requests_are_asked_once(server: PlantedServer, store: Store) -> None:
    server.delay_s = 0.05
    finished = list(engine(server, store).complete([request("same")] * 30))
    assert len(finished) == 30 and server.attempts["same"] == 1
    assert sum(not each.replayed for each in finished) == 1


def test_no_more_is_taken_than_twice_the_concurrency(server: PlantedServer, store: Store) -> None:
    server.delay_s = 0.01
    taken = 0
    most = 0

    def source() -> Iterator[Request]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield request(f"text {number}")

    for handed_out, _ in enumerate(engine(server, store, concurrency=4).complete(source())):
        most = max(most, taken - handed_out)
        time.sleep(0.005)
    assert taken == 100 and most <= 8
    assert 2 <= server.most_at_once <= 4


def test_a_slow_source_does_not_keep_back_what_is_finished(server: PlantedServer, store: Store) -> None:
    """The source waits for the first completion before it gives its third request."""
    seen = threading.Event()

    def source() -> Iterator[Request]:
        yield request("first")
        deadline = time.monotonic() + 10
        number = 0
        while not seen.is_set() and time.monotonic() < deadline:
            time.sleep(0.01)
            number += 1
            yield request(f"more {number}")
        assert seen.is_set()

    for finished in engine(server, store, concurrency=64).complete(source()):
        if finished.request.messages[-1].content == "first":
            seen.set()
    assert seen.is_set()


def test_a_model_that_is_not_served_is_one_line(server: PlantedServer, store: Store) -> None:
    with pytest.raises(BabelmixError, match=r"does not serve 'absent'; it serves planted, other$"):
        list(engine(server, store, model="absent").complete([request("a")]))
    assert not server.bodies


def test_the_served_model_is_found_by_the_address(server: PlantedServer) -> None:
    with pytest.raises(BabelmixError, match=r"serves planted, other; name one of them$"):
        served_model(server.url)
    assert served_model(f"{server.url}/v1/", "other") == "other"
    with pytest.raises(BabelmixError, match=r"does not serve 'absent'; it serves planted, other$"):
        served_model(server.url, "absent")
    with pytest.raises(BabelmixError, match=r"^localhost: no address of a server; write it as http"):
        served_model("localhost")
    with pytest.raises(BabelmixError, match=r"/v1/models answers HTTP 404"):
        served_model(f"{server.url}/elsewhere")
    server.stop()
    with pytest.raises(BabelmixError, match=r"no connection \(.*refused\); start a server there"):
        served_model(server.url)


def test_no_server_is_one_line(store: Store) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(BabelmixError, match=rf"^{url}: no connection .*; start a server there, or name another$"):
        list(HttpEngine(url, MODEL, store=store).complete([request("a")]))


def test_a_server_that_fails_every_request_ends_the_run(server: PlantedServer, store: Store) -> None:
    requests = (request(f"503*99 {number}") for number in range(10_000))
    with pytest.raises(BabelmixError, match="8 requests failed one after another, the last by: HTTP 503"):
        list(engine(server, store, concurrency=4, retries=1).complete(requests))
    assert next(requests, None) is not None


def test_a_dead_server_is_restarted_and_nothing_is_lost(server: PlantedServer, store: Store) -> None:
    server.delay_s = 0.01
    restarts = []

    def restart() -> None:
        restarts.append(threading.current_thread().name)
        server.start()

    finished = []
    for each in engine(server, store, restart=restart).complete(request(f"text {n}") for n in range(200)):
        finished.append(each)
        if len(finished) in (50, 120):
            server.stop()
    assert len(restarts) == 2
    assert len(finished) == 200 and not [each for each in finished if each.failure]
    assert max(server.served.count(f"text {n}") for n in range(200)) == 1


def test_a_server_that_stays_dead_is_not_restarted_for_ever(server: PlantedServer, store: Store) -> None:
    server.stop()
    calls = []
    with pytest.raises(BabelmixError):
        list(engine(server, store, restart=lambda: calls.append(1)).complete([request("a")]))
    assert len(calls) == 1


def test_a_caller_who_stops_early_leaves_nothing_running(server: PlantedServer, store: Store) -> None:
    running = engine(server, store).complete(request(f"text {n}") for n in range(1000))
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "completions"]
    assert len(server.served) < 100


def test_a_fault_of_the_source_reaches_the_caller(server: PlantedServer, store: Store) -> None:
    def source() -> Iterator[Request]:
        yield request("a")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(engine(server, store).complete(source()))


def test_one_engine_feeds_another(server: PlantedServer, store: Store) -> None:
    """The second pass of a task asks about what the first pass wrote."""
    both = engine(server, store)
    first = both.complete(request(f"text {n}") for n in range(40))
    second = both.complete(request(each.completion.text) for each in first if each.completion)
    assert sorted(each.completion.text for each in second if each.completion) == sorted(
        f"echo: echo: text {n}" for n in range(40)
    )


@pytest.mark.parametrize("text", ["\ud800 half a pair", 'tab\tquote" \\ \u2028 \x00 end', "Ελληνικά 中文 🏺"])
def test_any_text_is_sent_and_stored(server: PlantedServer, store: Store, text: str) -> None:
    for _ in range(2):
        [finished] = engine(server, store).complete([request(text)])
        assert finished.completion is not None
        assert finished.completion.text == f"echo: {text}".encode("utf-16", "surrogatepass").decode(
            "utf-16", "replace"
        )
    assert len(store) == 1
