"""Completes requests by an OpenAI-compatible server: a plain iterator, with an event loop behind it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from synth.engine.asking import Server
from synth.engine.http_run import HttpRun, Outcome
from synth.engine.segments import Recorded
from synth.engine.store import Store
from synth.engine.wire import verdict
from synth.request import Completion, Finished, Request

# Requests that are taken from the caller for each that may be with the server: one there, one waiting.
_AHEAD: Final = 2


class HttpEngine:
    """See `synth.request.Engine`.

    What the store has is not asked again, and a run that finds everything there needs no server. Each completion
    is stored before it is handed out. Two equal requests that wait at the same time are asked once.
    """

    def __init__(
        self,
        url: str,
        model: str,
        revision: str = "",
        *,
        store: Store,
        concurrency: int = 64,
        timeout_s: float = 600.0,
        retries: int = 6,
        first_pause_s: float = 0.5,
        restart: Callable[[], None] | None = None,
        api_key: str | None = None,
    ) -> None:
        """
        Args:
            url: such as `http://localhost:8000` or `http://localhost:8000/v1`.
            model: the name that the server serves it by.
            revision: the commit or digest of its weights; part of the key of every completion.
            concurrency: requests that may be with the server at once.
            timeout_s: for one attempt, from its start to the last byte.
            retries: further attempts after a transport fault.
            first_pause_s: the longest wait before the second attempt; it doubles with each, up to 30 s.
            restart: called, one call at a time, when the server does not answer; returns once it is healthy.
            api_key: sent as a bearer token.
        """
        self._server = Server(
            url=url.rstrip("/").removesuffix("/v1"),
            model=model,
            concurrency=concurrency,
            timeout_s=timeout_s,
            retries=retries,
            first_pause_s=first_pause_s,
            restart=restart,
            api_key=api_key,
        )
        self._revision = revision
        self._store = store

    @property
    def model(self) -> str:
        """See `Engine`."""
        return self._server.model

    @property
    def revision(self) -> str:
        """See `Engine`."""
        return self._revision

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`. Takes at most twice `concurrency` requests ahead of what it has handed out.

        Raises:
            BabelmixError: no server answers, it does not serve the model, it fails one request after another, or
                a completion cannot be stored. What has arrived is stored: the next run goes on from there.
        """
        self._store.refresh()
        source, exhausted = iter(requests), False
        waiting: dict[str, list[Request]] = {}
        taken = 0
        with HttpRun(self._server, self._keep) as run:
            while True:
                room = not exhausted and taken < _AHEAD * self._server.concurrency
                # With room left, only what is there already: the server must not wait for the caller.
                if taken and (outcome := run.next_outcome(wait=not room)) is not None:
                    group = waiting.pop(outcome.key)
                    taken -= len(group)
                    yield from _finished(group, outcome)
                elif not room:
                    return
                elif (request := next(source, None)) is None:
                    exhausted = True
                else:
                    key = request.key(self.model, self._revision)
                    if key in waiting:
                        waiting[key].append(request)
                        taken += 1
                    elif (stored := self._store.get(key)) is not None:
                        yield Finished(request, stored, verdict(request, stored), replayed=True)
                    else:
                        waiting[key] = [request]
                        taken += 1
                        run.submit(key, request)

    def _keep(self, key: str, request: Request, found: Completion) -> None:
        self._store.put(Recorded(key, request.prompt, self.model, self._revision, found))


def _finished(group: list[Request], outcome: Outcome) -> Iterator[Finished]:
    for number, request in enumerate(group):
        if outcome.completion is None:
            yield Finished(request, None, outcome.failure)
        else:
            found = outcome.completion
            yield Finished(request, found, verdict(request, found), replayed=number > 0)
