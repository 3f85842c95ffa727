"""Opens compressed or plain files as streams of bytes, after a look at what they really are."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import fsspec
import zstandard

from sources.errors import BabelmixError
from sources.source import Compression

_MAGIC: Final[dict[Compression, bytes]] = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}

_CHUNK: Final = 1 << 18


@contextmanager
def open_stream(url: str, compression: Compression | None) -> Iterator[IO[bytes]]:
    """The decompressed bytes of the file at `url`. `compression` None takes whatever the file is.

    Raises:
        BabelmixError: the file is missing, empty, compressed otherwise than declared, or ends too early.
    """
    try:
        with fsspec.open(url, "rb") as file:
            head = file.read(4)
            file.seek(0)
            found = _compression(head)
            if not head:
                raise BabelmixError(f"{url}: empty file; fetch it again, or leave it out")
            if compression is not None and found != compression:
                raise BabelmixError(
                    f"{url}: its bytes are {_named(found)}, declared is {_named(compression)};"
                    " correct `compression` in the catalog, or the file"
                )
            yield _decompressed(file, found)
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise BabelmixError(f"{url}: truncated or damaged ({error}); fetch it again") from error
    except FileNotFoundError as error:
        raise BabelmixError(f"{url}: no such file") from error


def _compression(head: bytes) -> Compression:
    return next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "none")


def _named(compression: Compression) -> str:
    return "plain text" if compression == "none" else compression


def _decompressed(file: IO[bytes], compression: Compression) -> IO[bytes]:
    match compression:
        case "gzip":
            return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
        case "zstd":
            return io.BufferedReader(_Zstandard(file), _CHUNK)
        case _:
            return file


class _Zstandard(io.RawIOBase):
    """Frames of zstandard as one stream; zstandard's own reader takes a truncated file for a whole one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._held = b""
        self._inside = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            if self._frame.eof:
                left = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._inside = False
            else:
                left = b""
            packed = left or self._file.read(_CHUNK)
            if not packed:
                if self._inside:
                    raise EOFError("it ends within a frame")
                return 0
            self._inside = True
            self._held = self._frame.decompress(packed)
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size
