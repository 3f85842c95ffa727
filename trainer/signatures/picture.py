"""A matrix of numbers as a PNG picture, a pixel a number, to be shown enlarged: a page holds many of them."""

import base64
import struct
import zlib
from typing import Final

import numpy as np

from trainer.signatures.routing import Shares

# A colour for less, for even and for more than the mean: blue, near white and orange-red, which colour-blind
# people tell apart.
LESS: Final = (33, 102, 172)
EVEN: Final = (245, 245, 242)
MORE: Final = (190, 60, 30)
_STEPS: Final = 127


def png(values: Shares) -> str:
    """A `data:` URL of `values` (rows, columns) in -1 to 1, coloured from `LESS` over `EVEN` to `MORE`."""
    rows, columns = values.shape
    levels = np.rint((np.clip(values, -1, 1) + 1) * _STEPS).astype(np.uint8)
    # Each row begins with its filter, 0 for none.
    lines = np.hstack([np.zeros((rows, 1), dtype=np.uint8), levels]).tobytes()
    content = b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            # Eight bits a pixel, from a palette.
            _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(part for level in range(2 * _STEPS + 1) for part in colour(level / _STEPS - 1))),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )
    return "data:image/png;base64," + base64.b64encode(content).decode()


def colour(value: float) -> tuple[int, int, int]:
    """Red, green and blue of a value in -1 to 1."""
    end, part = (MORE, value) if value > 0 else (LESS, -value)
    red, green, blue = (round(even + (to - even) * min(part, 1.0)) for even, to in zip(EVEN, end, strict=True))
    return red, green, blue


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
