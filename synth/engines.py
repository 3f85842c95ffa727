"""The engines that a synthesis asks: its servers, or the sample pack's recordings."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sources.errors import BabelmixError
from synth.engine.replay import ReplayEngine
from synth.engine.store import Store
from synth.request import Engine
from synth.settings import RECORDINGS, Kind, Synthesis, recordings

# Where completions are kept; see `pipelines.workspace.Workspace.kept`.
COMPLETIONS: Final = "completions"


@contextlib.contextmanager
def engines(
    synthesis: Synthesis, code: str, completions: Path, kind: Kind = "questions"
) -> Iterator[tuple[Engine, Engine | None]]:
    """The engine that writes and the one that verifies, None where nobody does.

    What the servers write is stored in the folder `completions`, so that nothing is paid for twice.

    Raises:
        BabelmixError: there is no recording of the language, or a server's key is missing.
    """
    if synthesis.writer is None:
        files = recordings(code, kind)
        if not files:
            raise BabelmixError(
                f"{code}: no recorded completions of {kind} in {RECORDINGS};"
                " name a server in the file of BABELMIX_SYNTHESIS"
            )
        yield ReplayEngine(files[:1]), ReplayEngine(files[1:]) if files[1:] else None
        return
    with Store(completions) as store:
        yield (
            synthesis.writer.engine(store),
            synthesis.verifier.engine(store) if synthesis.verifier is not None else None,
        )
