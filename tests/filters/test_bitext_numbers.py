from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.bitext.chain import Chain
from filters.bitext.settings import STEPS, BitextSettings, Caps
from sources.language import language
from sources.pair_schema import PAIR

SKIP = tuple(step for step in STEPS if step != "numbers")
# Zero in the digits of Arabic, Persian, Devanagari, Bengali, Gujarati, Gurmukhi, Tamil, Telugu, Thai, Lao,
# Burmese, Khmer, and full width.
ZEROS = "\u0660\u06f0\u0966\u09e6\u0ae6\u0a66\u0be6\u0c66\u0e50\u0ed0\u1040\u17e0\uff10"


def batch(pairs: list[tuple[str, str]], code: str) -> pa.RecordBatch:
    rows = [{"id": "1", "language": code, "source_text": a, "target_text": b, "source": "nllb"} for a, b in pairs]
    return pa.RecordBatch.from_pylist(rows, schema=PAIR)


def agreement(english: str, text: str, code: str = "deu_Latn") -> tuple[float, float]:
    chain = Chain(BitextSettings(skip=SKIP, caps=Caps(remembered=16)), language(code))
    scores = chain.judge(batch([(english, text)], code)).scores
    return scores["numbers.conflicts"][0], scores["numbers.agreement"][0]


@pytest.mark.parametrize(
    ("english", "text", "code"),
    [
        ("1,500 people", "1.500 Menschen", "deu_Latn"),
        ("1,500 people", "1 500 lidí", "ces_Latn"),
        ("1,500 people", "1\u202f500 personnes", "fra_Latn"),
        ("1,500 people", "1’500 Menschen", "deu_Latn"),
        ("150,000 people", "1,50,000 लोग", "hin_Deva"),
        ("2.5 percent", "2,5 Prozent", "deu_Latn"),
        ("1.5 million", "1,500,000", "deu_Latn"),
        ("$350,000", "350 tausend Dollar", "deu_Latn"),
        ("150,000 people", "15万人", "jpn_Jpan"),
        ("13 billion", "130億", "jpn_Jpan"),
        ("at 8:30 pm", "um 20:30 Uhr", "deu_Latn"),
        ("at 20:30", "klo 20.30", "fin_Latn"),
        ("on 5/12/2020", "am 5.12.2020", "deu_Latn"),
        ("in 2020", "ในปี 2563", "tha_Thai"),
        ("in 2019", "’19", "deu_Latn"),
        ("May 30, 2005", "2005년 5월 30일", "kor_Hang"),
        ("twenty-three men", "23 Männer", "deu_Latn"),
        ("two men", "2 Männer", "deu_Latn"),
        ("5 men", "fünf Männer", "deu_Latn"),
        ("three hundred men", "300 Männer", "deu_Latn"),
        ("3,000 men", "三千人", "cmn_Hani"),
        # Zawgyi's spelling of Burmese: a zero is the letter wa, Shan's digits are tone marks.
        ("They also came in", "၄င္းတို႔ ၀င္ေရာက္", "mya_Mymr"),
        ("no number", "keine Zahl", "deu_Latn"),
    ],
)
def test_the_same_number_said_otherwise_agrees(english: str, text: str, code: str) -> None:
    assert agreement(english, text, code) == (0, 1)


@pytest.mark.parametrize(
    ("english", "text", "wanted"),
    [
        ("1,500 people", "1.600 Menschen", (1, 0)),
        ("5 men", "7 Männer", (1, 0)),
        ("150 men", "1500 Männer", (1, 0)),
        ("2019 and 50 and 60", "2019 und 50 und 61", (1, 2 / 3)),
        ("550 pounds", "viel Gewicht", (0, 0)),
        ("two men", "8 Männer", (0, 0)),
        ("30 men and 40 women", "30 Männer", (0, 1 / 2)),
    ],
)
def test_another_number_or_a_missing_one_does_not(english: str, text: str, wanted: tuple[float, float]) -> None:
    assert agreement(english, text) == pytest.approx(wanted)


@given(number=st.integers(0, 10**12), zero=st.sampled_from(ZEROS))
@settings(max_examples=200, deadline=None)
def test_every_script_has_the_same_digits(number: int, zero: str) -> None:
    text = "".join(chr(ord(zero) + int(digit)) for digit in str(number))
    # A Burmese zero alone is a letter.
    assert agreement(f"there are {number} of it", f"x {text} y")[0] == 0
    if number > 12:
        assert agreement(f"there are {number} of it", f"x {text} y") == (0, 1)


@given(number=st.integers(1000, 10**12), mark=st.sampled_from(",.' \u00a0\u202f’٬"))
@settings(max_examples=200, deadline=None)
def test_thousands_are_parted_by_any_mark(number: int, mark: str) -> None:
    assert agreement(f"so {number} of it", f"so {number:,} x".replace(",", mark)) == (0, 1)


@given(numbers=st.lists(st.integers(0, 9999), max_size=8), order=st.randoms())
@settings(max_examples=200, deadline=None)
def test_the_order_of_numbers_does_not_count(numbers: list[int], order: Any) -> None:
    mixed = list(numbers)
    order.shuffle(mixed)
    assert agreement(" a ".join(map(str, numbers)), " b ".join(map(str, mixed))) == (0, 1)


@given(number=st.integers(13, 10**9), at=st.integers(0, 9), digit=st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_one_digit_that_is_another_is_a_conflict(number: int, at: int, digit: int) -> None:
    said = str(number)
    at %= len(said)
    changed = int(f"{said[:at]}{digit}{said[at + 1 :]}")
    # Half a day later is the same hour.
    if changed != number and abs(changed - number) != 12:
        assert agreement(f"so {number} of it", f"so {changed} davon") == (1, 0)


@given(length=st.integers(3, 60), times=st.floats(0.1, 8))
@settings(max_examples=100, deadline=None)
def test_a_length_is_held_against_the_languages_own_ratio(length: int, times: float) -> None:
    english = "ab " * length
    words = max(1, round(length * times))
    chain = Chain(BitextSettings(caps=Caps(remembered=16)), language("ell_Grek"))
    scores = chain.judge(batch([(english, "αβ " * words)], "ell_Grek")).scores
    own = 1.2123
    assert scores["ratio.length"][0] == pytest.approx(words / length / own, rel=0.01)
    assert np.sign(scores["ratio.deviation"][0]) == np.sign(scores["ratio.length"][0] - 1)
