"""The compiled tokenizer against tiktoken, which runs the same ranks and pattern."""

import unicodedata
from functools import cache
from itertools import pairwise

import pyarrow as pa
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from mixtures.bpe import BytePairs
from mixtures.tokenizer import QWEN3_SPLIT, qwen3_ranks

# What the Unicode tables of every library here know.
KNOWN = [chr(point) for point in range(0x20000) if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")]
PIECES = [
    *(
        "'s",
        "'S",
        "'ll",
        "'Re",
        "'ſ",
        "'",
        "’s",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\u00a0",
        "\u2028",
        "word",
        " the",
    ),
    *(
        "Über",
        "1",
        "23",
        "½",
        "!?",
        " --",
        "...",
        "…",
        "我们",
        "ไทย",
        "é",
        "e\u0301",
        "😀",
        "👩\u200d🌈",
        "a" * 90,
    ),
    *("ab" * 60, "!" * 120, " " * 70, "\n" * 40, "x'd", "d'", "ك", "١"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(st.sampled_from(KNOWN), max_size=40)


@cache
def _ours() -> BytePairs:
    return BytePairs(qwen3_ranks())


@cache
def _theirs() -> tiktoken.Encoding:
    return tiktoken.Encoding("qwen", pat_str=QWEN3_SPLIT, mergeable_ranks=qwen3_ranks(), special_tokens={})


def _ids(texts: list[str]) -> list[list[int]]:
    ids, bounds = _ours().encode(pa.array(texts, pa.large_string()))
    return [ids[start:end].tolist() for start, end in pairwise(bounds)]


@given(st.lists(TEXTS, max_size=4))
def test_the_ids_are_tiktokens(texts: list[str]) -> None:
    assert _ids(texts) == [_theirs().encode_ordinary(text) for text in texts]
    # What was met before gives the same again.
    assert _ids(texts) == [_theirs().encode_ordinary(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    [each * 3000 for each in ("a", "ab", " ", "\n", "!", "我们", "é", "\r\n \t", "'")],
    ids=["letter", "two letters", "blanks", "line ends", "marks", "Han", "accents", "mixed", "apostrophes"],
)
def test_long_pieces(text: str) -> None:
    assert _ids([text, f"before {text} after"]) == [
        _theirs().encode_ordinary(text),
        _theirs().encode_ordinary(f"before {text} after"),
    ]


def test_a_million_letters_without_a_break() -> None:
    (ids,) = _ids(["abcdefghij" * 100_000])
    assert _theirs().decode(ids) == "abcdefghij" * 100_000


def test_a_slice_and_nothing() -> None:
    array = pa.array(["one", "two three", ""]).slice(1)
    ids, bounds = _ours().encode(array)
    assert ids[: bounds[1]].tolist() == _theirs().encode_ordinary("two three")
    assert bounds.tolist() == [0, len(ids), len(ids)]
    assert _ids([]) == []
