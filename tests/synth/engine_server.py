"""A small OpenAI-compatible server in a thread, with faults where a test plants them; it lists what it served."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any

from aiohttp import web

MODEL = "planted"


class PlantedServer:
    """Answers `echo: <last message>`, after the faults that it names itself; or what `answer` makes of it.

    A message is words: `500*2` is answered with status 500 twice, then rightly; so are `429*N`, `400*N`, `reset*N`
    (the connection is cut), `slow*N` (no answer for a minute), `junk*N` (no JSON) and `abort*N`. `long` is cut off
    (`finish_reason` is `length`), `none` has no content, `pick` gives the first choice that was allowed.
    """

    def __init__(self, port: int = 0, delay_s: float = 0.0, answer: Callable[[str], str] | None = None) -> None:
        self.port = port
        self.delay_s = delay_s
        self.answer = answer
        self.attempts: Counter[str] = Counter()
        self.served: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._now = 0
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "PlantedServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._ready.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    def stop(self) -> None:
        # A test's client may start it anew while this waits.
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._end.set)
            thread.join()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": MODEL}, {"id": "other"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        text = body["messages"][-1]["content"]
        self.attempts[text] += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await asyncio.sleep(self.delay_s)
            if self.answer is None and (fault := await self._fault(request, text)) is not None:
                return fault
        finally:
            self._now -= 1
        words = text.split() if self.answer is None else []
        content: str | None = self.answer(text) if self.answer else f"echo: {text}"
        if "none" in words:
            content = None
        elif "pick" in words:
            content = (body["structured_outputs"]["choice"])[0]
        answer = {
            "choices": [
                {
                    "message": {"role": "assistant", "content": content},
                    "finish_reason": "length" if "long" in words else "stop",
                }
            ],
            "usage": {"prompt_tokens": len(text.split()), "completion_tokens": 3},
        }
        self.served.append(text)
        return web.json_response(answer)

    async def _fault(self, request: web.Request, text: str) -> web.StreamResponse | None:
        attempt = self.attempts[text]
        for word in text.split():
            kind, star, times = word.partition("*")
            if not star:
                continue
            attempt -= int(times)
            if attempt > 0:
                continue
            if kind == "reset":
                assert request.transport is not None
                request.transport.abort()
            elif kind == "slow":
                await asyncio.wait([asyncio.create_task(self._end.wait())], timeout=60)
            elif kind == "junk":
                return web.Response(text="<html>not a model</html>")
            elif kind == "abort":
                return web.json_response({"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]})
            else:
                said = {"error": {"message": f"planted {kind}\nin two lines"}}
                return web.json_response(said, status=int(kind), headers={"Retry-After": "0"})
            return web.Response()
        return None
