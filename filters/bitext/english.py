"""Phrases and number words of the English side, as tables of hashes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

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

    notices: tuple[str, ...]
    phrases: tuple[str, ...]
    # By number; "any" for words that go with others.
    number_words: dict[int | Literal["any"], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class English:
    """Hash tables of the phrases of templates, and the number words: sorted hashes, and their numbers."""

    phrases: npt.NDArray[np.uint64]
    notices: npt.NDArray[np.uint64]
    # The first words of either.
    begins: npt.NDArray[np.uint64]
    number_words: npt.NDArray[np.uint64]
    number_values: npt.NDArray[np.int64]


@cache
def english() -> English:
    """The tables of `english.yaml`."""
    known = load_yaml(FILE, _English)
    table = letters("Latn")
    words = {word: value for value, each in known.number_words.items() for word in each}
    numbers = hashes(tuple(words), table, 0).units
    order = np.argsort(numbers)
    both = known.phrases + known.notices
    values = np.array([compiled.ANY if value == "any" else value for value in words.values()], dtype=np.int64)
    return English(
        compiled.hash_table(hashes(known.phrases, table, 0).grams),
        compiled.hash_table(hashes(known.notices, table, 0).grams),
        compiled.hash_table(hashes(tuple(each.split()[0] for each in both), table, 0).units),
        numbers[order],
        values[order],
    )


@cache
def stop_words(words: tuple[str, ...], script: str) -> npt.NDArray[np.uint64]:
    """A hash table of a language's stop words; of those that are one unit each."""
    single = tuple(word for word in words if " " not in word and "'" not in word)
    table: npt.NDArray[np.uint64] = compiled.hash_table(hashes(single, letters(script), 0).units)
    return table


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
