import csv

from mixtures.measure_tokens_per_word import TABLE, tokens_per_word
from mixtures.upstream import fineweb2_tokens, upstream_ledger
from sources.language import language


def test_tokens_per_word_are_what_the_script_measures() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = {row["language"]: row for row in csv.DictReader(file)}
    assert len(rows) == 63
    for code in ("ell_Grek", "cmn_Hani", "tha_Thai", "swh_Latn", "mya_Mymr"):
        tokens, words = tokens_per_word(language(code))
        assert (int(rows[code]["tokens"]), int(rows[code]["words"])) == (tokens, words)


def test_published_sizes_are_words_times_tokens_per_word() -> None:
    found = fineweb2_tokens()
    assert len(found) == 63
    # Greek's 22.8 billion words in about 5.3 tokens each.
    assert 100e9 < found["ell_Grek"] < 140e9


def test_every_category_of_the_curriculum_has_a_published_size() -> None:
    ledger = upstream_ledger()
    assert set(ledger["category"]) == {
        "academic", "code", "instruction", "math", "multilingual", "nemotron-cc-high",
        "nemotron-cc-high-synthetic", "stem", "synthetic", "wiki",
    }  # fmt: skip
    assert ledger["tokens"].min() > 0  # type: ignore[operator]
