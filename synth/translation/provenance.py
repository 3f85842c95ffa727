"""What a generated document says of where it comes from, and of what was measured of it."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import xxhash

from sources.source import sources
from synth.request import Engine, Finished
from synth.translation.check import Check


def drawn_with(seed: int, *parts: str) -> int:
    """The seed of one request: the run's, and what tells the request from others; 31 bits.

    The same document has the same seed whatever stands before it, so that its completion is found again.
    """
    return xxhash.xxh3_64_intdigest("\x1f".join((str(seed), *parts))) >> 33


def provenance(
    document: Mapping[str, Any],
    engine: Engine,
    finished: Iterable[Finished],
    seed: int,
    checks: Mapping[str, float],
) -> dict[str, Any]:
    """What a finished document's metadata says of where it comes from.

    Keys: `model`, `revision`, `prompts` (with versions), `seed` (the run's), `request_seeds`, `source_id`,
    `source`, `source_licence`, `prompt_tokens`, `completion_tokens`, `checks` (what was measured). Whether a
    completion was asked for now or by an earlier run says nothing of the document, and is no part of it.
    """
    done = tuple(finished)
    completions = [each.completion for each in done if each.completion]
    return {
        "model": engine.model,
        "revision": engine.revision,
        "prompts": sorted({each.request.prompt for each in done}),
        "seed": seed,
        "request_seeds": [each.request.sampling.seed for each in done],
        "source_id": document["id"],
        "source": document["source"],
        "source_licence": licence_of(document),
        "prompt_tokens": sum(each.prompt_tokens for each in completions),
        "completion_tokens": sum(each.completion_tokens for each in completions),
        "checks": dict(checks),
    }


def licence_of(document: Mapping[str, Any]) -> str | None:
    """The licence that a document's metadata names, else its source's in the catalog; None where neither does."""
    given, known = metadata(document), sources().get(document["source"])
    own = given.get("licence", given.get("license"))
    return str(own) if own else known.licence if known else None


def metadata(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document's metadata as a mapping; empty where there is none or it is no JSON object."""
    given = document.get("metadata")
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return {}
    return dict(given) if isinstance(given, Mapping) else {}


def worst(checks: Iterable[Iterable[Check]]) -> dict[str, float]:
    """Of each check over several pieces, the value that is furthest from what a check of its kind asks for.

    The lowest of those with a lower bound alone, the highest of those with an upper one, and of those with both
    the one that is furthest from the middle.
    """
    found: dict[str, float] = {}
    for piece in checks:
        for each in piece:
            if each.value != each.value:
                continue
            known = found.get(each.reason)
            if known is None or _further(each, known):
                found[each.reason] = each.value
    return {name: round(float(value), 4) for name, value in found.items()}


def _further(check: Check, known: float) -> bool:
    if check.most == float("inf"):
        return check.value < known
    if check.least == float("-inf"):
        return check.value > known
    middle = (check.least + check.most) / 2
    return abs(check.value - middle) > abs(known - middle)
