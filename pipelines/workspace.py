"""The folder or object store where everything that is made is kept.

A folder of the workspace is complete when its `manifest.json` stands in it. Work goes on in `.staging/`, and
a finished folder takes its place by a rename with its manifest already inside, so a killed run leaves nothing
that looks finished and a failed one leaves what stood before.

On an object store nothing can be renamed. There work goes on on this machine's disk (`staging`). A finished
folder is published so: the manifest that stands is deleted, the files are uploaded, those that are no longer of
the folder are deleted, the manifest is written. Wherever that ends, files without a manifest count for nothing.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.store_lock import check_holder, store_lock
from sources.errors import BabelmixError
from sources.object_store import clear_store_errors, open_store

MANIFEST = "manifest.json"
STAGING = ".staging"
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG)


@dataclass(frozen=True)
class Workspace:
    """A workspace at `url`: a local folder, or an fsspec URL such as `s3://bucket/prefix`."""

    url: str
    # Who holds the lock of an object store, for this process and those that steps are sent to.
    holder: str | None = field(default=None, compare=False, repr=False)

    @property
    def local(self) -> Path | None:
        """The workspace's folder, or None where it is not on a local filesystem."""
        if "://" not in self.url:
            return Path(self.url)
        return Path(self.url.removeprefix("file://")) if self.url.startswith("file://") else None

    @property
    def staging(self) -> Path:
        """Where work goes on: in the workspace, or below `TMPDIR` where the workspace is not on this machine."""
        if self.local is not None:
            return self.local / STAGING
        name = hashlib.sha256(self.url.rstrip("/").encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"babelmix-{os.getuid()}" / name

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
        with clear_store_errors(self.at(folder)):
            return self._manifest(folder)

    def _manifest(self, folder: str) -> dict[str, Any] | None:
        fs, root = open_store(self.at(folder))
        try:
            manifest: dict[str, Any] = json.loads(fs.cat_file(f"{root}/{MANIFEST}"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except json.JSONDecodeError as error:
            raise BabelmixError(
                f"{self.at(folder)}/{MANIFEST}: not JSON ({error}); delete the folder, and it is made again"
            ) from error
        if self.local is None:
            # One request for the whole folder.
            sizes = {name.removeprefix(f"{root}/"): info["size"] for name, info in _found(fs, root).items()}
            return manifest if manifest["files"].items() <= sizes.items() else None
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

        Yields the path of a local folder for each. `manifest` is filled by the caller inside the block; the files
        and their sizes are added to it here. The last of `folders` comes last, so it stands for all of them.

        Raises:
            BabelmixError: a disk is full or read-only, the store fails, or the lock is another run's by now.
        """
        # A place of its own: a machine that a cluster has given up for lost may still be writing.
        attempt = uuid.uuid4().hex
        targets = [self.staging / attempt / folder for folder in folders]
        with clear_disk_errors(self.url), clear_store_errors(f"workspace {self.url}"):
            self._make_staging()
            try:
                for target in targets:
                    target.mkdir(parents=True)
                yield [str(target) for target in targets]
                for folder, target in zip(folders, targets, strict=True):
                    _describe(target, manifest)
                    if self.local is None:
                        self._upload(folder, target)
                    else:
                        _put_in_place(target, self.local / folder)
            except FileNotFoundError:
                # Whoever took over the lock on this machine has swept away what was written here.
                self._check_lock()
                raise
            shutil.rmtree(self.staging / attempt, ignore_errors=True)

    def _upload(self, folder: str, target: Path) -> None:
        fs, root = open_store(self.at(folder))
        names = [name for name in _names(target) if name != MANIFEST]
        self._check_lock()
        stood = _found(fs, root)
        # The manifest goes first: from here on, until the new one stands, the folder is not complete.
        if f"{root}/{MANIFEST}" in stood:
            fs.rm_file(f"{root}/{MANIFEST}")
        if names:
            fs.put([str(target / name) for name in names], [f"{root}/{name}" for name in names])
        gone = stood.keys() - {f"{root}/{name}" for name in (*names, MANIFEST)}
        if gone:
            fs.rm(sorted(gone))
        self._check_lock()
        fs.pipe_file(f"{root}/{MANIFEST}", (target / MANIFEST).read_bytes())

    def _make_staging(self) -> None:
        if self.local is not None:
            return
        shared = self.staging.parent
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Everybody may write to a folder for temporary files, and could have been there first.
        if shared.stat().st_uid != os.getuid():
            raise BabelmixError(f"{shared}: belongs to another user; set TMPDIR to a folder of your own")

    def _check_lock(self) -> None:
        if self.holder is not None:
            check_holder(self.url, self.holder)

    def replace_file(self, name: str, write: Callable[[str], None]) -> None:
        """Writes the file `name` by `write(path)` beside its place and puts it in it whole."""
        staged = self.staging / name
        with clear_disk_errors(self.url), clear_store_errors(f"workspace {self.url}"):
            self._make_staging()
            staged.parent.mkdir(parents=True, exist_ok=True)
            write(str(staged))
            if self.local is None:
                self._check_lock()
                fs, path = open_store(self.at(name))
                fs.put_file(str(staged), path)
            else:
                place = self.local / name
                place.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(place)

    @contextlib.contextmanager
    def lock(self, patience_s: float = 3.0) -> Iterator["Workspace"]:
        """Holds the workspace for this process, and sweeps away what a killed run left in `staging`.

        Yields the workspace as its holder has it: steps are to be carried out in that one. On a local filesystem
        the lock is the kernel's, so it goes with its process however that ends; on an object store it is
        `pipelines.store_lock`'s.

        Raises BabelmixError where another run holds it for longer than `patience_s`, or the folder cannot be
        written.
        """
        held = self._locked(self.local, patience_s) if self.local is not None else self._held_in_store(patience_s)
        with held as workspace:
            shutil.rmtree(self.staging, ignore_errors=True)
            yield workspace
            # After an error it stays, as the message may name rows in it.
            shutil.rmtree(self.staging, ignore_errors=True)

    @contextlib.contextmanager
    def _held_in_store(self, patience_s: float) -> Iterator["Workspace"]:
        with store_lock(self.url, patience_s) as holder:
            yield replace(self, holder=holder)

    @contextlib.contextmanager
    def _locked(self, place: Path, patience_s: float) -> Iterator["Workspace"]:
        try:
            place.mkdir(parents=True, exist_ok=True)
            handle = (place / ".lock").open("a+")
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
            yield self


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


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _describe(folder: Path, manifest: dict[str, Any]) -> None:
    """Writes a folder's manifest into it, with its files and their sizes."""
    found = {name: (folder / name).stat().st_size for name in _names(folder)}
    content = json.dumps({**manifest, "files": found}, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / MANIFEST).write_text(content + "\n", encoding="utf-8")


def _put_in_place(target: Path, place: Path) -> None:
    _sync(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        # Moved away, not deleted in its place: a kill leaves no half of the old folder there.
        old = Path(f"{target}.old")
        place.rename(old)
        target.rename(place)
        shutil.rmtree(old)
    else:
        target.rename(place)


def _found(fs: Any, root: str) -> dict[str, dict[str, Any]]:
    """The files below a place of a store by their paths, none where there are none."""
    try:
        found: dict[str, dict[str, Any]] = fs.find(root, detail=True)
    except FileNotFoundError:
        return {}
    return found


def _sync(folder: Path) -> None:
    """Flushes a folder's files, so that the rename that follows cannot overtake their bytes."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
