"""Lines and cells of separated text found in a buffer of bytes, compiled."""

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def split_rows(data: Any, columns: int, most: int) -> Any:
    """Where the cells of each whole line of `data` begin and end.

    Returns starts and ends (lines, columns), how many cells each line has, and where each line begins and the
    last one ends. Cells beyond `columns` are counted, not kept. A carriage return before the line's end belongs to
    the end. At most `most` lines are split.
    """
    starts = np.zeros((most, columns), dtype=np.int64)
    ends = np.zeros((most, columns), dtype=np.int64)
    cells = np.zeros(most, dtype=np.int64)
    bounds = np.zeros(most + 1, dtype=np.int64)
    line = cell = start = 0
    for at in range(data.size):
        byte = data[at]
        if byte > 10:
            continue
        if byte == 9:
            if cell < columns:
                starts[line, cell], ends[line, cell] = start, at
            cell += 1
            start = at + 1
        elif byte == 10:
            end = at - 1 if at > start and data[at - 1] == 13 else at
            if cell < columns:
                starts[line, cell], ends[line, cell] = start, end
            cells[line] = cell + 1
            line += 1
            bounds[line] = at + 1
            cell, start = 0, at + 1
            if line == most:
                break
    return starts[:line], ends[:line], cells[:line], bounds[: line + 1]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def gather(data: Any, starts: Any, ends: Any) -> Any:
    """The bytes of some cells one after the other, and their offsets, as a column of strings has them."""
    offsets = np.zeros(starts.size + 1, dtype=np.int32)
    for cell in range(starts.size):
        offsets[cell + 1] = offsets[cell] + ends[cell] - starts[cell]
    out = np.empty(offsets[starts.size], dtype=np.uint8)
    for cell in range(starts.size):
        to = offsets[cell]
        for at in range(starts[cell], ends[cell]):
            out[to] = data[at]
            to += 1
    return out, offsets


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unknown(data: Any, starts: Any, ends: Any) -> Any:
    """Whether each cell is empty or "_", which stands for what is not known."""
    found = np.zeros(starts.size, dtype=np.bool_)
    for cell in range(starts.size):
        size = ends[cell] - starts[cell]
        found[cell] = size == 0 or (size == 1 and data[starts[cell]] == 95)
    return found
