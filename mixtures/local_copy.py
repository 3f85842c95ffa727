"""Copies of a workspace's files on this machine, for a workspace on an object store.

What is mapped into memory must lie on a disk. A file of a store is copied when it is first opened, whole, into the
user's cache (`XDG_CACHE_HOME`), to a path that ends as its URL does; processes of a machine share the copy and its
pages. The copies of a folder are those of the manifest that stood beside them: it is asked for once a process, and
where it has changed the folder's copies go. Nothing else of the store is asked twice.
"""

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from sources.errors import BabelmixError

MANIFEST: Final = "manifest.json"


def local_folder(place: str | Path) -> Path:
    """The folder at `place` on this machine: itself, or where the copies of a folder of an object store lie.

    Nothing is copied yet; `copied` copies a file that is opened.
    """
    text = str(place)
    if "://" not in text:
        return Path(place)
    scheme, _, rest = text.partition("://")
    return Path("/", rest) if scheme == "file" else _root() / scheme / rest.strip("/")


def store_url(place: Path) -> str | None:
    """The URL that a folder or file was copied from, None where it is no copy."""
    text = str(place.absolute())
    if not text.startswith(f"{_root()}/"):
        return None
    scheme, _, rest = text.removeprefix(f"{_root()}/").partition("/")
    return f"{scheme}://{rest}"


def place_of(folder: Path) -> str:
    """The URL that a folder is a copy of, or its own path."""
    return store_url(folder) or str(folder)


def copied(path: str) -> str:
    """`path`, at which the file now lies if it is that of a copy; URLs give the path of their copy.

    Raises:
        BabelmixError: the store has no such file, or one of another size than its folder's manifest says.
    """
    place = path if "://" not in path else str(local_folder(path))
    # A mixture has thousands of files, nearly all of which lie on this machine.
    if place.startswith(f"{_root()}/"):
        _copy(Path(place))
    return place


# Folders whose manifest this process has asked for, and what it says of their files.
_known: Final[dict[str, dict[str, int]]] = {}


@lru_cache
def _root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "babelmix" / "stores"


def _copy(place: Path) -> None:
    from sources.object_store import clear_store_errors

    with clear_store_errors(str(store_url(place))):
        sizes = _sizes(place.parent)
        if place.exists():
            return
        with _alone(place.parent):
            if not place.exists():
                _download(place, sizes.get(place.name))


def _sizes(folder: Path) -> dict[str, int]:
    """The files of a copied folder and their sizes; copies of another manifest than the store's are gone."""
    if str(folder) not in _known:
        content = _content(f"{store_url(folder)}/{MANIFEST}")
        stands = folder / MANIFEST
        with _alone(folder):
            if not stands.exists() or stands.read_bytes() != content:
                for each in folder.iterdir():
                    if each.is_file() and not each.name.startswith("."):
                        each.unlink()
                _write(stands, content)
        _known[str(folder)] = json.loads(content)["files"]
    return _known[str(folder)]


def _content(url: str) -> bytes:
    import fsspec

    fs, path = fsspec.core.url_to_fs(url)
    try:
        content: bytes = fs.cat_file(path)
    except FileNotFoundError as error:
        raise BabelmixError(f"{url}: no such file; name the mixture that `babelmix mix` printed") from error
    return content


def _download(place: Path, size: int | None) -> None:
    import fsspec

    url = store_url(place)
    fs, path = fsspec.core.url_to_fs(url)
    if size is None:
        raise BabelmixError(f"{url}: not among the files of its folder's manifest; build it again")
    part = place.with_name(f".{place.name}.part")
    try:
        fs.get_file(path, str(part))
    except FileNotFoundError as error:
        raise BabelmixError(f"{url}: gone, its folder's manifest has it; build it again") from error
    if part.stat().st_size != size:
        found = part.stat().st_size
        raise BabelmixError(f"{url}: {found} bytes, its manifest says {size}; made again meanwhile, start again")
    part.replace(place)


def _write(place: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", suffix=".part", delete=False) as file:
        file.write(content)
    Path(file.name).replace(place)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds a folder of copies: what several processes open at once is copied once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
