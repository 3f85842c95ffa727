"""Qwen's byte-level BPE over a batch of texts: tables, and what was met before."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from mixtures import compiled_bpe as compiled

# Pieces that are remembered, at most half of this; and their ids. 80 MB when both are full.
_PIECES: Final = 1 << 21
_POOL: Final = 1 << 22
_CODE_POINTS: Final = 0x110000


class BytePairs:
    """Encodes texts in Unicode's composed form; not for several threads at once."""

    def __init__(self, ranks: Mapping[bytes, int]) -> None:
        tokens = sorted(ranks, key=lambda token: ranks[token])
        if [ranks[token] for token in tokens] != list(range(len(tokens))):
            raise ValueError("ranks are not 0, 1, 2 and so on")
        sizes = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
        data = np.frombuffer(b"".join(tokens), dtype=np.uint8)
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        self._longest = int(sizes.max())
        self._table, self._bitmap = compiled.rank_table(data, offsets, (2 * len(tokens)).bit_length())
        self._classes = _classes()
        powers = np.ones(self._longest + 2, dtype=np.uint64)
        for k in range(1, len(powers)):
            powers[k] = (int(powers[k - 1]) * 0xD6E8FEB86659FD93) & 0xFFFFFFFFFFFFFFFF
        self._powers = powers
        self._met = np.zeros(4 * _PIECES, dtype=np.uint64)
        self._pool = np.zeros(_POOL, dtype=np.uint32)
        self._used = np.zeros(2, dtype=np.int64)

    def encode(self, texts: pa.Array) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """The ids of all texts of a string array without nulls, one after the other; where each text's begin."""
        texts = texts.cast(pa.large_string())
        offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
        data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
        ids, bounds = compiled.encode(
            data,
            offsets,
            self._classes,
            self._table,
            self._bitmap,
            self._longest,
            self._powers,
            self._met,
            self._pool,
            self._used,
        )
        return ids, bounds


def _classes() -> npt.NDArray[np.uint8]:
    """The class of every code point in the split pattern."""
    every = "".join(map(chr, range(_CODE_POINTS)))
    classes = np.zeros(_CODE_POINTS, dtype=np.uint8)
    patterns = {
        compiled.LETTER: r"\p{L}",
        compiled.NUMBER: r"\p{N}",
        compiled.SPACE: r"\p{White_Space}",
        compiled.LINE_END: r"[\r\n]",
    }
    for number, pattern in patterns.items():
        for found in regex.finditer(f"(?:{pattern})+", every):
            classes[found.start() : found.end()] = number
    return classes
