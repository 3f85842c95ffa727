"""Asks a server for one completion: attempts, pauses between them, and a server that is made to stand again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

from sources.errors import BabelmixError
from synth.engine.faults import Patience, pause_s
from synth.engine.wire import NoAnswerError, body, complaint, completion
from synth.request import Completion, Failure, Request

# Under the five seconds after which uvicorn, vLLM's web server, closes an idle connection.
_KEEP_ALIVE_S: Final = 4.0
_CONNECT_S: Final = 10.0
_HEALTH_S: Final = 10.0
_TOO_MANY: Final = 429
# Not one request is at fault, all would be: no right to ask, or nothing at this address.
_FOR_ALL: Final = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how requests are sent; the fields are those of `HttpEngine`."""

    url: str
    model: str
    concurrency: int
    timeout_s: float
    retries: int
    first_pause_s: float
    restart: Callable[[], None] | None
    api_key: str | None

    def session(self) -> aiohttp.ClientSession:
        """A session with the server's time limits and key; to be made where an event loop runs."""
        headers = {"Content-Type": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_S),
            timeout=aiohttp.ClientTimeout(total=self.timeout_s, sock_connect=_CONNECT_S),
            headers=headers,
        )


class Asker:
    """Asks over one session. `find_model` comes first; `ask` may then run many times at once."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._session = session
        self._patience = Patience(most=2 * server.concurrency)
        self._standing = asyncio.Lock()
        self._legacy_choice = False

    async def ask(self, request: Request) -> Completion | Failure:
        """A completion, or the transport failure that is left after all attempts.

        Raises:
            BabelmixError: the server is at fault, not the request.
        """
        server = self._server
        content, url = body(request, server.model, self._legacy_choice), f"{server.url}/v1/chat/completions"
        reason, asked_s = "", 0.0
        for attempt in range(server.retries + 1):
            if attempt:
                await asyncio.sleep(pause_s(attempt, server.first_pause_s, asked_s))
            try:
                async with self._session.post(url, data=content) as answer:
                    status, received = answer.status, await answer.read()
                    asked_s = _seconds(answer.headers.get("Retry-After"))
                if status == 200:
                    found = completion(received)
                    self._patience.completed()
                    return found
            except NoAnswerError as error:
                reason = str(error)
                continue
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = _fault(error, server.timeout_s)
                await self._make_stand()
                continue
            reason = complaint(status, received)
            if status >= 500:
                await self._make_stand()
            elif status != _TOO_MANY:
                if status in _FOR_ALL:
                    self._give_up(reason)
                return Failure("transport", reason)
        self._give_up(reason)
        return Failure("transport", f"{reason} ({server.retries + 1} attempts)")

    def _give_up(self, reason: str) -> None:
        if self._patience.gave_up():
            raise BabelmixError(
                f"{self._server.url}: {self._patience.given_up} requests failed one after another, the last by:"
                f" {reason}; what was completed is stored, mend the server and run again"
            )

    async def _make_stand(self) -> None:
        """Restarts a server that does not answer, if there is a way to; one call does, the others wait for it."""
        if self._server.restart is None:
            return
        async with self._standing:
            if not await self._healthy():
                if self._patience.restarted():
                    raise BabelmixError(
                        f"{self._server.url}: the server died {self._patience.restarts} times without a completion"
                        " in between; its log says why; what was completed is stored"
                    )
                await asyncio.to_thread(self._server.restart)

    async def _healthy(self) -> bool:
        """Whether `/health` answers, or at least something at this address where there is no such page."""
        timeout = aiohttp.ClientTimeout(total=_HEALTH_S)
        try:
            async with self._session.get(f"{self._server.url}/health", timeout=timeout) as answer:
                return answer.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def find_model(self) -> None:
        """Makes sure that there is a server and that it serves the model."""
        server = self._server
        await self._make_stand()
        try:
            models = [str(each["id"]) for each in (await self._fetch("/v1/models"))["data"]]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BabelmixError(
                f"{server.url}: {_fault(error, _HEALTH_S)}; start a server there, or name another"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise BabelmixError(
                f"{server.url}: /v1/models does not answer as an OpenAI-compatible server does; name one that does"
            ) from error
        if server.model not in models:
            raise BabelmixError(f"{server.url}: does not serve {server.model!r}; it serves {', '.join(models)}")
        self._legacy_choice = await self._before_structured_outputs()

    async def _before_structured_outputs(self) -> bool:
        try:
            major, minor = str((await self._fetch("/version"))["version"]).split(".")[:2]
            return (int(major), int(minor)) < (0, 11)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, TypeError):
            return False

    async def _fetch(self, path: str) -> Any:
        timeout = aiohttp.ClientTimeout(total=_HEALTH_S)
        async with self._session.get(f"{self._server.url}{path}", timeout=timeout) as answer:
            content = await answer.read()
            if answer.status != 200:
                raise ValueError(complaint(answer.status, content))
            return orjson.loads(content)


def _seconds(retry_after: str | None) -> float:
    """What a `Retry-After` asks for; its other form, a date, is not heeded."""
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else 0.0


def _fault(error: BaseException, timeout_s: float) -> str:
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientConnectorError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "no connection (" + (error.strerror or str(error)) + ")"
    return f"the connection broke ({type(error).__name__})"
