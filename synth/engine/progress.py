"""What has become of the requests so far, how fast, and when the rest will be done."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, get_args

from synth.request import Engine, Failure, FailureKind, Finished, Request

# A line is made so often for whoever looks: a terminal takes each, a log one of many.
_TELL_S: Final = 1.0
# The rate is that of about so many seconds past, so that it follows a server that warms up or gets slower.
_MEMORY_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counts since the start. Rates are of what was generated, not of what was replayed."""

    seconds: float
    requests: int
    replayed: int
    failures: dict[FailureKind, int]
    prompt_tokens: int
    completion_tokens: int
    completions_per_s: float
    tokens_per_s: float
    # Seconds until all are done; None where their number is not known or nothing was generated yet.
    left_s: float | None

    def line(self) -> str:
        """One line for a person or a log."""
        failed = ", ".join(f"{count:,} {kind}" for kind, count in self.failures.items() if count)
        parts = [
            f"{self.requests:,} requests",
            f"{self.replayed:,} replayed" if self.replayed else "",
            f"failed: {failed}" if failed else "",
            f"{self.completions_per_s:,.1f} completions/s",
            f"{self.tokens_per_s:,.0f} tokens/s",
            f"{duration(self.left_s)} left" if self.left_s is not None else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(slots=True)
class Tally:
    """Counts requests and failures; a task adds the failures that it finds itself (`reject`)."""

    # Requests that there will be; None where nobody knows.
    total: int | None = None
    clock: Callable[[], float] = time.monotonic
    failures: Counter[FailureKind] = field(default_factory=Counter, init=False)
    requests: int = field(default=0, init=False)
    replayed: int = field(default=0, init=False)
    prompt_tokens: int = field(default=0, init=False)
    completion_tokens: int = field(default=0, init=False)
    _started: float = field(init=False)
    # When, requests generated and their tokens: the rate is from the first of these to now.
    _marks: list[tuple[float, int, int]] = field(default_factory=list, init=False)
    _generated: int = field(default=0, init=False)
    _generated_tokens: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()
        self._marks.append((self._started, 0, 0))

    def add(self, finished: Finished) -> None:
        """Counts a request that an engine has finished."""
        self.requests += 1
        self.replayed += finished.replayed
        if finished.failure is not None:
            self.failures[finished.failure.kind] += 1
        if (found := finished.completion) is not None:
            self.prompt_tokens += found.prompt_tokens
            self.completion_tokens += found.completion_tokens
            if not finished.replayed:
                self._generated_tokens += found.completion_tokens
        self._generated += not finished.replayed

    def reject(self, failure: Failure) -> None:
        """Counts a failure of a completion that the engine had no fault to find with."""
        self.failures[failure.kind] += 1

    def snapshot(self) -> Snapshot:
        """The counts now; call it about as often as it is shown, since the rates are taken between calls."""
        now = self.clock()
        while len(self._marks) > 1 and now - self._marks[1][0] >= _MEMORY_S:
            del self._marks[0]
        since, requests, tokens = self._marks[0]
        seconds = max(now - since, 1e-9)
        rate = (self._generated - requests) / seconds
        per_token = (self._generated_tokens - tokens) / seconds
        if now - self._marks[-1][0] >= _MEMORY_S / 100:
            self._marks.append((now, self._generated, self._generated_tokens))
        left = None
        if self.total is not None and (rate > 0 or self.requests >= self.total):
            left = max(self.total - self.requests, 0) / rate if self.requests < self.total else 0.0
        return Snapshot(
            seconds=now - self._started,
            requests=self.requests,
            replayed=self.replayed,
            failures={kind: self.failures[kind] for kind in get_args(FailureKind)},
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            completions_per_s=rate,
            tokens_per_s=per_token,
            left_s=left,
        )


class Watched:
    """An engine (`synth.request.Engine`) that tells of what it completes, a line a second.

    `of` says what has come of it so far, such as `3 of 10 documents kept`; `expected` how many requests there will
    be in all, as far as that is known by now. Engines that share a `tally` are counted together.
    """

    def __init__(
        self,
        engine: Engine,
        tell: Callable[[str], None],
        of: Callable[[], str] = str,
        expected: Callable[[], int | None] = lambda: None,
        tally: Tally | None = None,
    ) -> None:
        self._engine, self._tell, self._of, self._expected = engine, tell, of, expected
        self._tally = tally or Tally()
        self._told = self._tally.clock()

    @property
    def model(self) -> str:
        """See `Engine`."""
        return self._engine.model

    @property
    def revision(self) -> str:
        """See `Engine`."""
        return self._engine.revision

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`."""
        for each in self._engine.complete(requests):
            self._tally.add(each)
            if (now := self._tally.clock()) - self._told >= _TELL_S:
                self._told = now
                self._tally.total = self._expected()
                parts = (self._of(), self._tally.snapshot().line())
                self._tell(", ".join(part for part in parts if part))
            yield each


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
