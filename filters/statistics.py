"""Everything that the filters measure of a text, in one pass over it.

Verdicts are comparisons of these columns with thresholds (`filters/fineweb2_rules.py`),
signatures are what duplicates are found by, and units are what benchmarks' questions are looked for with. The
statistics are those of datatrove's Gopher and FineWeb filters, over the words of `IcuWordTokenizer`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from icu4py.breakers import WordBreaker

from filters import compiled
from filters.characters import characters, script_table
from filters.word_tokenizer import icu_pieces
from sources.language import Language, Segmentation

STATISTICS: Final = (
    "quality.characters",
    "quality.lines",
    "quality.words",
    "quality.non_symbol_words",
    "quality.avg_word_length",
    "quality.hash_ratio",
    "quality.ellipsis_ratio",
    "quality.bullet_lines_ratio",
    "quality.ellipsis_lines_ratio",
    "quality.alpha_ratio",
    "quality.stop_words",
    "quality.line_punct_ratio",
    "quality.char_dup_ratio",
    "quality.list_ratio",
    "repetition.dup_line_frac",
    *(f"repetition.top_{n}_gram" for n in (2, 3, 4)),
    *(f"repetition.duplicated_{n}_n_grams" for n in range(5, 11)),
    "language.script_share",
)

# FineWeb-2's MinHash: 14 bands of 8 hashes.
BANDS: Final = 14
HASHES: Final = 8
_SEED: Final = 1
_JOINS: Final = {
    "apart": compiled.APART,
    "before": compiled.BEFORE,
    "within": compiled.WITHIN,
    "after": compiled.AFTER,
}


@dataclass(frozen=True, slots=True)
class Ragged:
    """A list of hashes for each document, one after the other."""

    values: npt.NDArray[np.uint64]
    # (documents + 1,)
    offsets: npt.NDArray[np.int64]

    def __getitem__(self, document: int) -> npt.NDArray[np.uint64]:
        return self.values[self.offsets[document] : self.offsets[document + 1]]

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class Measured:
    """What `measure` finds in a batch of documents."""

    # One value a document, by the names of STATISTICS.
    statistics: dict[str, npt.NDArray[np.float64]]
    # (documents, BANDS): two documents that share 80% of their shingles agree in one of them with probability
    # 0.92.
    bands: npt.NDArray[np.uint64]
    # The text without regard to case and white space.
    exact: npt.NDArray[np.uint64]
    # Every 5-gram of words, lower case, without marks and, where words are spaced, diacritics; numbers are one.
    shingles: Ragged
    # Every word, or every character where words are not spaced: lower case, without marks, with diacritics.
    units: Ragged
    # Where each unit begins and ends in its text, in characters; parallel to `units.values`.
    unit_starts: npt.NDArray[np.int32]
    unit_ends: npt.NDArray[np.int32]


def measure(texts: pa.Array, language: Language, signatures: bool = True) -> Measured:
    """Measures a batch of texts, a string array without nulls, by the language's words and script.

    Without `signatures` only the statistics are made. Memory grows with the batch: about 40 bytes a byte of text.
    """
    texts = texts.cast(pa.large_string())
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    table = characters()
    given, given_offsets = _dictionary_words(texts, data, offsets, language)
    unspaced = language.segmentation.rule == "dictionary"
    a, b = _hash_functions()
    values, bands, exact, shingles, shingle_offsets, units, unit_offsets, starts, ends = compiled.measure_batch(
        data,
        offsets,
        given,
        given_offsets,
        unspaced,
        _JOINS[language.segmentation.hyphen],
        _JOINS[language.segmentation.apostrophe],
        _JOINS[language.segmentation.marks],
        _stop_words(language.thresholds.stopwords),
        table.word_break,
        table.flags,
        table.folded,
        table.lower,
        # A dictionary's words lose their meaning without their marks.
        table.lower if unspaced else table.base,
        _script(language.script),
        a,
        b,
        HASHES,
        signatures,
    )
    return Measured(
        {name: np.ascontiguousarray(values[:, column]) for column, name in enumerate(STATISTICS)},
        bands,
        exact,
        Ragged(shingles, shingle_offsets),
        Ragged(units, unit_offsets),
        starts,
        ends,
    )


def _dictionary_words(
    texts: pa.Array, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], language: Language
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The ends of ICU's pieces of the texts that need its dictionaries, and where each text's are."""
    if language.segmentation.rule == "dictionary":
        wanted = np.ones(len(texts), dtype=np.bool_)
    else:
        wanted = compiled.need_dictionary(data, offsets, characters().word_break)
    counts = np.zeros(len(texts) + 1, dtype=np.int64)
    found = [np.zeros(0, dtype=np.int64)]
    for at in np.flatnonzero(wanted):
        ends = _dictionary_boundaries(texts[int(at)].as_py(), language.segmentation)
        found.append(ends)
        counts[at + 1] = len(ends)
    return np.concatenate(found), np.cumsum(counts)


def _dictionary_boundaries(text: str, rule: Segmentation) -> npt.NDArray[np.int64]:
    """The end of each piece of `text`, in characters, by ICU's rules and dictionaries."""
    if rule.apostrophe != "within":
        return np.cumsum([len(piece) for piece in icu_pieces(text, rule)])
    ends = np.array([end for _, end in WordBreaker(text, rule.locale).segments()], dtype=np.int64)
    if len(ends) and ends[-1] != len(text):
        # ICU counts in UTF-16, where a character outside the basic plane is two.
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        ends = np.searchsorted(np.cumsum(1 + (points > 0xFFFF)), ends) + 1
    return ends


@cache
def _hash_functions() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    random = np.random.Generator(np.random.PCG64(_SEED))
    a, b = random.integers(0, 1 << 64, size=(2, BANDS * HASHES), dtype=np.uint64)
    return a | np.uint64(1), b


@cache
def _stop_words(words: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    distinct = sorted(set(words))
    points = np.array([ord(character) for word in distinct for character in word], dtype=np.uint32)
    table: npt.NDArray[np.uint64] = compiled.stop_table(points, np.cumsum([0, *map(len, distinct)]))
    return table


_script = cache(script_table)
