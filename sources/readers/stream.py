"""Opens files through fsspec, and compressed or plain ones as streams of lines.

What keeps a file from being read is one line for its reader; a lost connection stays what it is, since the next
try may pass.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import fsspec
import pyarrow as pa

from sources.errors import BabelmixError
from sources.source import Compression

_MAGIC: Final[dict[Compression, tuple[bytes, ...]]] = {
    "gzip": (b"\x1f\x8b",),
    # A frame of data, or a skippable one, which parallel compressors write first.
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([each]) + b"\x2a\x4d\x18" for each in range(0x50, 0x60))),
}
_BUFFER: Final = 1 << 18


@contextmanager
def open_file(url: str, gate: str | None = None, *, ahead: bool = False) -> Iterator[IO[bytes]]:
    """The bytes of the file at `url` as they are. `gate` says how to be let in.

    `ahead` fetches more than is asked for, as suits reading from front to back; for Parquet, whose columns are
    read in turns, that would fetch every byte several times over.

    Raises:
        BabelmixError: there is no such file, it is a folder, access is refused, or Arrow finds it damaged.
    """
    try:
        fs, path = fsspec.core.url_to_fs(url)
        with fs.open(path, "rb", cache_type="readahead" if ahead else "none") as file:
            yield file
    except IsADirectoryError as error:
        raise BabelmixError(f"{url}: a folder, should be a file; name the files in it") from error
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        status = _status(error)
        if status in (401, 403) or isinstance(error, PermissionError):
            how = gate or "give this user the right to read it, or log in"
            raise BabelmixError(f"{url}: access refused ({reason}); {how}") from error
        # To fsspec's HTTP whatever does not answer is not found.
        if (
            isinstance(error, FileNotFoundError)
            and status in (None, 404)
            and not isinstance(error.__cause__, OSError)
        ):
            raise BabelmixError(f"{url}: no such file") from error
        if _from_arrow(error):
            raise BabelmixError(f"{url}: truncated or damaged ({reason}); fetch it again") from error
        raise


def _status(error: BaseException | None) -> int | None:
    """What a web server, or the Hub, answered where that is what went wrong."""
    while error is not None:
        answer = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(answer, int):
            return answer
        error = error.__cause__
    return None


def _from_arrow(error: Exception) -> bool:
    # Arrow has no class of its own for broken pages and streams; the system's errors have a number.
    return isinstance(error, pa.ArrowException) or (type(error) is OSError and error.errno is None)


@contextmanager
def open_stream(
    url: str, compression: Compression | None = None, gate: str | None = None
) -> Iterator[io.BufferedReader]:
    """The decompressed bytes of the file at `url`, held in a small buffer; None takes whatever it is.

    Raises:
        BabelmixError: as `open_file`, or the file is empty, compressed otherwise than declared, or cut short.
    """
    with open_file(url, gate, ahead=True) as file:
        # Looked at without a seek: some web servers send streams only.
        plain = _buffered(pa.PythonFile(file, mode="r"))
        head = plain.peek(4)[:4]
        if not head:
            raise BabelmixError(f"{url}: empty file; fetch it again, or leave it out")
        found = next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "none")
        if compression is not None and found != compression:
            raise BabelmixError(
                f"{url}: its bytes are {_named(found)}, declared is {_named(compression)};"
                " correct `compression` in the catalog, or the file and its name"
            )
        # Arrow's decompressors, not Python's: with them a truncated zstandard file is an error, memory is
        # bounded for whatever a few bytes expand to, and gzip takes half the time.
        packed = pa.PythonFile(plain, mode="r")
        yield plain if found == "none" else _buffered(pa.CompressedInputStream(packed, found))


def _buffered(raw: Any) -> io.BufferedReader:
    return io.BufferedReader(raw, _BUFFER)


def _named(compression: str) -> str:
    return "plain text" if compression == "none" else compression
