"""Documents in, requests out, finished documents back: what every task that rewrites documents shares.

A task says what is to be asked for a document and what its completions make of it. Completions come back in any
order; a document is finished when its last one is there. Only documents that are being written are held, so that
memory depends on how many requests the engine has open and not on how many documents come.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeAlias

import orjson

from filters.verdict import Drop
from synth.request import Engine, Failure, Finished, Request
from synth.translation.provenance import drawn_with

Row: TypeAlias = dict[str, Any]
# The name under which rows of dropped documents stand.
FILTER: Final = "synthesis"
# In the context of a request: the document and the place among its requests.
_DOCUMENT: Final = "document_task.document"
_PLACE: Final = "document_task.place"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A completion, by its place among a document's, that may be worth asking for again; and why it is no use."""

    place: int
    why: Drop | Failure


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for one document, and what its completions make of it.

    `finish` gets what came back in the order of `requests`, each with a whole completion, and gives a row of
    `sources.schema.DOCUMENT` (`metadata` as a mapping), or why there is none: `Unusable` where another completion
    might do, Drop where none would.
    """

    requests: tuple[Request, ...]
    finish: Callable[[tuple[Finished, ...]], "Row | Drop | Unusable"]


class Task(Protocol):
    """What is asked of a document, a row of `sources.schema.DOCUMENT`; or why nothing is."""

    def __call__(self, document: Mapping[str, Any]) -> "Asked | Drop": ...


@dataclass(slots=True)
class Tally:
    """What became of the documents of a task; it may be read while the task runs."""

    documents: int = 0
    kept: int = 0
    requests: int = 0
    # Of these, the ones that were asked for again.
    again: int = 0
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
    # Completions that may still be asked for again.
    left: int
    back: dict[int, Finished] = field(default_factory=dict)


def carry_out(
    documents: Iterable[Mapping[str, Any]],
    task: Task,
    engine: Engine,
    drop: Callable[[str, Drop], None],
    tally: Tally | None = None,
    again: int = 0,
) -> Iterator[Row]:
    """Yields finished documents as they are finished; each of the others is given to `drop` with its id, once.

    `drop` is what `filters.verdict.DroppedRows.add` is; it is called by one thread at a time, which may be the one
    in which the engine draws requests. A completion that is of no use (cut off, refused, unreadable, failed a
    check) is asked for again with another seed, up to `again` times a document; then the document is dropped,
    whatever becomes of its other completions. A failed check is counted among the failures as `check`.
    """
    run = _Run(task, drop, tally or Tally(), again)
    yield from run.rows(engine.complete(run.requests(documents)))
    while run.waiting:
        # The engine had taken all requests before it was known that these were wanted again.
        yield from run.rows(engine.complete(run.asked_again()))
    run.close()


class _Run:
    """One call of `carry_out`."""

    def __init__(self, task: Task, drop: Callable[[str, Drop], None], tally: Tally, again: int) -> None:
        self._task, self._drop, self._tally, self._again = task, drop, tally, again
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}
        self.waiting: deque[Request] = deque()

    def requests(self, documents: Iterable[Mapping[str, Any]]) -> Iterator[Request]:
        """Those of all documents; what is wanted again goes first, so that its document is soon done."""
        for document in documents:
            yield from self.asked_again()
            number = str(self._tally.documents)
            self._tally.documents += 1
            asked = self._task(document)
            if isinstance(asked, Drop) or not asked.requests:
                self._dropped(document, asked if isinstance(asked, Drop) else Drop("nothing_to_write"))
                continue
            self._open[number] = _Open(document, asked, self._again)
            for place, request in enumerate(asked.requests):
                self._tally.requests += 1
                context = {**request.context, _DOCUMENT: number, _PLACE: str(place)}
                yield replace(request, context=context)
        yield from self.asked_again()

    def asked_again(self) -> Iterator[Request]:
        """Requests whose completions were of no use, with another seed."""
        while self.waiting:
            self._tally.requests += 1
            self._tally.again += 1
            yield self.waiting.popleft()

    def rows(self, completions: Iterable[Finished]) -> Iterator[Row]:
        """The documents that are done by these completions."""
        for finished in completions:
            _count(finished, self._tally)
            number = finished.request.context[_DOCUMENT]
            entry = self._open.get(number)
            if entry is None:
                # Another completion of this document failed before.
                continue
            place = int(finished.request.context[_PLACE])
            entry.back[place] = finished
            result: Row | Drop | Unusable
            if failure := _failure(finished):
                result = Unusable(place, failure)
            elif len(entry.back) < len(entry.asked.requests):
                continue
            else:
                result = entry.asked.finish(tuple(entry.back[at] for at in sorted(entry.back)))
            if isinstance(result, Unusable) and self._wanted_again(entry, result):
                continue
            del self._open[number]
            if isinstance(result, dict):
                self._tally.kept += 1
                yield _row(result)
            else:
                self._failed(entry.document, result.why if isinstance(result, Unusable) else result)

    def close(self) -> None:
        """Drops the documents of which something never came back."""
        for entry in self._open.values():
            self._failed(entry.document, Failure("transport", "no completion came back"))

    def _wanted_again(self, entry: _Open, unusable: Unusable) -> bool:
        # The engine has tried a fault of the transport again already.
        transport = isinstance(unusable.why, Failure) and unusable.why.kind == "transport"
        if not entry.left or transport:
            return False
        request = entry.back.pop(unusable.place).request
        # From its own seed: in whatever order completions come back, the same ones are asked for.
        seed = drawn_with(request.sampling.seed, "again")
        entry.left -= 1
        self.waiting.append(replace(request, sampling=replace(request.sampling, seed=seed)))
        return True

    def _failed(self, document: Mapping[str, Any], why: Drop | Failure) -> None:
        self._tally.failures[why.kind if isinstance(why, Failure) else "check"] += 1
        self._dropped(document, why if isinstance(why, Drop) else Drop(why.kind, detail=why.reason))

    def _dropped(self, document: Mapping[str, Any], why: Drop) -> None:
        with self._lock:
            self._tally.dropped[why.reason] += 1
            self._drop(str(document["id"]), why)


def planned(documents: Iterable[Mapping[str, Any]], task: Task) -> Iterator[Request]:
    """The requests that `carry_out` would draw, for an estimate of what they cost; nothing is asked."""
    for document in documents:
        asked = task(document)
        if isinstance(asked, Asked):
            yield from asked.requests


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
