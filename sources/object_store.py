"""Object stores through fsspec: what is asked of them, and what is said where they do not answer.

Importing this sets defaults for S3 that fsspec's and AWS' own settings (`FSSPEC_S3_...`, `AWS_...`) override.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any, Final

import fsspec

from sources.errors import BabelmixError, UnreachableError

# Tries of one request, in botocore's backoff of up to 20 s between them: about a minute of errors is sat out.
_TRIES: Final = 8
_CONNECT_S: Final = 10
# Without a byte for so long, an answer is given up and asked for again.
_SILENCE_S: Final = 60
_STORES: Final = {"s3", "gs", "abfs"}
_opening: Final = threading.Lock()
_opened: Final[dict[tuple[int, str], Any]] = {}
_LIBRARIES: Final = ("aiobotocore", "aiohttp", "botocore", "fsspec", "gcsfs", "s3fs")


def _set_defaults() -> None:
    client: dict[str, Any] = {"connect_timeout": _CONNECT_S, "read_timeout": _SILENCE_S}
    if "AWS_MAX_ATTEMPTS" not in os.environ and "AWS_RETRY_MODE" not in os.environ:
        client["retries"] = {"mode": "standard", "max_attempts": _TRIES}
    held = fsspec.config.conf.setdefault("s3", {})
    held.setdefault("config_kwargs", client)
    # Other processes and machines write to a workspace: what a listing said before may no longer be so.
    held.setdefault("use_listings_cache", False)


_set_defaults()


def remote(place: str) -> bool:
    """Whether a path or URL is that of an object store or server, and not of a file on this machine."""
    return "://" in place and not place.startswith("file://")


def open_store(url: str) -> tuple[Any, str]:
    """The filesystem of a path or URL and its path there, as fsspec's `url_to_fs`.

    All threads of a process share a store's: fsspec makes one for each, which takes a third of a second.
    """
    protocol = url.partition("://")[0]
    if protocol not in _STORES:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url)
        return found
    with _opening:
        key = (os.getpid(), protocol)
        if key not in _opened:
            _opened[key] = fsspec.filesystem(protocol)
        fs = _opened[key]
    return fs, fs._strip_protocol(url)


def glob(fs: Any, pattern: str) -> list[str]:
    """The paths that a pattern matches, none where there are none.

    fsspec takes a folder of a store that cannot be listed for an empty one: a failing store would have no files.
    """
    known = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
    try:
        return list(fs.glob(pattern, on_error="raise") if known & _STORES else fs.glob(pattern))
    except FileNotFoundError:
        if known & _STORES:
            return []
        raise


@contextlib.contextmanager
def clear_store_errors(place: str) -> Iterator[None]:
    """Turns what a store refused, or did not answer after all tries, into one clear line about `place`.

    Raises:
        UnreachableError: the store failed; the next try may pass.
    """
    try:
        yield
    except BabelmixError:
        raise
    except Exception as error:
        said = store_failure(error)
        if said is None:
            raise
        raise UnreachableError(
            f"{place}: the object store failed ({said}); what was complete is untouched: mend that, and run the"
            " same command again"
        ) from error


def store_failure(error: BaseException | None) -> str | None:
    """What an object store or the way to it was at fault with, None where the error is none of theirs."""
    while error is not None:
        if type(error).__module__.partition(".")[0] in _LIBRARIES:
            return str(error) or type(error).__name__
        error = error.__cause__
    return None
