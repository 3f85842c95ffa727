"""The one pass against the libraries' own functions, statistic by statistic."""

import gzip
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)
from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION
from hypothesis import given
from hypothesis import strategies as st

from filters import characters as ch
from filters import compiled
from filters.scripts import script_share
from filters.statistics import BANDS, STATISTICS, Measured, measure
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language, Segmentation, language, languages

SAMPLE = Path(__file__).parents[2] / "sources" / "sample"
REAL = Path(__file__).parents[3] / "shared" / "data" / "documents"
TERMINAL = tuple(TERMINAL_PUNCTUATION)
# What the tables of this Python know: ICU and `regex` may be of other versions of Unicode.
ASSIGNED = [
    point for point in range(0x20000) if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")
]  # fmt: skip


def _measured(texts: list[str], code: str) -> Measured:
    return measure(pa.array(texts, pa.large_string()), language(code))


def _expected(text: str, found: Language) -> dict[str, float]:
    """Every statistic by datatrove's functions, over ICU's words."""
    words = IcuWordTokenizer(found.segmentation).word_tokenize(text)
    lines, visible = [line for line in text.split("\n") if line.strip()], text.splitlines()
    spoken = [word for word in words if any(mark not in PUNCTUATION_SET for mark in word)]
    parts = re.split("\n+", text)

    def share(count: float, of: int) -> float:
        return count / of if of else 0.0

    grams = {n: get_n_grams(words, n) for n in (2, 3, 4)}
    return {
        "quality.characters": len(text),
        "quality.lines": len(lines),
        "quality.words": len(words),
        "quality.non_symbol_words": len(spoken),
        "quality.avg_word_length": share(sum(map(len, spoken)), len(spoken)),
        "quality.hash_ratio": share(text.count("#"), len(words)),
        "quality.ellipsis_ratio": share(text.count("...") + text.count("…"), len(words)),
        "quality.bullet_lines_ratio": share(
            sum(line.lstrip().startswith(("•", "-")) for line in visible), len(visible)
        ),
        "quality.ellipsis_lines_ratio": share(
            sum(line.rstrip().endswith(("...", "…")) for line in visible), len(visible)
        ),
        "quality.alpha_ratio": share(sum(any(mark.isalpha() for mark in word) for word in words), len(words)),
        "quality.stop_words": len(set(found.thresholds.stopwords) & set(words)),
        "quality.line_punct_ratio": share(sum(line.endswith(TERMINAL) for line in lines), len(lines)),
        "quality.char_dup_ratio": share(find_duplicates(lines)[1], len(text.replace("\n", ""))),
        "quality.list_ratio": share(text.count("\n"), len(words)),
        "repetition.dup_line_frac": share(find_duplicates(parts)[0], len(parts)),
        **{
            f"repetition.top_{n}_gram": share(find_top_duplicate(found), len(text)) if found else 0.0
            for n, found in grams.items()
        },
        **{
            f"repetition.duplicated_{n}_n_grams": share(find_all_duplicate(words, n), len(text))
            for n in range(5, 11)
        },
        "language.script_share": script_share(text, found.script),
    }


def _compare(texts: list[str], code: str) -> None:
    found = _measured(texts, code)
    assert tuple(found.statistics) == STATISTICS
    for at, text in enumerate(texts):
        got = {name: values[at] for name, values in found.statistics.items()}
        assert got == pytest.approx(_expected(text, language(code)), abs=1e-12), text


@pytest.mark.parametrize("code", sorted(languages()))
def test_the_sample_packs_texts(code: str) -> None:
    path = SAMPLE / "fineweb-2" / "data" / code / "train" / "000_00000.parquet"
    if code == "eng_Latn":
        path = SAMPLE / "nemotron-cc-v2" / "High-Quality" / "part_000000.parquet"
    _compare(pq.read_table(path)["text"].to_pylist(), code)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real documents are not here")
@pytest.mark.parametrize(
    "code", ["eng_Latn", "deu_Latn", "kor_Hang", "cmn_Hani", "tha_Thai", "fin_Latn", "urd_Arab"]
)
def test_real_documents(code: str) -> None:
    with gzip.open(REAL / f"{code}.jsonl.gz", "rt", encoding="utf-8") as lines:
        _compare([json.loads(line)["text"] for line, _ in zip(lines, range(25), strict=False)], code)


# Words, marks and breaks that the statistics turn on, and anything at all.
PIECES = [
    *("the", "a", "ab", "b", "of", "don't", "l-", "1,000", "3.5", "#", "...", "…", "•", "-", "–", ".", "!", "。"),
    *("\n", "\n\n", "\r\n", "\u2028", "\x0b", " ", "\t", "\xa0", "und", "και", "我们", "ไทย", "한국", "e\u0301"),
    *("🏳\u200d🌈", "_", "x-y", "\u200b", "''", "١٢", "µ", "ﬁ"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=60).map("".join) | st.lists(
    st.sampled_from(PIECES), max_size=60
).map(" ".join)
ANY = st.text(st.sampled_from([chr(point) for point in ASSIGNED]), max_size=30)


@given(TEXTS | ANY, st.sampled_from(["eng_Latn", "ell_Grek", "mlt_Latn", "cmn_Hani", "heb_Hebr", "swe_Latn"]))
def test_texts_that_are_made_to_differ(text: str, code: str) -> None:
    _compare([text, f"{text}\n{text}"], code)


_BREAKS = {
    kind: [point for point in ASSIGNED if ch.characters().word_break[point] == kind]
    for kind in range(ch.DICTIONARY)
}
_PICTURES = [point for point in ASSIGNED if ch.characters().flags[point] & ch.PICTOGRAPHIC]


@given(
    st.lists(st.sampled_from([*(each for each in _BREAKS.values() if each), _PICTURES]).flatmap(st.sampled_from))
    | st.text("ab1.-'’_ …\u0301\u05d0\":/,(\u200b", max_size=12).map(lambda text: [ord(each) for each in text]),
    st.sampled_from(sorted({each.segmentation.locale for each in languages().values()})),
    st.sampled_from(["apart", "before", "within"]),
    st.sampled_from(["before", "within", "after"]),
    st.sampled_from(["apart", "within"]),
)
def test_words_are_icus(points: list[int], locale: str, hyphen: Any, apostrophe: Any, marks: Any) -> None:
    text = "".join(map(chr, points))
    rule = Segmentation(rule="spaces", locale=locale, hyphen=hyphen, apostrophe=apostrophe, marks=marks)
    table = ch.characters()
    joins = {
        "apart": compiled.APART,
        "before": compiled.BEFORE,
        "within": compiled.WITHIN,
        "after": compiled.AFTER,
    }
    settings = (joins[hyphen], joins[apostrophe], joins[marks])
    starts, ends = compiled.words(np.array(points, np.uint32), table.word_break, table.flags, *settings)
    found = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    assert found == IcuWordTokenizer(rule).word_tokenize(text)


def _near(one: str, other: str, code: str = "eng_Latn") -> int:
    """In how many bands two texts agree."""
    found = _measured([one, other], code)
    return int((found.bands[0] == found.bands[1]).sum())


WORDS = [f"{first}{second}word" for first in "abcdefghijklmnop" for second in "klmnopqrst"]


def test_signatures_agree_as_the_shingles_do() -> None:
    text = " ".join(WORDS)
    assert _near(text, text) == BANDS
    # Of 156 shingles five are others: bands of eight agree with probability 0.6.
    edited = " ".join(["other" if at == 80 else word for at, word in enumerate(WORDS)])
    assert 3 <= _near(text, edited) < BANDS
    assert _near(text, " ".join(reversed(WORDS))) == 0


def test_case_marks_numbers_and_diacritics_are_no_difference_to_shingles() -> None:
    one = "Le 3 mai, l'été était là: 1,5 million d'habitants sont partis très loin d'ici."
    two = "le 7 mai l'ete etait la 2,75 million d'habitants sont partis tres loin d'ici"
    assert _near(one, two) == BANDS
    # In Thai the marks are what tells words apart.
    assert _near("ที่นี่มีคนมากมายเดินอยู่ในสวน", "ทีนีมีคนมากมายเดินอยูในสวน", "tha_Thai") == 0


def test_exact_is_without_regard_to_case_and_white_space() -> None:
    found = _measured(
        ["One  two\nthree.", " one TWO three.", "one two three", "onetwo three.", "", " \n"], "eng_Latn"
    )
    assert found.exact[0] == found.exact[1]
    assert found.exact[4] == found.exact[5]
    assert len(set(found.exact.tolist())) == 4


def test_units_are_words_or_characters_with_their_places() -> None:
    text = "¡Niño 12, don't stop!"
    found = _measured([text], "spa_Latn")
    pieces = [text[a:b] for a, b in zip(found.unit_starts, found.unit_ends, strict=True)]
    assert pieces == ["Niño", "12", "don", "t", "stop"]
    other = _measured(["NIÑO?? 12 don't (stop", "nino 12 don't stop"], "spa_Latn")
    assert other.units[0].tolist() == found.units[0].tolist()
    assert other.units[1].tolist() != found.units[0].tolist()
    thai = _measured(["ก ข!"], "tha_Thai")
    assert (thai.unit_starts.tolist(), thai.unit_ends.tolist()) == ([0, 2], [1, 3])


def test_a_batch_measures_each_text_as_it_would_alone() -> None:
    texts = ["One two three. " * 30, "", "漢字 and kana かな", "x" * 5000, "\n" * 100, "last one"]
    together = _measured(texts, "eng_Latn")
    for at, text in enumerate(texts):
        alone = _measured([text], "eng_Latn")
        assert {name: values[0] for name, values in alone.statistics.items()} == {
            name: values[at] for name, values in together.statistics.items()
        }
        assert alone.bands[0].tolist() == together.bands[at].tolist()
        assert alone.exact[0] == together.exact[at]
        assert alone.shingles[0].tolist() == together.shingles[at].tolist()
        assert alone.units[0].tolist() == together.units[at].tolist()


def test_a_slice_of_an_array_is_measured_as_it_stands() -> None:
    array = pa.array(["first text", "second text here", "third"])
    sliced = measure(array.slice(1, 1), language("eng_Latn"))
    assert sliced.statistics["quality.words"].tolist() == [3]


@pytest.mark.parametrize(
    "text",
    [
        "word " * 200_000,
        "\n" * 100_000,
        "\u202e\u2067abc\u2069" * 20_000,
        "e" + "\u0301" * 500_000,
        "👩\u200d👩\u200d👧\u200d👦" * 20_000,
        "\u05d0\u05d1 12:30, 5/6 " * 30_000,
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 50_000,
        "a" * 1_000_000,
        "'" * 300_000,
        "a'" * 200_000,
        "-" * 300_000,
        "🇩" * 100_000,
    ],
    ids=["one word", "blank lines", "bidi", "marks", "families", "rtl digits", "emoji", "one letter", "quotes",
         "apostrophes", "hyphens", "flags"],
)  # fmt: skip
def test_texts_that_attack_have_their_statistics(text: str) -> None:
    found = _measured([text], "eng_Latn").statistics
    assert found["quality.characters"][0] == len(text)
    assert np.isfinite([values[0] for values in found.values()]).all()
