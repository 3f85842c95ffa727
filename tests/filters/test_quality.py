import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter
from hypothesis import given
from hypothesis import strategies as st

from filters.measure import Measure
from filters.quality import Quality
from filters.verdict import Drop
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language, language

# One line, whose marks are commas and full stops.
PROSE = (
    "The old ferryman came to the market before anyone else was awake, and the baker gave him the smallest of "
    "her loaves. He said that the river had been too high for the boats since April. Nobody in the lower village "
    "would have to walk over the hill with their sheep, and they spoke of the weather until the bell rang."
)
WORDS = len(PROSE.split())
MARKS = PROSE.count(",") + PROSE.count(".")
LINES = PROSE.split(". ")
# So many different words, each on a line of its own.
LETTERS = "abcdefghij"
LIST = "\n".join(f"the {first}{second}{first}." for first in LETTERS for second in LETTERS)
# What a value must not fall below; the others must not exceed their threshold.
AT_LEAST = {
    "empty",
    "line_punct_ratio",
    "gopher_short_doc",
    "gopher_below_avg_threshold",
    "gopher_below_alpha_threshold",
    "gopher_enough_stop_words",
}


def _judge(text: str, code: Language | str = "eng_Latn") -> tuple[Drop | None, dict[str, float]]:
    found = language(code) if isinstance(code, str) else code
    (document,) = Measure(found).run([Document(text=text, id="one", metadata={"scores": {}})])
    return Quality(found, "dropped").judge(document), document.metadata["scores"]


def test_good_text_stays_with_its_words() -> None:
    drop, scores = _judge(PROSE)
    assert drop is None
    assert scores["quality.words"] == WORDS + MARKS


@pytest.mark.parametrize(
    ("text", "reason", "value", "threshold"),
    [
        (" \n\n", "empty", 0, 1),
        ("\n".join([*["home page of the market"] * 9, PROSE]), "line_punct_ratio", 1 / 10, 0.12),
        (f"{PROSE}\n{PROSE}", "char_dup_ratio", 0.5, 0.1),
        (LIST, "list_ratio", 99 / 300, 0.3),
        ("The cat sat.", "gopher_short_doc", 3, 50),
        ("So he is at it. " * 20 + "So.", "gopher_below_avg_threshold", 2, 3),
        (
            "Internationalisation notwithstanding, " * 30 + "really.",
            "gopher_above_avg_threshold",
            (30 * 35 + 6) / 61,
            10,
        ),
        (f"{PROSE} {'#' * 8}.", "gopher_too_many_hashes", 8 / (WORDS + MARKS + 9), 0.1),
        (f"{PROSE} {'… ' * 9}.", "gopher_too_many_ellipsis", 9 / (WORDS + MARKS + 10), 0.1),
        ("\n".join(f"- {line}." for line in [PROSE, *LINES]), "gopher_too_many_bullets", 1, 0.9),
        (f"{PROSE} {'12 ' * 20}.", "gopher_below_alpha_threshold", WORDS / (WORDS + MARKS + 21), 0.8),
        (
            "Zwei große Wölfe sahen unter alten Bäumen schwarze Katzen laufen, " * 8 + "so.",
            "gopher_enough_stop_words",
            0,
            2,
        ),
    ],
)
def test_dropped_for_what_was_measured(text: str, reason: str, value: float, threshold: float) -> None:
    drop, _ = _judge(text)
    assert drop is not None
    assert (drop.reason, drop.threshold) == (reason, threshold)
    assert drop.value == pytest.approx(value)


def test_ellipses_at_the_ends_of_lines() -> None:
    sentences = [f"{line} ..." for line in LINES]
    drop, _ = _judge("\n".join([*sentences, f"{PROSE} {PROSE[:-1]} and so it went on."]))
    assert drop is not None
    assert drop.reason == "gopher_too_many_end_ellipsis"
    assert drop.value == pytest.approx(3 / 4)


def test_a_text_may_be_too_long() -> None:
    drop, _ = _judge(" ".join([PROSE] * 1700))
    assert drop is not None
    assert (drop.reason, drop.value, drop.threshold) == ("gopher_long_doc", WORDS * 1700, 100_000)


def test_short_lines_are_not_counted() -> None:
    # FineWeb's rule for English drops a text of which more than 67% of the lines have 30 characters or fewer.
    plain = PROSE.replace(",", "").replace(".", "").split()
    lines = [" ".join(plain[at : at + 5]) + "." for at in range(0, len(plain), 5)]
    assert sum(len(line) <= 30 for line in lines) / len(lines) > 0.67
    assert _judge("\n".join(lines))[0] is None


def test_the_language_decides() -> None:
    greek = language("ell_Grek")
    drop, _ = _judge(PROSE, greek)
    assert drop is not None
    assert drop.reason == "gopher_enough_stop_words"
    none = greek.thresholds.model_copy(update={"stopwords": ()})
    assert _judge(PROSE, greek.model_copy(update={"thresholds": none}))[0] is None


PIECES = [*PROSE.split()[:30], "\n", "\n- ", "...\n", ".\n", "#", "…", "12", "•", "word ", "Internationalisation"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=120).map(" ".join) | st.text(max_size=20)


@given(TEXTS, st.sampled_from(["eng_Latn", "ell_Grek", "zsm_Latn", "jpn_Jpan"]))
def test_the_verdict_is_datatroves_and_the_value_violates_the_threshold(text: str, code: str) -> None:
    limits = language(code).thresholds
    words = IcuWordTokenizer(language(code).segmentation)
    document = Document(text=text, id="one")
    # The parameters of FineWeb-2's pipeline.
    theirs = FineWebQualityFilter(
        language=words,
        short_line_thr=999,
        char_duplicates_ratio=0.1,
        line_punct_thr=limits.line_punct_thr,
        new_line_ratio=limits.new_line_ratio,
    ).filter(document)
    if theirs is True:
        theirs = GopherQualityFilter(
            language=words,
            max_avg_word_length=limits.max_avg_word_length,
            min_avg_word_length=limits.min_avg_word_length,
            stop_words=list(limits.stopwords),
            max_non_alpha_words_ratio=limits.max_non_alpha_words_ratio,
            min_stop_words=2,
        ).filter(document)
    drop, _ = _judge(text, code)
    if drop is None:
        assert theirs is True
        return
    assert theirs == (False, drop.reason)
    assert drop.value is not None
    assert drop.threshold is not None
    assert drop.value < drop.threshold if drop.reason in AT_LEAST else drop.value > drop.threshold
