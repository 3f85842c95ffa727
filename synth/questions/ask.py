"""Requests to an engine, and what came of each, in the order of the requests whatever the engine's is."""

from collections.abc import Sequence
from dataclasses import replace

from synth.request import Engine, Failure, Finished, Request


def ask(engine: Engine, requests: Sequence[Request]) -> list[Finished]:
    """What became of each request, at its place; one that the engine never gave back has failed in transport."""
    found: list[Finished | None] = [None] * len(requests)
    numbered = (replace(each, context={**each.context, "at": str(at)}) for at, each in enumerate(requests))
    if requests:
        for finished in engine.complete(numbered):
            found[int(finished.request.context["at"])] = finished
    lost = Failure("transport", "the engine did not give the request back")
    return [each or Finished(asked, None, lost) for each, asked in zip(found, requests, strict=True)]
