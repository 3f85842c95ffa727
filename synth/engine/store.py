"""The store of completions: what a model wrote once is never paid for again.

A folder of JSON-lines files, one for each process that wrote into it, so that processes never share a writer. A
line is handed to the operating system before `put` returns, so a killed process loses nothing; it reaches the disk
in groups, so a power cut loses at most the last group.
"""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final

from sources.errors import BabelmixError
from synth.engine.segments import Recorded, Segments
from synth.request import Completion

# A group that is brought to the disk at once: so many completions, or so many seconds' worth.
_GROUP: Final = 64
_GROUP_S: Final = 1.0


class Store:
    """Completions by `Request.key`. Safe to use from several threads and several processes."""

    def __init__(self, folder: Path) -> None:
        """Opens the store in `folder` and makes it if there is none.

        Raises:
            BabelmixError: the folder cannot be made.
        """
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BabelmixError(f"{folder}: no folder for completions ({error.strerror}); name another") from error
        self._lock = threading.Lock()
        self._segments = Segments()
        self._known: dict[str, int] = {}
        self._writer: int | None = None
        self._writer_file = 0
        self._written = 0
        self._unsynced = 0
        self._synced_at = time.monotonic()
        self._syncing: Future[None] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.refresh()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Completions in the store; one that two processes stored counts twice."""
        with self._lock:
            return len(self._segments)

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._segments

    def get(self, key: str) -> Completion | None:
        """The completion under `key`, if there is one."""
        with self._lock:
            found = self._segments.find(key)
        return None if found is None else found.completion

    def put(self, recorded: Recorded) -> None:
        """Stores a completion. One that is there already stays as it is.

        Raises:
            BabelmixError: the disk is full or the file cannot be written.
        """
        line = recorded.line()
        with self._lock:
            if recorded.key in self._segments and self._segments.find(recorded.key) is not None:
                return
            try:
                self._append(line)
            except OSError as error:
                self._drop_writer()
                raise BabelmixError(
                    f"{self._folder}: a completion cannot be stored ({error.strerror}); make room and run again"
                ) from error
            self._segments.note(self._writer_file, recorded.key, self._written, len(line) - 1)
            self._written += len(line)
            self._unsynced += 1
            if self._unsynced >= _GROUP or time.monotonic() - self._synced_at >= _GROUP_S:
                self._sync()

    def refresh(self) -> None:
        """Takes in what other processes have stored since."""
        with self._lock:
            for path in sorted(self._folder.glob("*.jsonl")):
                if path.name not in self._known:
                    self._known[path.name] = self._segments.file(path)
                self._segments.refresh(self._known[path.name])

    def ordered(self) -> Iterator[Recorded]:
        """All completions by rising key, each key once."""
        self.refresh()
        yield from self._segments.ordered()

    def close(self) -> None:
        """Brings everything to the disk and closes the files; the store can go on being used."""
        with self._lock:
            if self._syncing is not None:
                self._syncing.result()
            if self._writer is not None:
                os.fsync(self._writer)
            self._drop_writer()
            self._segments.close()

    def _append(self, line: bytes) -> None:
        if self._writer is None:
            # The time leads, so that the older of two completions with one key is found first.
            name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            path = self._folder / name
            self._writer = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            self._writer_file = self._known[name] = self._segments.file(path)
            self._written = 0
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._writer, rest) :]

    def _sync(self) -> None:
        if self._syncing is not None:
            if not self._syncing.done():
                return
            self._syncing.result()
        assert self._writer is not None
        self._syncing = self._pool.submit(os.fsync, self._writer)
        self._unsynced, self._synced_at = 0, time.monotonic()

    def _drop_writer(self) -> None:
        # A line that was written in part ends the file: the next completion begins another.
        if self._writer is not None:
            os.close(self._writer)
        self._writer, self._syncing, self._unsynced = None, None, 0
