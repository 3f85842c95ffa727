"""Phrases and number words of the English side, as tables of hashes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from filters.bitext import compiled
from filters.bitext.letters import Letters, letters
from sources.loading import load_yaml

FILE: Final = Path(__file__).parent / "english.yaml"


class _English(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    phrases: tuple[str, ...]
    number_words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class English:
    """Hash tables of the phrases of templates and of the number words."""

    phrases: npt.NDArray[np.uint64]
    number_words: npt.NDArray[np.uint64]


@cache
def english() -> English:
    """The tables of `english.yaml`."""
    known = load_yaml(FILE, _English)
    words = hashes(known.number_words, letters("Latn"), 0).units
    return English(
        compiled.hash_table(hashes(known.phrases, letters("Latn"), 0).grams), compiled.hash_table(words)
    )


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hash of each text, every n-gram's, and every unit's."""

    whole: npt.NDArray[np.uint64]
    grams: npt.NDArray[np.uint64]
    units: npt.NDArray[np.uint64]


def hashes(texts: tuple[str, ...], table: Letters, gram: int) -> Hashed:
    """Hashes as the compiled pass has them; `gram` units an n-gram, 0: a text as a whole is one."""
    data, offsets = buffers(pa.array(texts, pa.string()))
    found = compiled.unit_hashes(data, offsets, table.facts, table.lower, table.base, gram)
    return Hashed(*found)


def buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The UTF-8 of a string array one after the other, and where each begins and the last ends."""
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(texts.buffers()[1], dtype=kind)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    return data, offsets.astype(np.int64)
