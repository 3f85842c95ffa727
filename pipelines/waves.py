"""Documents that a model rewrites, in the order in which they came: a wave of them at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

from filters.verdict import Drop
from synth.request import Engine
from synth.translation.document_task import Row, Tally, Task, carry_out

# Documents of one source that are written in the order in which they came: the next ones wait for all of these.
_WAVE: Final = 1_000
# How often a completion that is of no use is asked for again, a document.
_AGAIN: Final = 2


def carried_out(
    documents: Iterable[Mapping[str, Any]],
    task: Task,
    engine: Engine,
    drop: Callable[[Mapping[str, Any], Drop], None],
    tally: Tally,
) -> Iterator[tuple[Mapping[str, Any], Row]]:
    """Documents with what `task` makes of them, in their order, whatever the order of the completions.

    `drop` is given each of the others, in their order too. Ids are unique within a source. Memory is that of a
    wave of documents.
    """
    for _, some in groupby(documents, key=lambda each: each["source"]):
        while wave := list(islice(some, _WAVE)):
            yield from _wave(wave, task, engine, drop, tally)


def _wave(
    wave: list[Mapping[str, Any]],
    task: Task,
    engine: Engine,
    drop: Callable[[Mapping[str, Any], Drop], None],
    tally: Tally,
) -> Iterator[tuple[Mapping[str, Any], Row]]:
    order = {str(each["id"]): at for at, each in enumerate(wave)}
    lost: list[tuple[int, Drop]] = []
    made: list[tuple[int, Row]] = []
    for row in carry_out(wave, task, engine, lambda name, why: lost.append((order[name], why)), tally, _AGAIN):
        # A row has the id of its document, or that and a word after it.
        at = order.get(row["id"])
        made.append((order[row["id"].rpartition("/")[0]] if at is None else at, row))
    for at, why in sorted(lost, key=itemgetter(0)):
        drop(wave[at], why)
    for at, row in sorted(made, key=itemgetter(0)):
        yield wave[at], row
