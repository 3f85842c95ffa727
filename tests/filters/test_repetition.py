import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import GopherRepetitionFilter
from hypothesis import given
from hypothesis import strategies as st

from filters.measure import Measure
from filters.repetition import Repetition
from filters.verdict import Drop
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import language

ENGLISH = language("eng_Latn")
# 40 different words, six letters each.
WORDS = [f"{first}{second}word" for first in "abcdefgh" for second in "klmno"]


def _judge(text: str, code: str = "eng_Latn") -> Drop | None:
    (document,) = Measure(language(code)).run([Document(text=text, id="one", metadata={"scores": {}})])
    return Repetition(language(code), "dropped").judge(document)


def _phrase(words: int, times: int, others: int) -> str:
    """A phrase of so many words, so many times, each time before other words that occur once."""
    lone = (f"x{first}{second}z" for first in "abcdefghijklmnopqrst" for second in "abcdefghijklmnopqrst")
    return " ".join(" ".join([*WORDS[:words], *(next(lone) for _ in range(others))]) for _ in range(times))


@pytest.mark.parametrize(
    ("text", "reason", "value", "threshold"),
    [
        ("", "empty", 0, 1),
        ("\n".join([*WORDS[:6], *WORDS[:4]]), "dup_line_frac", 4 / 10, 0.3),
        # Ten times two words of six letters and their space, in lines of 38 characters.
        (_phrase(2, 10, 5), "top_2_gram", 130 / len(_phrase(2, 10, 5)), 0.2),
        (_phrase(3, 10, 14), "top_3_gram", 200 / len(_phrase(3, 10, 14)), 0.18),
        # Ten words of six letters, twice five: all but the first of the four times.
        (_phrase(10, 4, 22), "duplicated_5_n_grams", 3 * 60 / len(_phrase(10, 4, 22)), 0.15),
        (_phrase(9, 2, 25), "duplicated_8_n_grams", 8 * 6 / len(_phrase(9, 2, 25)), 0.12),
    ],
)
def test_dropped_for_what_was_measured(text: str, reason: str, value: float, threshold: float) -> None:
    drop = _judge(text)
    assert drop is not None
    assert (drop.reason, drop.threshold) == (reason, threshold)
    assert drop.value == pytest.approx(value)


def test_good_text_stays() -> None:
    assert _judge(" ".join(WORDS)) is None
    # Three lines of thirteen are copies of others, each before another line than before.
    first, second, third = WORDS[:3]
    assert _judge("\n".join([first, second, third, *WORDS[3:11], third, " ".join(WORDS[11:]), second])) is None


def test_paragraphs_and_characters_of_lines_are_not_counted() -> None:
    # One line in four is another's copy and holds nearly all characters.
    lone = ["one", "two", "three"]
    text = "\n\n".join([" ".join(WORDS[:20]), *lone, " ".join(WORDS[20:]), *WORDS[:3], " ".join(WORDS[:20])])
    found = _judge(text)
    assert found is None or found.reason.startswith(("top", "duplicated"))


def test_the_language_decides() -> None:
    text = "\n".join([*WORDS[:6], *WORDS[:4]])
    assert ENGLISH.thresholds.dup_line_frac < 0.4 < language("yor_Latn").thresholds.dup_line_frac
    drop = _judge(text, "yor_Latn")
    assert drop is None or drop.reason != "dup_line_frac"


def test_unspaced_words_are_words() -> None:
    phrase = "我们今天在北京的公园里看见了很多人。"
    drop = _judge(phrase * 6, "cmn_Hani")
    assert drop is not None
    assert drop.reason.startswith(("top_", "duplicated_"))
    assert drop.value is not None
    assert drop.threshold is not None
    assert drop.value > drop.threshold


TEXTS = st.lists(st.sampled_from([*WORDS[:12], "\n", "\n\n", ".", ",", "a"]), max_size=60).map(" ".join)


@given(TEXTS, st.sampled_from(["eng_Latn", "ell_Grek", "yor_Latn", "tha_Thai"]))
def test_the_verdict_is_datatroves_and_the_value_violates_the_threshold(text: str, code: str) -> None:
    limits = language(code).thresholds
    theirs = GopherRepetitionFilter(
        dup_para_frac=0,
        dup_line_char_frac=0,
        dup_para_char_frac=0,
        dup_line_frac=limits.dup_line_frac,
        top_n_grams=limits.top_n_grams,
        dup_n_grams=limits.dup_n_grams,
        language=IcuWordTokenizer(language(code).segmentation),
    ).filter(Document(text=text, id="one"))
    drop = _judge(text, code)
    if drop is None:
        assert theirs is True
        return
    assert theirs == (False, drop.reason)
    assert drop.value is not None
    assert drop.threshold is not None
    assert drop.value < drop.threshold if drop.reason == "empty" else drop.value > drop.threshold
