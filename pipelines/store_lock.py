"""A lock for a workspace on an object store: one object, written only if it is not there.

Its holder writes it anew every few seconds. Who waits measures by his own clock, which does not jump, how long it
has stayed as it is; no time of any machine stands in it. The lock of a process that no longer runs on this machine
is free at once, that of another machine after `EXPIRY_S` without a sign of life. Taking it over is conditional on
the object that was looked at, so that of two who wait one gets it.

A holder that was cut off for longer than that has lost it without knowing. So whoever publishes looks first
whether the lock is still its run's (`check_holder`).
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sources.errors import BabelmixError
from sources.object_store import clear_store_errors, open_store

LOCK: Final = ".lock"
BEAT_S: Final = 10.0
EXPIRY_S: Final = 60.0
_LOOK_S: Final = 0.5
_REFUSED: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


@contextlib.contextmanager
def store_lock(url: str, patience_s: float) -> Iterator[str]:
    """Holds the lock of the workspace at `url` and yields the name of its holder.

    Raises BabelmixError where another run holds it for longer than `patience_s` (or is on another machine, and
    gives a sign of life), or the store cannot be written to or keeps no conditions.
    """
    with clear_store_errors(f"workspace {url}"):
        lock = _Lock(url)
        lock.acquire(patience_s)
    stop = threading.Event()
    beating = threading.Thread(target=lock.beat, args=(stop,), daemon=True)
    beating.start()
    try:
        yield lock.holder
    finally:
        stop.set()
        beating.join()
        lock.release()


def check_holder(url: str, holder: str) -> None:
    """Raises BabelmixError where the lock of the workspace at `url` is no longer that of `holder`."""
    held = _Lock(url).read()
    if held is None or held["holder"] != holder:
        raise BabelmixError(
            f"workspace {url}: this run was cut off for so long that another took the workspace; nothing more is"
            " written: run the same command again when that one has ended"
        )


class _Lock:
    def __init__(self, url: str) -> None:
        self._url = url
        fs, root = open_store(url)
        self._fs: Any = fs
        self._path = f"{root}/{LOCK}"
        self._conditional = "s3" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)
        self._beats = 0
        self.holder = uuid.uuid4().hex

    def acquire(self, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        seen: dict[str, Any] | None = None
        since = time.monotonic()
        while not self._create():
            tag = self._tag()
            held = self.read()
            now = time.monotonic()
            if held is None:
                continue
            if held["holder"] == self.holder:  # written, and the answer was lost
                break
            moved = seen is not None and held != seen
            if held != seen:
                seen, since = held, now
            here = _runs_here(held)
            if here is False or now - since > EXPIRY_S:
                if self._take_over(tag):
                    break
            elif now > deadline and (here or moved):
                raise BabelmixError(
                    f"workspace {self._url}: another babelmix run is working in it (process {held['process']} on"
                    f" {held['machine']}); wait for it to end, or name another workspace with --workspace"
                )
            time.sleep(_LOOK_S)
        if self._create():
            self.release()
            raise BabelmixError(
                f"workspace {self._url}: its store writes over an object that it was told to keep"
                " (If-None-Match), so that two runs at once would go unnoticed; use a store that keeps conditions"
            )

    def beat(self, stop: threading.Event) -> None:
        """Writes the lock anew every `BEAT_S` seconds until `stop` is set or it is another's."""
        while not stop.wait(BEAT_S):
            with contextlib.suppress(Exception):  # the next beat tries again
                tag = self._tag()
                held = self.read()
                if held is None or held["holder"] != self.holder:
                    return
                self._beats += 1
                self._write(tag)

    def release(self) -> None:
        """Gives it back, if it is still this holder's."""
        # A lock that cannot be taken away now is free as soon as the process has ended.
        with contextlib.suppress(Exception):
            held = self.read()
            if held is not None and held["holder"] == self.holder:
                self._fs.rm_file(self._path)

    def read(self) -> dict[str, Any] | None:
        """What stands in the lock, None where there is none."""
        try:
            held: dict[str, Any] = json.loads(self._fs.cat_file(self._path))
        except FileNotFoundError:
            return None
        return held

    def _create(self) -> bool:
        try:
            self._fs.pipe_file(self._path, self._content(), mode="create")
        except OSError as error:
            if _refused(error):
                return False
            raise
        return True

    def _take_over(self, tag: str | None) -> bool:
        if not self._conditional:
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(self._path)
            return self._create()
        return self._write(tag)

    def _write(self, tag: str | None) -> bool:
        condition = {"IfMatch": tag} if self._conditional and tag else {}
        try:
            self._fs.pipe_file(self._path, self._content(), **condition)
        except OSError as error:
            if _refused(error):
                return False
            raise
        return True

    def _tag(self) -> str | None:
        try:
            tag: str | None = self._fs.info(self._path).get("ETag")
        except FileNotFoundError:
            return None
        return tag

    def _content(self) -> bytes:
        process = os.getpid()
        content = {
            "holder": self.holder,
            "machine": _machine(),
            "process": process,
            "started": _started(process),
            "beats": self._beats,
        }
        return json.dumps(content, sort_keys=True).encode()


def _refused(error: OSError) -> bool:
    """Whether the store kept the condition: the object is there, or is another by now."""
    answer = getattr(error.__cause__, "response", None) or {}
    return isinstance(error, FileExistsError) or answer.get("Error", {}).get("Code") in _REFUSED


def _machine() -> str:
    """This machine since it was started: a name, and what its kernel drew."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # Containers of one machine share the kernel's name, and not the numbers of their processes.
        boot += f"/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


def _started(process: int) -> str | None:
    """When a process of this machine began, in ticks of the kernel; None where it is gone or this is not Linux."""
    try:
        state, *fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[18]


def _runs_here(held: dict[str, Any]) -> bool | None:
    """Whether the holder runs on this machine, None where it is of another."""
    if held["machine"] != _machine() or held["started"] is None:
        return None
    return bool(_started(held["process"]) == held["started"])
