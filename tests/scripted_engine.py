"""An engine for tests: what it answers is a function of the request, and the order is not that of the requests."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from synth.request import Completion, Failure, Finished, Request


@dataclass
class ScriptedEngine:
    """Answers by `answer`; a Failure is a failed request, None one that never comes back."""

    answer: Callable[[Request], str | Failure | Completion | None]
    window: int = 4
    model: str = "scripted"
    revision: str = "r1"
    asked: list[Request] = field(default_factory=list)
    most_open: int = 0

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """A window of requests at a time, the last of it first."""
        given = iter(requests)
        while batch := list(islice(given, self.window)):
            self.most_open = max(self.most_open, len(batch))
            self.asked += batch
            for request in reversed(batch):
                found = self.answer(request)
                if isinstance(found, Failure):
                    yield Finished(request, None, found)
                elif isinstance(found, Completion):
                    yield Finished(request, found)
                elif found is not None:
                    yield Finished(request, Completion(found, "stop", 10, 20))
