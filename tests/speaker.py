"""A server that says what the sample pack has recorded, to whoever asks the same."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from synth.request import Message, Request, Sampling
from tests.synth.engine_server import PlantedServer

# A line of each prompt, by which it is known again.
_PROMPTS = {
    "would the text between <text> and </text>": "culture/rate@1",
    "say what it is about and of which region": "culture/annotate@1",
    "Write an article in": "culture/article@1",
}


class Speaker(PlantedServer):
    """Answers by the completions in `files`, each after `delay_s`; `served` lists what it was asked."""

    def __init__(self, files: Iterable[Path], delay_s: float = 0.0) -> None:
        super().__init__(delay_s=delay_s)
        rows = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
        self._known = {row["key"]: row["text"] for row in rows}
        ((self._model, self._revision),) = {(row["model"], row["revision"]) for row in rows}

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        text = body["messages"][-1]["content"]
        self.served.append(text)
        await asyncio.sleep(self.delay_s)
        asked = Request(
            next(name for line, name in _PROMPTS.items() if line in text),
            tuple(Message(each["role"], each["content"]) for each in body["messages"]),
            Sampling(body["max_tokens"], body["temperature"], body["top_p"], body["seed"]),
        )
        message = {"role": "assistant", "content": self._known[asked.key(self._model, self._revision)]}
        answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
        return web.json_response(answer | {"usage": {"prompt_tokens": 100, "completion_tokens": 50}})
