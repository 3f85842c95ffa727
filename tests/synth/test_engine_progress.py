"""Counts, rates and the expected end; and the estimate before the start."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from sources.errors import BabelmixError
from synth.engine.estimate import estimate
from synth.engine.progress import Tally, Watched, duration
from synth.engine.replay import recorded_for
from synth.engine.settings import EngineSettings
from synth.engine.store import Store
from synth.request import Completion, Failure, FailureKind, Finished, Message, Request, Sampling


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def request(number: int, max_tokens: int = 10) -> Request:
    messages = (Message("system", "be brief"), Message("user", f"text {number}"))
    return Request("test/echo@1", messages, Sampling(max_tokens))


def finished(number: int, kind: FailureKind | None = None, replayed: bool = False) -> Finished:
    failure = None if kind is None else Failure(kind, "why")
    completion = None if kind == "transport" else Completion("x", "stop", 7, 5)
    return Finished(request(number), completion, failure, replayed)


def test_failures_are_counted_by_kind_whoever_found_them() -> None:
    tally = Tally()
    for number, kind in enumerate((None, "truncated", "transport", "truncated", None)):
        tally.add(finished(number, kind))  # type: ignore[arg-type]
    tally.reject(Failure("check", "wrong language"))
    counts = tally.snapshot()
    assert counts.requests == 5 and counts.prompt_tokens == 28 and counts.completion_tokens == 20
    assert counts.failures == {"transport": 1, "truncated": 2, "unparsable": 0, "refused": 0, "check": 1}


def test_the_rate_and_the_end_are_those_of_what_is_generated() -> None:
    clock = Clock()
    tally = Tally(total=1000, clock=clock)
    for number in range(500):
        tally.add(finished(number, replayed=True))
    assert tally.snapshot().left_s is None
    for number in range(100):
        clock.now += 0.5
        tally.add(finished(number))
    counts = tally.snapshot()
    assert counts.seconds == 50 and counts.completions_per_s == 2 and counts.tokens_per_s == 10
    assert counts.left_s == 200
    assert counts.line() == "600 requests, 500 replayed, 2.0 completions/s, 10 tokens/s, 3 min left"


def test_the_rate_follows_a_server_that_gets_slower() -> None:
    clock = Clock()
    tally = Tally(total=10**6, clock=clock)
    rates = []
    for pause in (0.1, 1.0):
        for _ in range(4000):
            clock.now += pause
            tally.add(finished(0))
            tally.snapshot()
        rates.append(tally.snapshot().completions_per_s)
    assert rates == pytest.approx([10, 1], rel=0.01)


class Ten:
    """An engine that finishes ten requests, one a second."""

    model, revision = "ten", "1"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        for number, _ in enumerate(requests):
            self.clock.now += 1
            yield finished(number)


def test_an_engine_that_is_watched_tells_of_its_speed_and_its_end() -> None:
    clock = Clock()
    told: list[str] = []
    done = 0
    engine = Watched(Ten(clock), told.append, lambda: f"{done} done", lambda: 20, Tally(clock=clock))
    assert (engine.model, engine.revision) == ("ten", "1")
    for _ in engine.complete([request(number, 10) for number in range(10)]):
        done += 1
    assert done == 10 and len(told) == 10
    assert told[4].startswith("4 done, 5 requests, ")
    assert "1.0 completions/s" in told[-1] and told[-1].endswith("10 s left")


def test_engines_with_one_tally_are_counted_together() -> None:
    clock = Clock()
    told: list[str] = []
    tally = Tally(clock=clock)
    for _ in range(2):
        list(Watched(Ten(clock), told.append, tally=tally).complete([request(1, 10)] * 10))
    assert tally.requests == 20 and told[-1].startswith("20 requests, ")


def test_no_more_than_a_line_a_second_is_told() -> None:
    told: list[str] = []
    engine = Watched(Ten(Clock()), told.append, tally=Tally(clock=lambda: 0.0))
    assert len(list(engine.complete([request(1, 10)] * 10))) == 10 and told == []


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (89, "89 s"), (600, "10 min"), (12_000, "3 h 20 min"), (187_200, "2 d 4 h")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_the_estimate_is_the_sum_of_what_is_not_stored(tmp_path: Path) -> None:
    def words(text: str) -> int:
        return len(text.split())

    requests = [request(number, 1000) for number in range(100)]
    whole = estimate(requests, words, tokens_per_second=100, prompt_tokens_per_second=1000)
    # Two messages of two words each, five tokens around each, three before the answer.
    assert (whole.requests, whole.prompt_tokens, whole.completion_tokens) == (100, 1700, 100_000)
    assert whole.gpu_hours == pytest.approx((1000 + 1.7) / 3600)
    with Store(tmp_path) as store:
        for each in requests[:40]:
            store.put(recorded_for(each, "m", "r", "text"))
        rest = estimate(iter(requests), words, 100, store=store, model="m", revision="r")
        other = estimate(iter(requests), words, 100, store=store, model="m", revision="s")
    assert (rest.requests, rest.stored, rest.completion_tokens) == (60, 40, 60_000)
    assert other.requests == 100
    assert rest.line() == (
        "60 requests (40 more are stored), 1,020 prompt tokens, at most 60,000 completion tokens,"
        " at most 0.17 GPU hours"
    )


def test_settings_take_the_key_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EngineSettings(url="http://localhost:8000/v1", model="m", revision="r", api_key_variable="TEST_KEY")
    with Store(tmp_path) as store:
        monkeypatch.delenv("TEST_KEY", raising=False)
        with pytest.raises(BabelmixError, match="TEST_KEY is not set"):
            settings.engine(store)
        monkeypatch.setenv("TEST_KEY", "secret")
        engine = settings.engine(store)
    assert (engine.model, engine.revision) == ("m", "r")
