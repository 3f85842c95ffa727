import pickle
from typing import Any

import pytest
from datatrove.utils.text import split_into_words
from datatrove.utils.word_tokenizers import load_word_tokenizer

from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Segmentation, languages


def _tokenizer(locale: str, **joins: Any) -> IcuWordTokenizer:
    return IcuWordTokenizer(Segmentation(rule="spaces", locale=locale, **joins))


@pytest.mark.parametrize(
    ("locale", "joins", "text", "words"),
    [
        ("en", {}, "Wait... what? (No, 3.5 of 1,000.)", "Wait ... what ? ( No , 3.5 of 1,000 . )"),
        ("en", {}, "They don't know\tU.N.\n\n x_y", "They don't know U.N. x_y"),
        ("el", {}, "«Καλημέρα», είπε· πώς είσαι;", "« Καλημέρα » , είπε · πώς είσαι ;"),
        ("th", {}, "ฉันรักภาษาไทย", "ฉัน รัก ภาษา ไทย"),
        ("zh", {}, "我们在北京。", "我们 在 北京 。"),
        ("ja", {}, "私は東京が好き。", "私 は 東京 が 好き 。"),
        ("hi", {}, "वह घर गया।", "वह घर गया ।"),
        # A hyphen within a word goes with what stands before it, with both, or stands alone as a dash does.
        ("mt", {"hyphen": "before"}, "l-aħħar tal-belt", "l- aħħar tal- belt"),
        ("he", {"hyphen": "before"}, "בית־ספר", "בית־ ספר"),
        ("da", {"hyphen": "within"}, "tv-avis - en 10-årig -x", "tv-avis - en 10-årig - x"),
        ("en", {}, "well-known - to --all 10-12 covid-19", "well - known - to -- all 10 - 12 covid-19"),
        # An apostrophe within a word goes with what stands before it, after it, or with both.
        ("fr", {"apostrophe": "before"}, "l'eau d’aujourd'hui 1'000 'x'", "l' eau d’ aujourd' hui 1'000 ' x '"),
        ("en", {"apostrophe": "after"}, "The dog's don't", "The dog 's don 't"),
        # Characters outside the basic plane, and marks that are written with the letter before them.
        ("en", {}, "a 😀 𝒳 b", "a 😀 𝒳 b"),
        ("yo", {}, "jẹ́ ọ̀rọ̀", "jẹ́ ọ̀rọ̀"),
    ],
)
def test_words(locale: str, joins: dict[str, Any], text: str, words: str) -> None:
    assert _tokenizer(locale, **joins).word_tokenize(text) == words.split(" ")


@pytest.mark.parametrize("text", ["", " ", "\n\n\t", "\u3000"])
def test_no_words(text: str) -> None:
    tokenizer = _tokenizer("en")
    assert tokenizer.word_tokenize(text) == []
    assert tokenizer.sent_tokenize(text) == []


def test_sentences_and_their_spans() -> None:
    text = "One 😀 comes. Two goes!\n\nIs it three?  \n"
    tokenizer = _tokenizer("en")
    assert tokenizer.sent_tokenize(text) == ["One 😀 comes.", "Two goes!", "Is it three?"]
    spans = tokenizer.span_tokenize(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert [text[start:end].strip() for start, end in spans][:2] == ["One 😀 comes.", "Two goes!"]


def test_every_language_has_a_locale_that_loses_no_character() -> None:
    text = "Ab, γδ! Где? ฉันรัก 我们 ភាសាខ្មែរ မြန်မာ ລາວ אב שלום سلام हिन्दी አማርኛ 1.5"
    for language in languages().values():
        words = IcuWordTokenizer(language.segmentation).word_tokenize(text)
        assert "".join(words) == "".join(text.split()), language.code


def test_datatrove_takes_it_for_a_language() -> None:
    tokenizer = _tokenizer("th")
    assert load_word_tokenizer(tokenizer) == tokenizer
    assert split_into_words("ฉันรัก", tokenizer) == ["ฉัน", "รัก"]


def test_words_are_split_once_for_all_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Each filter asks for the words of this very text."
    first = split_into_words(text, _tokenizer("en"))
    monkeypatch.setattr(IcuWordTokenizer, "word_tokenize", lambda *_: pytest.fail("split again"))
    assert split_into_words(text, _tokenizer("en")) == first
    assert _tokenizer("en") != _tokenizer("de")


def test_it_can_be_sent_to_another_process() -> None:
    tokenizer = _tokenizer("ja")
    words = tokenizer.word_tokenize("私は東京に住んでいます。")
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy == tokenizer
    assert copy.word_tokenize("私は東京に住んでいます。") == words
    # Not with the text that it saw last.
    assert "東京" not in pickle.dumps(tokenizer).decode("utf-8", "ignore")


# spaCy's rules for these two need no other package. What FineWeb-2's thresholds are held against must be nearly
# what they were computed with.
@pytest.mark.parametrize("code", ["en", "de"])
def test_words_are_nearly_those_of_spacy(code: str) -> None:
    spacy = pytest.importorskip("spacy")
    texts = {
        "en": 'The old ferryman (he was 72, nearly) said: "No — the river is too high." Nobody had asked him; '
        "nobody ever did, and so he went home, fed his two cats and slept until the bell rang.",
        "de": "Der alte Fährmann (er war fast 72) sagte: „Nein — der Fluss steht zu hoch.“ Niemand hatte ihn "
        "gefragt; so ging er heim, fütterte seine zwei Katzen und schlief, bis die Glocke läutete.",
    }
    theirs = [token.text for token in spacy.blank(code)(texts[code]) if token.text.strip()]
    assert _tokenizer(code).word_tokenize(texts[code]) == theirs
