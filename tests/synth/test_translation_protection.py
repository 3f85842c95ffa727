"""Spans that must survive: what is one, and what is said where a marker did not come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.translation.protection import has_words, marker_fault, markers, protect, restore


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Solve $x^2 = 4$ now.", ["$x^2 = 4$"]),
        ("It costs $5 and $10 today.", []),
        (r"Then \[ a + b \] and \(c\) and $$d$$.", [r"\[ a + b \]", r"\(c\)", "$$d$$"]),
        ("\\begin{align}x\n\\end{align} ends", ["\\begin{align}x\n\\end{align}"]),
        (r"so \boxed{\frac{1}{2}} it is", [r"\boxed{\frac{1}{2}}"]),
        ("Run `a = {1}` or\n```python\nx = '⟦1⟧'\n```\nnow", ["`a = {1}`", "```python\nx = '⟦1⟧'\n```"]),
        ("See https://a.org/b?c=d, or www.e.gr.", ["https://a.org/b?c=d", "www.e.gr"]),
        ("请看https://a.org/b。谢谢", ["https://a.org/b"]),
        ("Write to a.b@c.de today", ["a.b@c.de"]),
        ("Dear {name}, %s of {{total}} in ${place}", ["{name}", "%s", "{{total}}", "${place}"]),
        ("100 % sure, 5 km/h, 30 °C and 9.81 m/s²", ["100 %", "5 km/h", "30 °C", "9.81 m/s²"]),
        ("٣ km και 2,5 kg", ["٣ km", "2,5 kg"]),
        ("In the 1990s, in 2005 A man; 12 hours, 5 am", []),
        ("a <b>bold</b> word, 1 < 2 > 0", ["<b>", "</b>"]),
        ("Q&amp;A, AT&T &#233; x", ["&amp;", "&#233;"]),
        ("⟦1⟧ was there before", ["⟦", "⟧"]),
    ],
)
def test_spans_of_each_kind_are_protected(text: str, spans: list[str]) -> None:
    protected = protect(text)
    assert list(protected.spans) == spans
    assert markers(protected.text) == tuple(range(1, len(spans) + 1))
    assert restore(protected.text, protected.spans) == text


@given(st.text(alphabet="a $\\{}[]()`\n⟦⟧1.%@:/<>kmκ字١", max_size=80))
def test_any_text_is_restored_as_it_was(text: str) -> None:
    protected = protect(text)
    assert restore(protected.text, protected.spans) == text
    assert marker_fault(protected.text, protected.text) is None


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("β ⟦2⟧ α ⟦1⟧", None),
        ("β ⟦ 2 ⟧ α ⟦١⟧", None),
        ("β ⟦2⟧ α", "lost 1"),
        ("⟦1⟧ ⟦2⟧ ⟦2⟧", "repeated 2"),
        ("⟦1⟧ ⟦2⟧ ⟦3⟧", "unknown 3"),
        ("⟦1⟧ ⟦2", "lost 2, unknown 0"),
        ("⟦1⟧ ⟦x⟧ ⟦1⟧", "lost 2, repeated 1, unknown 0"),
    ],
)
def test_every_marker_comes_back_once(returned: str, said: str | None) -> None:
    fault = marker_fault("a ⟦1⟧ b ⟦2⟧", returned)
    assert (fault and str(fault)) == said
    if fault is None:
        assert restore(returned, ("X", "Y")).count("X") == 1


@pytest.mark.parametrize(
    "part", [r"\begin{a}", r"\[", r"\(", "`a", "``b ` ", "<a", "$a ", r"\boxed{", "{{", "1.1", "<!--"]
)
def test_text_that_opens_without_end_is_no_span_and_costs_no_more_than_other_text(part: str) -> None:
    # Where patterns go back and forth this takes hours, and a minute where they look at all that follows.
    text = part * 30_000
    protected = protect(text)
    assert restore(protected.text, protected.spans) == text


def test_a_marker_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="marker 3"):
        restore("⟦3⟧", ("a",))


def test_a_text_of_markers_alone_has_no_words() -> None:
    assert not has_words("⟦1⟧ 12 – ⟦2⟧")
    assert has_words("⟦1⟧ και")
