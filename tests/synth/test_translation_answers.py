"""Final answers of exercises: found where they stand, equal where they only look different."""

import pytest

from synth.translation.answers import final_answer, is_language, names_answer, same_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"First \boxed{3}, then \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("Half of 48 is 24.\n#### 24", "24"),
        ("So the final answer is **42**.", "42"),
        ("Answer: (B)", "(B)"),
        ("It is 12.", None),
    ],
)
def test_the_answer_is_found_where_solutions_give_it(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1,000", "1000", True),
        (r"\frac{1}{2}", "0.5", True),
        (r"\dfrac12", "1/2", True),
        ("(A)", "a", True),
        ("٤٢", "42", True),
        (r"$3\%$", "3%", True),
        (r"\left( x + 1 \right)", "(x+1)", True),
        (r"\text{ten}", "ten", True),
        ("42", "24", False),
        ("1/0", "1/0", True),
        ("1/0", "2/0", False),
        ("", "", False),
        ("A", "B", False),
    ],
)
def test_spellings_of_one_answer_are_the_same(one: str, other: str, same: bool) -> None:
    assert same_answer(one, other) is same
    assert same_answer(other, one) is same


@pytest.mark.parametrize(
    ("text", "answer", "named"),
    [
        ("Η απάντηση είναι 1.000.", "1000", True),
        ("所以答案是2,5。", "2.5", True),
        ("الجواب هو ٤٢", "42", True),
        ("Die Antwort ist B.", "B", True),
        ("Die Antwort ist 43.", "42", False),
        (r"Damit ist \boxed{7}. Und 8.", "8", False),
        ("Zuerst 42.\n\nDann 41.", "42", False),
        ("Es sind 25.", "2.5", False),
    ],
)
def test_a_translated_solution_names_the_answer(text: str, answer: str, named: bool) -> None:
    assert names_answer(text, answer) is named


def test_words_are_language_and_formulae_are_not() -> None:
    assert is_language("it increases") and is_language(r"\text{blue}")
    assert not is_language(r"\frac{1}{2}") and not is_language("B") and not is_language("3 m")
