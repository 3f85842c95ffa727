"""Regional questions, with a line a second of how far they are."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.chosen_documents import Chosen
from pipelines.synthesise import synthesise_questions
from pipelines.taken_down import TakenDown
from sources.language import Language
from synth.engine.progress import Tally, Watched
from synth.questions.estimate import planned
from synth.questions.grounds import GROUNDS
from synth.request import Engine
from synth.settings import Synthesis


def told_questions(
    folders: Sequence[str],
    language: Language,
    writer: Engine,
    verifier: Engine | None,
    synthesis: Synthesis,
    places: dict[str, str],
    tell: Callable[[str], None],
    taken: TakenDown | None = None,
) -> dict[str, Any]:
    """`synthesise_questions`, which see, by the settings of `synthesis`.

    The end that `tell` is told of is the latest: as many requests as there would be if nothing were dropped.
    """
    most = most_requests(folders, language, synthesis, verified=verifier is not None)
    done = [0, 0]

    def note(kept: int, dropped: int) -> None:
        done[:] = kept, dropped

    def said() -> str:
        return f"{done[0]:,} questions kept, {done[1]:,} items dropped"

    tally = Tally()
    engines = [Watched(each, tell, said, lambda: most, tally) if each else None for each in (writer, verifier)]
    assert engines[0] is not None  # the writer is one
    return synthesise_questions(
        folders, language, engines[0], engines[1], synthesis.questions, synthesis.documents, places, note, taken
    )


def most_requests(folders: Sequence[str], language: Language, synthesis: Synthesis, *, verified: bool) -> int:
    """How many requests the questions of a language take at the most."""
    documents = None
    if folders:
        documents = sum(1 for _ in Chosen(tuple(folders), GROUNDS, synthesis.documents).rows(["id"]))
    rows = planned(language, synthesis.questions, documents)
    return (documents or 0) + sum(each.requests for each in rows if verified or each.engine == "engine")
