"""Thresholds from good text: carried over by shares, ratios or not at all; never at the cost of good text."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from filters.calibration import FACTOR, Reference, calibrate, reference
from filters.reference_text import english_sample
from filters.statistics import STATISTICS
from sources.errors import BabelmixError
from sources.language import Language, language

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "documents"
FINNISH = (
    "Talvella järvi jäätyy ja kalastajat kulkevat jäätä pitkin saareen. "
    "Vanha majakka on ollut tyhjillään, mutta ikkunat ovat ehjät ja ovi on lukossa. "
    "Keväällä linnut palaavat, ja silloin ranta on täynnä ääniä sekä katsojia. "
)


def made(code: str, values: dict[str, np.ndarray], texts: tuple[str, ...] = ("yksi kaksi",)) -> Reference:
    """A reference with the given statistics; the others are 1 in every document."""
    documents = len(next(iter(values.values())))
    statistics = {name: values.get(name, np.ones(documents)) for name in STATISTICS}
    return Reference(
        language(code), texts, statistics, {"ja": 500, "on": 300, "talo": 7, "auto": 5, "kuu": 4} | OTHERS
    )


OTHERS = {f"sana{number}": 3 for number in range(200)}


def carried(own: Reference, english: Reference) -> dict[str, tuple[float, str]]:
    return {each.name: (each.new, each.method) for each in calibrate(own, english).carried}


def test_the_share_that_falls_in_english_falls_here() -> None:
    # 20% of English lines of documents are below 0.12; 20% of the language's are below 0.44.
    english = made("eng_Latn", {"quality.alpha_ratio": np.linspace(0.75, 1.0, 501)})
    own = made("fin_Latn", {"quality.alpha_ratio": np.linspace(0.5, 1.0, 1001)})
    value, method = carried(own, english)["max_non_alpha_words_ratio"]
    assert method == "share"
    assert value == pytest.approx(0.6, abs=0.003)


def test_a_threshold_that_english_hardly_meets_is_carried_by_the_ratio_of_medians() -> None:
    rng = np.random.default_rng(1)
    english = made("eng_Latn", {"quality.avg_word_length": rng.normal(4.5, 0.2, 200)})
    own = made("fin_Latn", {"quality.avg_word_length": rng.normal(9.0, 0.2, 200)})
    found = carried(own, english)
    assert found["max_avg_word_length"] == (20.0, "ratio")
    # 6.0 before it is rounded away from good text.
    assert found["min_avg_word_length"][0] in (5.0, 6.0)


def test_where_the_reference_says_nothing_english_stands() -> None:
    nothing = {"repetition.dup_line_frac": np.zeros(100)}
    assert carried(made("fin_Latn", nothing), made("eng_Latn", nothing))["dup_line_frac"] == (0.3, "English")


def test_good_text_is_kept_and_shares_stay_near_english() -> None:
    english = made("eng_Latn", {"repetition.top_4_gram": np.full(100, 0.02)})
    # By the ratio 0.08; but a tenth of the good text has more.
    own = made("fin_Latn", {"repetition.top_4_gram": np.r_[np.full(90, 0.01), np.full(10, 0.15)]})
    assert carried(own, english)["top_4_gram"][0] == 0.15
    wild = made("fin_Latn", {"repetition.top_4_gram": np.r_[np.full(90, 0.01), np.full(10, 0.9)]})
    assert carried(wild, english)["top_4_gram"][0] == 0.16 * FACTOR


def test_a_longer_n_gram_never_has_a_looser_threshold() -> None:
    english = made("eng_Latn", {f"repetition.top_{n}_gram": np.full(100, 0.02) for n in (2, 3, 4)})
    own = made("fin_Latn", {f"repetition.top_{n}_gram": np.full(100, 0.01 * n) for n in (2, 3, 4)})
    shares = [share for _, share in calibrate(own, english).thresholds.top_n_grams]
    assert shares == sorted(shares, reverse=True)


def test_stop_words_are_the_frequent_ones_and_eight_at_least() -> None:
    numbers = {"quality.words": np.full(100, 60.0)}
    words = calibrate(made("fin_Latn", numbers), made("eng_Latn", numbers)).thresholds.stopwords
    assert words[:5] == ("ja", "on", "talo", "auto", "kuu")
    assert len(words) == 8


def test_too_little_text_says_how_much_is_needed() -> None:
    with pytest.raises(
        BabelmixError, match=r"fin_Latn: 3 documents .* give 50 documents and 5,000 words"
    ) as caught:
        reference([FINNISH] * 3, language("fin_Latn"))
    assert "\n" not in str(caught.value)


def test_the_samples_english_is_enough() -> None:
    found = reference(english_sample(), language("eng_Latn"))
    assert len(found.texts) == 59
    assert max(found.words, key=lambda word: found.words[word]) == "the"


def test_a_guess_that_drops_good_text_is_corrected() -> None:
    """Finnish held against English's thresholds and stop words, as an unknown language starts."""
    texts = [f"{FINNISH * 2}Numero {number} on kirjattu.\n{FINNISH}" for number in range(60)]
    finnish, english = language("fin_Latn"), language("eng_Latn")
    guessed: Language = finnish.model_copy(update={"thresholds": english.thresholds})
    result = calibrate(reference(texts, guessed), reference(english_sample(), english))
    assert result.kept_old == 0
    assert {"ja", "on"} <= set(result.thresholds.stopwords)
    assert result.thresholds.max_avg_word_length > english.thresholds.max_avg_word_length


@pytest.mark.skipif(not REAL.is_dir(), reason="real documents are not there")
@pytest.mark.parametrize("code", ["ell_Grek", "tha_Thai", "arb_Arab"])
def test_real_text_keeps_at_least_nine_tenths(code: str) -> None:
    with gzip.open(REAL / f"{code}.jsonl.gz", "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file]
    result = calibrate(reference(texts, language(code)), reference(english_sample(), language("eng_Latn")))
    assert result.kept_new >= 0.9
    # Most are among FineWeb-2's own.
    ours, theirs = set(result.thresholds.stopwords), set(language(code).thresholds.stopwords)
    assert len(ours & theirs) >= len(ours) / 2
