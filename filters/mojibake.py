"""Which texts ftfy could want to change: a compiled look before its slow one.

ftfy searches every line for a regular expression of some forty alternatives, a third of a millisecond a page. Each
alternative holds two characters next to each other that hardly ever stand so in a good text. Their sets are read
from ftfy's own expression, so that a text without any such pair, and without control characters and entities, is
one that ftfy leaves as it is.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ftfy.badness import BADNESS_RE
from ftfy.chardata import CONTROL_CHARS
from numba import njit

Members: TypeAlias = npt.NDArray[np.int64]

_POINTS: Final = 0x10000
# The bit of what is enough by itself, after any character.
_ALONE: Final = np.uint64(1 << 63)
# A part of a verbose expression: a class, an escape, a character that stands for itself; or what is none of these.
_PART: Final = re.compile(
    r"\s+|\#[^\n]*|(?P<element>\[[^\]]+\]|\\x[0-9a-f]{2}|\\[sw]|[^][\\(){}*+?$^|.])|(?P<mark>[?^|.])|(?P<other>.)",
    re.S,
)


def suspicious(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Which texts of a string array (without nulls) may hold something for ftfy; of the others none does."""
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    firsts, seconds = _tables()
    found: npt.NDArray[np.bool_] = _suspicious(data, offsets, firsts, seconds)
    return found


@cache
def _tables() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """For each code point of the basic plane the pairs, as bits, that it may begin and that it may end."""
    firsts, seconds = np.zeros(_POINTS, dtype=np.uint64), np.zeros(_POINTS, dtype=np.uint64)
    every = "".join(map(chr, range(_POINTS)))
    for number, (first, second) in enumerate(_pairs(BADNESS_RE.pattern, every)):
        # More alternatives than bits share them, which lets through too many texts and never too few.
        bit = np.uint64(1 << number % 63) if len(first) else _ALONE
        firsts[first] |= bit
        seconds[second] |= bit
    # Controls that ftfy deletes, and the & of an entity.
    alone = [point for point in CONTROL_CHARS if point < _POINTS] + [ord("&")]
    firsts |= _ALONE
    seconds[alone] |= _ALONE
    return firsts, seconds


def _pairs(pattern: str, every: str) -> Iterator[tuple[Members, Members]]:
    """The rarest pair of neighbours in each alternative of `pattern`; nothing and itself for one character."""
    for alternative in _alternatives(pattern):
        runs = [[_members(element, every) for element in run] for run in alternative if run]
        pairs = [two for run in runs for two in pairwise(run)]
        if pairs:
            yield min(pairs, key=lambda pair: len(pair[0]) * len(pair[1]))
        else:
            ((single,),) = runs
            yield np.zeros(0, dtype=np.int64), single


def _alternatives(pattern: str) -> Iterator[list[list[str]]]:
    """The alternatives of a verbose expression, each as its runs of neighbours.

    Raises:
        ValueError: the expression holds what is not understood here.
    """
    runs: list[list[str]] = [[]]
    for part in _PART.finditer(pattern):
        if part["other"]:
            raise ValueError(
                f"ftfy's expression holds {part['other']!r} at {part.start()}, which is not understood"
            )
        if part["element"]:
            runs[-1].append(part["element"])
        elif part["mark"] == "?":
            # What may be missing parts its neighbours.
            runs[-1].pop()
            runs.append([])
        elif part["mark"] in ("^", "."):
            runs.append([])
        elif part["mark"] == "|":
            yield runs
            runs = [[]]
    yield runs


def _members(element: str, every: str) -> Members:
    return np.array([found.start() for found in re.finditer(element, every)], dtype=np.int64)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _suspicious(data: Any, offsets: Any, firsts: Any, seconds: Any) -> Any:
    found = np.zeros(offsets.size - 1, dtype=np.bool_)
    for text in range(offsets.size - 1):
        at, end = offsets[text], offsets[text + 1]
        may = _ALONE
        while at < end:
            byte = data[at]
            if byte < 0x80:
                point = np.int64(byte)
                at += 1
            elif byte < 0xE0 and at + 1 < end:
                point = np.int64(byte & 0x1F) << 6 | np.int64(data[at + 1] & 0x3F)
                at += 2
            elif byte < 0xF0 and at + 2 < end:
                point = (
                    np.int64(byte & 0x0F) << 12
                    | np.int64(data[at + 1] & 0x3F) << 6
                    | np.int64(data[at + 2] & 0x3F)
                )
                at += 3
            else:
                # Outside the basic plane is nothing that belongs to a pair but as any character.
                point = np.int64(0x4E00)
                at += 4
            if may & seconds[point]:
                found[text] = True
                break
            # ftfy looks at each line by itself.
            may = _ALONE if point == 10 else firsts[point]
    return found
