"""The OpenAI-compatible interface as vLLM speaks it: a request as a body, an answer as a completion, a verdict."""

import json
from dataclasses import asdict
from typing import Any

import orjson

from synth.request import Completion, Failure, Request

# What an answer that is no usable completion has as its finish reason: vLLM's scheduler gave it up.
_ABANDONED = ("abort", "error")


class NoAnswerError(Exception):
    """The server's answer holds no completion; worth another attempt."""


def body(request: Request, model: str, legacy_choice: bool = False) -> bytes:
    """The body of a POST to `/v1/chat/completions`.

    `legacy_choice` writes a choice as vLLM before 0.11 reads it; from 0.12 on it ignores that name without a word.
    """
    sampling = request.sampling
    fields: dict[str, Any] = {
        "model": model,
        "messages": [asdict(message) for message in request.messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    if sampling.choice:
        choice = list(sampling.choice)
        fields |= {"guided_choice": choice} if legacy_choice else {"structured_outputs": {"choice": choice}}
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:
        # Half of a surrogate pair, which UTF-8 has no bytes for: the server is sent U+FFFD in its place.
        return (
            json.dumps(fields, ensure_ascii=False)
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
            .encode()
        )


def completion(content: bytes) -> Completion:
    """The completion in the body of an answer with status 200.

    Raises:
        NoAnswerError: it is no JSON of that form, or the server gave the request up.
    """
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        # A lone surrogate, escaped, is JSON to Python's parser only.
        try:
            answer = json.loads(content)
        except ValueError as error:
            raise NoAnswerError("the answer is not JSON") from error
    try:
        first = answer["choices"][0]
        text, reason = first["message"]["content"] or "", str(first["finish_reason"])
    except (KeyError, IndexError, TypeError) as error:
        raise NoAnswerError("the answer has no choices[0].message.content and finish_reason") from error
    if reason in _ABANDONED:
        raise NoAnswerError(f"the server gave the request up ({reason})")
    usage = answer.get("usage") or {}
    # What cannot be stored as UTF-8 is not handed on either, so that a replayed text is the same text.
    text = text.encode("utf-8", "replace").decode()
    return Completion(text, reason, usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)


def verdict(request: Request, found: Completion) -> Failure | None:
    """Why `found` is no data, whether it has just arrived or was stored; None if it is fit to be parsed."""
    if found.finish_reason == "length":
        return Failure("truncated", f"cut off after {found.completion_tokens} tokens; raise max_tokens")
    if found.finish_reason == "content_filter":
        return Failure("refused", "the server's filter withheld it")
    if found.finish_reason != "stop":
        return Failure("unparsable", f"the finish reason is {found.finish_reason!r}, not 'stop'")
    if request.sampling.choice and found.text not in request.sampling.choice:
        return Failure("unparsable", f"{found.text[:40]!r} is none of the {len(request.sampling.choice)} choices")
    return None


def complaint(status: int, content: bytes) -> str:
    """One line for an answer that is no 200: the server's own words where it has some."""
    words = ""
    try:
        answer = orjson.loads(content)
        error = answer.get("error", answer)
        words = str(error.get("message") or error.get("detail") or "") if isinstance(error, dict) else str(error)
    except (orjson.JSONDecodeError, AttributeError):
        words = content[:200].decode("utf-8", "replace")
    return f"HTTP {status}: {' '.join(words.split())[:300]}".rstrip(": ")
