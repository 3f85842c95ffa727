"""Which pairs are too many of one English sentence when all languages are put together.

Mined sentences come in many languages at once: without a cap the sets of all languages share their boilerplate.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

REASON: Final = "language_cap"

BEYOND = pa.schema(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        # Languages that have the sentence.
        pa.field("languages", pa.int64(), nullable=False),
        # Languages that may have it.
        pa.field("most", pa.int64(), nullable=False),
    ]
)


def beyond(pairs: Mapping[str, pa.Table], most: int) -> pa.Table:
    """The pairs beyond the first `most` languages of their English sentence, as BEYOND.

    `pairs` has tables with `id` and `source_text` by language code. Sentences are the same without regard to case,
    marks and white space. Which languages may keep one is decided by a hash of sentence and language, so that no
    language is always last, and another language's pairs move as few as can be.
    """
    codes = sorted(pairs)
    counts = [len(pairs[code]) for code in codes]
    keys = [key for code in codes for key in _keys(pairs[code].column("source_text"))]
    sentences = np.array(keys, dtype=np.uint64)
    of = np.repeat(np.arange(len(codes)), counts)
    drawn = np.array(
        [xxhash.xxh3_64_intdigest(f"{key} {codes[at]}") for key, at in zip(keys, of.tolist(), strict=True)],
        dtype=np.uint64,
    )
    order = np.lexsort((drawn, sentences))
    # Pairs of one language and sentence have the same draw, and stand or fall together.
    new_sentence = np.ones(len(order), dtype=np.bool_)
    new_language = np.ones(len(order), dtype=np.bool_)
    new_sentence[1:] = sentences[order][1:] != sentences[order][:-1]
    new_language[1:] = new_sentence[1:] | (drawn[order][1:] != drawn[order][:-1])
    place = np.cumsum(new_language)
    starts = np.flatnonzero(new_sentence)
    rank: npt.NDArray[np.int64] = place - np.repeat(place[starts], np.diff(np.append(starts, len(order))))
    ends = np.append(starts, len(order))[1:] - 1
    languages = np.repeat(rank[ends] + 1, np.diff(np.append(starts, len(order)))) if len(order) else rank
    out = rank >= most
    rows, held = order[out], languages[out]
    by_row = np.argsort(rows)
    rows, held = rows[by_row], held[by_row]
    ids = pa.chunked_array([chunk for code in codes for chunk in pairs[code].column("id").chunks], pa.string())
    return pa.table(
        [
            pa.array([codes[at] for at in of[rows]], pa.string()),
            ids.take(pa.array(rows)),
            pa.array(held),
            pa.repeat(most, len(held)),
        ],
        schema=BEYOND,
    )


def _keys(sentences: pa.ChunkedArray) -> list[int]:
    plain = pc.replace_substring_regex(pc.utf8_lower(sentences), r"[^\p{L}\p{N}]+", " ")
    return [xxhash.xxh3_64_intdigest(text.strip()) for text in plain.to_pylist()]
