"""One run against a server: an event loop in a thread of its own, so many workers as requests may be out."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

from synth.engine.asking import Asker, Server
from synth.request import Completion, Failure, Request

Keep: TypeAlias = Callable[[str, Request, Completion], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the request under `key`: a completion, which is stored by now, or a failure."""

    key: str
    completion: Completion | None
    failure: Failure | None


class HttpRun:
    """Sends what is submitted. The thread starts with the first request, so without one no server is asked."""

    def __init__(self, server: Server, keep: Keep) -> None:
        self._server = server
        self._keep = keep
        self._outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._started = threading.Event()

    def __enter__(self) -> "HttpRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the thread; requests that are still out are dropped."""
        if self._thread is not None:
            # The thread may have ended by a fault of its own, its loop with it.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def submit(self, key: str, request: Request) -> None:
        """Puts a request behind those that wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="completions", daemon=True)
            self._thread.start()
            self._started.wait()
        # If the thread has just ended, why it did is among the outcomes.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._asked.put_nowait, (key, request))

    def next_outcome(self, wait: bool) -> Outcome | None:
        """The next outcome; None if there is none yet and `wait` is false.

        Raises:
            BabelmixError: the run cannot go on.
        """
        try:
            found = self._outcomes.get(block=wait)
        except queue.Empty:
            return None
        if isinstance(found, BaseException):
            raise found
        return found

    def _serve(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # Whatever ends the thread must reach the caller, who waits for it.
            # Workers may fail together; the first to fail says why.
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self._outcomes.put(error)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: asyncio.Queue[tuple[str, Request]] = asyncio.Queue()
        self._stop = asyncio.Event()
        self._started.set()
        async with self._server.session() as session:
            stopped = asyncio.create_task(self._stop.wait())
            working = asyncio.create_task(self._work_all(Asker(self._server, session)))
            try:
                await asyncio.wait((stopped, working), return_when=asyncio.FIRST_COMPLETED)
                if working.done():
                    working.result()
            finally:
                stopped.cancel()
                working.cancel()
                await asyncio.gather(stopped, working, return_exceptions=True)

    async def _work_all(self, asker: Asker) -> None:
        await asker.find_model()
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._server.concurrency):
                workers.create_task(self._work(asker))

    async def _work(self, asker: Asker) -> None:
        while True:
            key, request = await self._asked.get()
            found = await asker.ask(request)
            if isinstance(found, Completion):
                self._keep(key, request, found)
                self._outcomes.put(Outcome(key, found, None))
            else:
                self._outcomes.put(Outcome(key, None, found))
