"""The folder or object store where everything that is made is kept.

A folder of the workspace is complete when its `manifest.json` stands in it. Work goes on in `.staging/`, and
a finished folder takes its place by a rename with its manifest already inside, so a killed run leaves nothing
that looks finished and a failed one leaves what stood before.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from sources.errors import BabelmixError

MANIFEST = "manifest.json"
STAGING = ".staging"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)


@dataclass(frozen=True)
class Workspace:
    """A workspace at `url`: a local folder, or an fsspec URL such as `s3://bucket/prefix`."""

    url: str

    @property
    def local(self) -> Path | None:
        """The workspace's folder, or None where it is not on a local filesystem."""
        if "://" not in self.url:
            return Path(self.url)
        return Path(self.url.removeprefix("file://")) if self.url.startswith("file://") else None

    def at(self, folder: str) -> str:
        """The path or URL of `folder`, given relative to the workspace."""
        return f"{self.url.rstrip('/')}/{folder}"

    def kept(self, name: str) -> Path:
        """A folder for what costs much to make and is named after what it was made of: vectors, completions.

        It lies in the workspace, or in the user's cache where the workspace is not on this machine. It belongs to
        no step, so that a run that was killed goes on with what it has, and workspaces may share it.
        """
        if self.local is not None:
            return self.local / name
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "babelmix" / name

    def manifest(self, folder: str) -> dict[str, Any] | None:
        """The manifest of a complete folder, or None.

        A folder one of whose files is gone, or has another size than its manifest says, is not complete.
        """
        fs, root = fsspec.core.url_to_fs(self.at(folder))
        try:
            manifest: dict[str, Any] = json.loads(fs.cat_file(f"{root}/{MANIFEST}"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except json.JSONDecodeError as error:
            raise BabelmixError(
                f"{self.at(folder)}/{MANIFEST}: not JSON ({error}); delete the folder, and it is made again"
            ) from error
        for name, size in manifest["files"].items():
            try:
                if fs.size(f"{root}/{name}") != size:
                    return None
            except FileNotFoundError:
                return None
        return manifest

    @contextlib.contextmanager
    def replacing(self, folders: Sequence[str], manifest: dict[str, Any]) -> Iterator[list[str]]:
        """Gives a place to write each of `folders` anew, and puts them in place when the block ends well.

        Yields one path or URL a folder. `manifest` is filled by the caller inside the block; the files and
        their sizes are added to it here. The last of `folders` comes last, so it stands for all of them.
        """
        if self.local is None:
            targets = [self.at(folder) for folder in folders]
            for target in targets:
                fs, root = fsspec.core.url_to_fs(target)
                if fs.exists(root):
                    fs.rm(root, recursive=True)
        else:
            # A place of its own: a machine that a cluster has given up for lost may still be writing.
            attempt = uuid.uuid4().hex
            targets = [self.at(f"{STAGING}/{attempt}/{folder}") for folder in folders]
            for target in targets:
                Path(target).mkdir(parents=True)
        with clear_disk_errors(self.url):
            yield targets
            for folder, target in zip(folders, targets, strict=True):
                self._publish(folder, target, manifest)
        if self.local is not None:
            shutil.rmtree(self.local / STAGING / attempt, ignore_errors=True)

    def _publish(self, folder: str, target: str, manifest: dict[str, Any]) -> None:
        fs, root = fsspec.core.url_to_fs(target)
        found = {name.removeprefix(root).lstrip("/"): fs.size(name) for name in sorted(fs.find(root))}
        content = json.dumps({**manifest, "files": found}, indent=1, ensure_ascii=False, sort_keys=True)
        if self.local is None:
            fs.pipe_file(f"{root}/{MANIFEST}", content.encode())
            return
        Path(target, MANIFEST).write_text(content + "\n", encoding="utf-8")
        _sync(Path(target))
        place = self.local / folder
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            # Moved away, not deleted in its place: a kill leaves no half of the old folder there.
            old = Path(f"{target}.old")
            place.rename(old)
            Path(target).rename(place)
            shutil.rmtree(old)
        else:
            Path(target).rename(place)

    def replace_file(self, name: str, write: "Any") -> None:
        """Writes the file `name` by `write(path)` beside its place and renames it into it."""
        if self.local is None:
            write(self.at(name))
            return
        staged = self.local / STAGING / name
        staged.parent.mkdir(parents=True, exist_ok=True)
        with clear_disk_errors(self.url):
            write(str(staged))
            staged.replace(self.local / name)

    @contextlib.contextmanager
    def lock(self, patience_s: float = 3.0) -> Iterator[None]:
        """Holds the workspace for this process, and sweeps away what a killed run left in `.staging/`.

        The lock is the kernel's, so it goes with its process however that ends. Object stores have none:
        there two runs at once are not refused.

        Raises BabelmixError where another run holds it for longer than `patience_s`, or the folder cannot be
        written.
        """
        if self.local is None:
            yield
            return
        try:
            self.local.mkdir(parents=True, exist_ok=True)
            handle = (self.local / ".lock").open("a+")
        except OSError as error:
            raise BabelmixError(
                f"workspace {self.url}: cannot be written ({error.strerror}); name another with --workspace"
            ) from error
        with handle:
            deadline = time.monotonic() + patience_s
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise BabelmixError(
                            f"workspace {self.url}: another babelmix run is working in it;"
                            " wait for it to end, or name another workspace with --workspace"
                        ) from None
                    time.sleep(0.1)
            shutil.rmtree(self.local / STAGING, ignore_errors=True)
            yield
            # After an error it stays, as the message may name rows in it.
            shutil.rmtree(self.local / STAGING, ignore_errors=True)


@contextlib.contextmanager
def clear_disk_errors(place: str) -> Iterator[None]:
    """Turns a full or read-only disk under `place` into one clear line."""
    try:
        yield
    except OSError as error:
        # Arrow's errors carry no number, only its text.
        found = [code for code in _DISK if error.errno == code or os.strerror(code) in str(error)]
        if not found:
            raise
        raise BabelmixError(
            f"workspace {place}: {os.strerror(found[0])}; what was complete is untouched:"
            " free space, or name another workspace, and run the same command again"
        ) from error


def _sync(folder: Path) -> None:
    """Flushes a folder's files, so that the rename that follows cannot overtake their bytes."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
