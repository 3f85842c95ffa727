"""Completions that were recorded: they stand in for a model where there is none, as in the sample pack."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from sources.errors import BabelmixError
from synth.engine.segments import Recorded, Segments
from synth.engine.store import Store
from synth.engine.wire import verdict
from synth.request import Completion, Failure, Finished, Request

_NOT_RECORDED: Final = "no completion was recorded for this request; a server would have to be asked"


class ReplayEngine:
    """See `synth.request.Engine`. A request that was not recorded ends in a transport failure that says so."""

    def __init__(self, files: Sequence[Path], model: str | None = None) -> None:
        """
        Args:
            files: what `record` wrote.
            model: whose completions are meant; needed only where the files have those of several.

        Raises:
            BabelmixError: a file cannot be read or is damaged, there is no completion, or `model` is not the one.
        """
        self._segments = Segments()
        try:
            for path in files:
                self._segments.scan(self._segments.file(path), strict=True)
        except OSError as error:
            raise BabelmixError(
                f"{path}: cannot be read ({error.strerror}); name a file of completions"
            ) from error
        names = " ".join(str(path) for path in files)
        made_by: dict[tuple[str, str], None] = {}
        for recorded in self._segments.ordered(strict=True):
            made_by.setdefault((recorded.model, recorded.revision))
        found = [each for each in sorted(made_by) if model in (None, each[0])]
        if len(found) != 1:
            known = ", ".join(f"{name} at {revision or 'no revision'}" for name, revision in sorted(made_by))
            raise BabelmixError(
                f"{names}: completions by {known or 'nobody'}, wanted are those of"
                f" {model or 'one model'}; name one of these models, or files with one revision of it"
            )
        [(self._model, self._revision)] = found

    @property
    def model(self) -> str:
        """See `Engine`: the recorded one."""
        return self._model

    @property
    def revision(self) -> str:
        """See `Engine`: the recorded one."""
        return self._revision

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `Engine`; in the order of the requests."""
        for request in requests:
            recorded = self._segments.find(request.key(self._model, self._revision))
            if recorded is None:
                yield Finished(request, None, Failure("transport", _NOT_RECORDED), replayed=True)
            else:
                found = recorded.completion
                yield Finished(request, found, verdict(request, found), replayed=True)


def record(store: Store, path: Path, keys: Iterable[str] | None = None) -> int:
    """Writes the store's completions, or those under `keys`, as a file for `ReplayEngine`; how many.

    One line a completion by rising key: the same completions are the same bytes, whoever stored them and when.

    Raises:
        BabelmixError: a key of `keys` is not in the store.
    """
    wanted = None if keys is None else set(keys)
    written = 0
    part = path.with_name(path.name + ".part")
    with part.open("wb") as stream:
        for recorded in store.ordered():
            if wanted is None or recorded.key in wanted:
                stream.write(recorded.line())
                written += 1
    if wanted is not None and written < len(wanted):
        part.unlink()
        raise BabelmixError(
            f"{path}: {len(wanted) - written} of {len(wanted)} completions are not in the store;"
            " finish the run first"
        )
    part.replace(path)
    return written


def recorded_for(request: Request, model: str, revision: str, text: str, finish_reason: str = "stop") -> Recorded:
    """A completion that was written by hand, for `Store.put`; it used no tokens."""
    return Recorded(
        request.key(model, revision), request.prompt, model, revision, Completion(text, finish_reason, 0, 0)
    )
