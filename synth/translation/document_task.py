"""Documents in, requests out, finished documents back: what every task that rewrites documents shares.

A task says what is to be asked for a document and what its completions make of it. Completions come back in any
order; a document is finished when its last one is there. Only documents that are being written are held, so that
memory depends on how many requests the engine has open and not on how many documents come.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeAlias

import orjson
import xxhash

from filters.verdict import Drop
from synth.request import Engine, Failure, Finished, Request
from synth.translation.check import Check

Row: TypeAlias = dict[str, Any]
# The name under which rows of dropped documents stand.
FILTER: Final = "synthesis"
# In the context of a request: the document and the place among its requests.
_DOCUMENT: Final = "document_task.document"
_PLACE: Final = "document_task.place"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for one document, and what its completions make of it.

    `finish` gets what came back in the order of `requests`, each with a whole completion, and gives a row of
    `sources.schema.DOCUMENT` (`metadata` as a mapping) or why there is none.
    """

    requests: tuple[Request, ...]
    finish: Callable[[tuple[Finished, ...]], "Row | Drop | Failure"]


class Task(Protocol):
    """What is asked of a document, a row of `sources.schema.DOCUMENT`; or why nothing is."""

    def __call__(self, document: Mapping[str, Any]) -> "Asked | Drop": ...


@dataclass(slots=True)
class Tally:
    """What became of the documents of a task; it may be read while the task runs."""

    documents: int = 0
    kept: int = 0
    requests: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    # Documents by the reason of their drop, and failures by their kind (`synth.request.FailureKind`).
    dropped: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Open:
    document: Mapping[str, Any]
    asked: Asked
    back: dict[int, Finished] = field(default_factory=dict)


def carry_out(
    documents: Iterable[Mapping[str, Any]],
    task: Task,
    engine: Engine,
    drop: Callable[[str, Drop], None],
    tally: Tally | None = None,
) -> Iterator[Row]:
    """Yields finished documents as they are finished; each of the others is given to `drop` with its id, once.

    `drop` is what `filters.verdict.DroppedRows.add` is; it is called by one thread at a time, which may be the one
    in which the engine draws requests. A document of which one completion failed is dropped at once, whatever
    becomes of the others. A failed check is counted among the failures as `check`.
    """
    tally = tally or Tally()
    lock = threading.Lock()
    opened: dict[str, _Open] = {}

    def dropped(document: Mapping[str, Any], why: Drop) -> None:
        with lock:
            tally.dropped[why.reason] += 1
            drop(str(document["id"]), why)

    def requests() -> Iterator[Request]:
        for document in documents:
            number = str(tally.documents)
            tally.documents += 1
            asked = task(document)
            if isinstance(asked, Drop):
                dropped(document, asked)
                continue
            if not asked.requests:
                dropped(document, Drop("nothing_to_write"))
                continue
            opened[number] = _Open(document, asked)
            for place, request in enumerate(asked.requests):
                tally.requests += 1
                context = {**request.context, _DOCUMENT: number, _PLACE: str(place)}
                yield replace(request, context=context)

    for finished in engine.complete(requests()):
        _count(finished, tally)
        number = finished.request.context[_DOCUMENT]
        entry = opened.get(number)
        if entry is None:
            # Another completion of this document failed before.
            continue
        failure = _failure(finished)
        if failure is None:
            entry.back[int(finished.request.context[_PLACE])] = finished
            if len(entry.back) < len(entry.asked.requests):
                continue
        del opened[number]
        result = failure or entry.asked.finish(tuple(entry.back[place] for place in sorted(entry.back)))
        if isinstance(result, dict):
            tally.kept += 1
            yield _row(result)
            continue
        tally.failures[result.kind if isinstance(result, Failure) else "check"] += 1
        dropped(entry.document, result if isinstance(result, Drop) else Drop(result.kind, detail=result.reason))
    for entry in opened.values():
        tally.failures["transport"] += 1
        dropped(entry.document, Drop("transport", detail="no completion came back"))


def planned(documents: Iterable[Mapping[str, Any]], task: Task) -> Iterator[Request]:
    """The requests that `carry_out` would draw, for an estimate of what they cost; nothing is asked."""
    for document in documents:
        asked = task(document)
        if isinstance(asked, Asked):
            yield from asked.requests


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

    Keys: `model`, `revision`, `prompts` (with versions), `seed`, `source_id`, `source`, `source_licence`,
    `replayed`, `prompt_tokens`, `completion_tokens`, `checks` (what was measured, by name).
    """
    done = tuple(finished)
    given = metadata(document)
    completions = [each.completion for each in done if each.completion]
    return {
        "model": engine.model,
        "revision": engine.revision,
        "prompts": sorted({each.request.prompt for each in done}),
        "seed": seed,
        "source_id": document["id"],
        "source": document["source"],
        "source_licence": given.get("licence", given.get("license")),
        "replayed": bool(done) and all(each.replayed for each in done),
        "prompt_tokens": sum(each.prompt_tokens for each in completions),
        "completion_tokens": sum(each.completion_tokens for each in completions),
        "checks": dict(checks),
    }


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


def _count(finished: Finished, tally: Tally) -> None:
    tally.replayed += finished.replayed
    if finished.completion:
        tally.prompt_tokens += finished.completion.prompt_tokens
        tally.completion_tokens += finished.completion.completion_tokens


def _failure(finished: Finished) -> Failure | None:
    """Why a completion may not be used. One that was cut off is never data, whatever the engine says of it."""
    if finished.failure:
        return finished.failure
    if finished.completion is None:
        return Failure("transport", "no completion came back")
    if finished.completion.finish_reason != "stop":
        return Failure("truncated", f"finish_reason {finished.completion.finish_reason}")
    return None


def _row(row: Row) -> Row:
    """A row of DOCUMENT: metadata as JSON, scores as pairs of names and numbers."""
    return {
        **row,
        "metadata": orjson.dumps(row["metadata"], option=orjson.OPT_SORT_KEYS).decode(),
        "scores": list(dict(row.get("scores") or {}).items()),
    }
