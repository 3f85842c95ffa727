"""Long texts in pieces: nothing is lost, nothing is too long, and cuts stand where a reader would make them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.errors import BabelmixError
from sources.language import language
from synth.translation.pieces import joined, pieces
from synth.translation.protection import protect

ENGLISH = language("eng_Latn")


def whole(text: str, code: str, budget: int) -> list[str]:
    """The pieces' texts, after it is seen that together they are the text and none is over the budget."""
    parts = pieces(text, language(code), budget)
    assert joined(parts, [part.text for part in parts]) == text
    assert all(len(part.text) <= budget for part in parts)
    return [part.text for part in parts]


def test_paragraphs_stay_together_as_long_as_they_fit() -> None:
    text = "One is here.\n\nTwo is here.\n\nThree is somewhat longer."
    assert whole(text, "eng_Latn", 30) == ["One is here.\n\nTwo is here.", "Three is somewhat longer."]
    assert whole(text, "eng_Latn", 500) == [text]


@pytest.mark.parametrize(
    ("code", "text", "first"),
    [
        ("eng_Latn", "He came at 3.5 p.m. on Monday. She left later.", "He came at 3.5 p.m. on Monday."),
        ("ell_Grek", "Τι ώρα είναι; Είναι αργά το βράδυ.", "Τι ώρα είναι; Είναι αργά το βράδυ."),
        ("hin_Deva", "वह कल बाज़ार गया था। आज वह घर पर है।", "वह कल बाज़ार गया था।"),
        (
            "jpn_Jpan",
            "昨日は雨が降りました。今日は晴れて暖かい一日になりそうです。夜はまた雨が降ると思います。",
            "昨日は雨が降りました。今日は晴れて暖かい一日になりそうです。",
        ),
        ("arb_Arab", "هل وصلت الرسالة أمس؟ نعم، وصلت في المساء.", "هل وصلت الرسالة أمس؟"),
    ],
)
def test_a_long_paragraph_is_cut_at_sentences(code: str, text: str, first: str) -> None:
    assert whole(text, code, 34)[0] == first


def test_a_sentence_without_spaces_is_cut_between_words() -> None:
    found = whole("ประเทศไทยมีอาหารท้องถิ่นหลากหลายชนิดในแต่ละภูมิภาคของประเทศ", "tha_Thai", 20)
    assert len(found) >= 3 and found[0].startswith("ประเทศไทย")


def test_a_marker_is_never_cut() -> None:
    protected = protect("Zahl " * 4 + "`a`" * 3 + " " + "`b c` und " * 9)
    for part in pieces(protected.text, language("deu_Latn"), 16):
        assert part.text.count("⟦") == part.text.count("⟧")


def test_the_budget_may_be_in_any_unit() -> None:
    text = "Μία πρόταση εδώ. Άλλη μία πρόταση εκεί."
    parts = pieces(text, language("ell_Grek"), 40, size=lambda each: len(each.encode()))
    assert [len(part.text.encode()) <= 40 for part in parts] == [True] * len(parts) and len(parts) == 2


@settings(deadline=None)
@given(st.text(alphabet="ab .!\n\t。ก้क्षिΑ😀⟦⟧1", max_size=200), st.integers(16, 60))
def test_nothing_is_lost_of_any_text(text: str, budget: int) -> None:
    parts = pieces(text, ENGLISH, budget)
    assert joined(parts, [part.text for part in parts]) == text


def test_a_budget_for_nothing_is_refused() -> None:
    with pytest.raises(BabelmixError, match="budget: 3 is too small"):
        pieces("a", ENGLISH, 3)
