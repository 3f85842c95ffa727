"""An HTTP proxy in front of an S3 server that fails as stores do: errors, silence, and connections that break off.

    python benchmarks/faulty_store.py --server http://127.0.0.1:5000 --port 5001

`PUT /-/faults` with JSON sets how often each kind of answer fails, from 0 to 1: `error` (500, 503 and SlowDown),
`slow` (an answer that waits for up to `slow_s`), `cut` (an answer of which half arrives), `lost` (what was asked
is done, and the answer is 500). `GET /-/faults` says how many were given.
"""

import argparse
import asyncio
import json
import random
from collections import Counter
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

KINDS = ("error", "slow", "cut", "lost")
ERRORS = ((500, "InternalError"), (503, "ServiceUnavailable"), (503, "SlowDown"))
# Of one connection only, and set anew by each side.
_OWN = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization"}


class FaultyStore:
    """Passes requests on to `server`, and fails some of them by a seeded draw."""

    def __init__(self, server: str, seed: int) -> None:
        self._server = server.rstrip("/")
        self._draw = random.Random(seed)
        self._rates: dict[str, float] = {}
        self._given: Counter[str] = Counter()
        self._session: ClientSession | None = None

    async def faults(self, request: web.Request) -> web.Response:
        """Sets the rates (PUT), or says how many faults were given so far (GET)."""
        if request.method == "PUT":
            self._rates = await request.json()
        return web.json_response(self._given)

    async def any(self, request: web.Request) -> web.StreamResponse:
        """One request, passed on or failed."""
        body = await request.read()
        kind = self._kind()
        if kind is not None:
            self._given[kind] += 1
        if kind == "error":
            return self._error()
        if kind == "slow":
            await asyncio.sleep(self._draw.uniform(0, self._rates.get("slow_s", 2.0)))
        if self._session is None:
            connector = TCPConnector(limit=0)
            self._session = ClientSession(
                connector=connector, timeout=ClientTimeout(total=None), auto_decompress=False
            )
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _OWN]
        async with self._session.request(
            request.method, f"{self._server}{request.raw_path}", data=body or None, headers=headers,
            skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"), allow_redirects=False,
        ) as answer:  # fmt: skip
            content = await answer.read()
            if kind == "lost":
                return self._error()
            passed = [(name, value) for name, value in answer.headers.items() if name.lower() not in _OWN]
            if kind == "cut" and len(content) > 1 and request.method == "GET":
                return await self._cut(request, answer.status, passed, content)
            kept = [each for each in passed if each[0].lower() != "content-length" or request.method == "HEAD"]
            return web.Response(status=answer.status, headers=kept, body=content)

    def _kind(self) -> str | None:
        at = self._draw.random()
        for kind in KINDS:
            at -= self._rates.get(kind, 0.0)
            if at < 0:
                return kind
        return None

    def _error(self) -> web.Response:
        status, code = self._draw.choice(ERRORS)
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>drawn</Message></Error>"
        return web.Response(status=status, text=text, content_type="application/xml")

    async def _cut(self, request: web.Request, status: int, headers: Any, content: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--server", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    store = FaultyStore(arguments.server, arguments.seed)
    application = web.Application(client_max_size=1 << 31)
    application.router.add_route("*", "/-/faults", store.faults)
    application.router.add_route("*", "/{path:.*}", store.any)
    print(json.dumps({"port": arguments.port}), flush=True)
    web.run_app(application, host="127.0.0.1", port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
