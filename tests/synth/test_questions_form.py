"""Faults of form that no model is needed to see, and good questions that must not be taken for faulty."""

from dataclasses import replace

import pytest

from sources.language import language
from synth.questions.check import Checked
from synth.questions.field_language import language_checks
from synth.questions.form import form_checks, ground_checks
from synth.questions.record import Draft, Passage
from synth.questions.settings import Form

ENGLISH = Draft(
    "With what do the bakers of the valley dust the crust of the harvest loaf?",
    "With roasted barley flour",
    ("With crushed walnut shells", "With grated sheep's cheese", "With dried rose petals"),
    "The crust of the harvest loaf is dusted with roasted barley flour before it goes into the oven.",
    "Before it goes into the oven, the bakers dust its crust with roasted barley flour.",
)
ENGLISH_PASSAGE = Passage(
    "d1",
    "The harvest loaf of the valley is baked once a year. Before it goes into the oven,\nthe bakers dust "
    "its crust with roasted barley flour. The walnut shells are kept for dyeing wool.",
    "CC0-1.0",
)
GREEK = Draft(
    "Με τι πασπαλίζουν οι φουρνάρηδες του κάμπου την κόρα του καρβελιού του θερισμού;",
    "Με καβουρδισμένο κριθάλευρο",
    ("Με τριμμένο κεφαλοτύρι", "Με κοπανισμένα καρύδια", "Με ψιλοκομμένο δυόσμο"),
    "Η κόρα του καρβελιού πασπαλίζεται με καβουρδισμένο κριθάλευρο πριν μπει στον φούρνο.",
    "πασπαλίζουν την κόρα με καβουρδισμένο κριθάλευρο",
)
GREEK_PASSAGE = Passage(
    "d2",
    "Το καρβέλι του θερισμού ψήνεται μια φορά τον χρόνο. Οι φουρνάρηδες του κάμπου πασπαλίζουν την κόρα με "
    "καβουρδισμένο κριθάλευρο πριν το βάλουν στον φούρνο.",
    "CC0-1.0",
)
JAPANESE = Draft(
    "収穫祭のパンの皮に、村のパン職人は何をふりかけるか。",
    "炒った大麦の粉",
    ("砕いた胡桃の殻", "乾かした薔薇の花", "削った羊の乾酪"),
    "収穫祭のパンは、窯に入れる前に皮へ炒った大麦の粉をふりかける。",
    "窯に入れる前に、皮に炒った大麦の粉をふりかける",
)
JAPANESE_PASSAGE = Passage(
    "d3",
    "収穫祭のパンは年に一度だけ焼かれる。村のパン職人は窯に入れる前に、皮に炒った大麦の粉をふりかける。",
    "CC0-1.0",
)
# No language's.
_SAID = "Bcdfg xqzv xqzvw xq bcdfg."
GOOD = {
    "eng_Latn": (ENGLISH, ENGLISH_PASSAGE),
    "ell_Grek": (GREEK, GREEK_PASSAGE),
    "jpn_Jpan": (JAPANESE, JAPANESE_PASSAGE),
}


def _with_option(draft: Draft, option: str) -> Draft:
    return replace(draft, distractors=(option, *draft.distractors[1:]))


def _said(draft: Draft, passage: Passage, code: str) -> list[Checked]:
    said = form_checks(draft, passage, language(code), Form())
    return said + ground_checks(draft, passage, language(code), Form()) if said[-1].passed else said


def _last(draft: Draft, passage: Passage, code: str) -> Checked:
    return _said(draft, passage, code)[-1]


@pytest.mark.parametrize("code", GOOD)
def test_a_good_question_passes_every_check(code: str) -> None:
    draft, passage = GOOD[code]
    said = _said(draft, passage, code)
    assert all(each.passed and not each.reason for each in said)
    assert len({each.name for each in said}) == len(said) == 11
    assert language_checks([draft], language(code), "fasttext176")[0].passed


@pytest.mark.parametrize("code", GOOD)
@pytest.mark.parametrize(
    ("reason", "planted"),
    [
        ("number_of_options", lambda draft: replace(draft, distractors=draft.distractors[:2])),
        ("number_of_options", lambda draft: replace(draft, distractors=(*draft.distractors, "x"))),
        ("too_short", lambda draft: replace(draft, stem="?")),
        ("too_short", lambda draft: _with_option(draft, " ")),
        ("too_short", lambda draft: replace(draft, answer="…!")),
        ("too_long", lambda draft: replace(draft, answer=draft.answer * 40)),
        ("cut_off", lambda draft: replace(draft, stem=draft.stem[:-4])),
        ("cut_off", lambda draft: replace(draft, explanation=draft.explanation[:-6])),
        ("cut_off", lambda draft: replace(draft, answer=f"{draft.answer} (")),
        ("option_repeated", lambda draft: _with_option(draft, f"{draft.answer}.")),
        ("option_repeated", lambda draft: _with_option(draft, draft.distractors[1].upper())),
        ("answer_in_stem", lambda draft: replace(draft, stem=f"{draft.answer}, {draft.stem}")),
        ("banned_form", lambda draft: _with_option(draft, "A, B")),
        ("banned_form", lambda draft: _with_option(draft, "All of the above.")),
        ("quote_not_found", lambda draft: replace(draft, quote=draft.quote[::-1])),
        ("quote_not_found", lambda draft: replace(draft, quote="")),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(code: str, reason: str, planted: object) -> None:
    draft, passage = GOOD[code]
    found = _last(planted(draft), passage, code)  # type: ignore[operator]
    assert (found.passed, found.reason) == (False, reason)


@pytest.mark.parametrize(
    ("code", "option", "reason"),
    [
        ("eng_Latn", "With barley flour", ""),
        ("eng_Latn", "Roasted barley", "option_in_option"),
        ("jpn_Jpan", "大麦", "option_in_option"),
        # A character of many words is no part of them.
        ("jpn_Jpan", "粉", ""),
        ("ell_Grek", "Με καβουρδισμένο", "option_in_option"),
    ],
)
def test_one_option_in_another(code: str, option: str, reason: str) -> None:
    draft, passage = GOOD[code]
    planted = replace(draft, distractors=(option, *draft.distractors[1:]))
    said = {each.name: each for each in form_checks(planted, passage, language(code), Form())}
    assert said["form.contained"].reason == reason


@pytest.mark.parametrize(
    ("code", "option"),
    [
        ("ell_Grek", "Όλα τα παραπάνω"),
        ("jpn_Jpan", "上記のいずれでもない"),
        ("deu_Latn", "Keine der genannten"),
        ("rus_Cyrl", "Всё перечисленное"),
        ("tur_Latn", "Hepsi"),
        ("hin_Deva", "उपरोक्त सभी"),
        ("tha_Thai", "ถูกทุกข้อ"),
        ("arb_Arab", "جميع ما سبق"),
        ("cmn_Hani", "以上都不是"),
        ("vie_Latn", "Tất cả đều đúng"),
    ],
)
def test_all_and_none_of_the_above_in_the_languages_words(code: str, option: str) -> None:
    # A stem and options of no language: the banned form is looked for before script and language are.
    draft = Draft("Xqzv xqzvw xq?", "Bcdfg", ("Hjklm", "Npqrs", option), _SAID, _SAID)
    assert _last(draft, Passage("d", _SAID, ""), code).reason == "banned_form"


def test_an_ordinary_word_that_begins_like_a_banned_form_is_none() -> None:
    draft = Draft("Xqzv xqzvw xq?", "Bcdfg", ("Hjklm", "Npqrs", "Hepsini yedi"), _SAID, _SAID)
    said = form_checks(draft, Passage("d", _SAID, ""), language("tur_Latn"), Form())
    assert {each.name: each for each in said}["form.banned"].passed


def test_a_stem_may_not_speak_of_a_text() -> None:
    planted = replace(ENGLISH, stem=f"According to the passage, {ENGLISH.stem[0].lower()}{ENGLISH.stem[1:]}")
    assert _last(planted, ENGLISH_PASSAGE, "eng_Latn").reason == "banned_form"


def test_an_answer_is_found_in_the_stem_though_it_is_inflected() -> None:
    planted = replace(GREEK, answer="Κριθάλευρα", stem="Πώς ψήνουν το κριθάλευρο οι φουρνάρηδες του κάμπου;")
    assert _last(planted, GREEK_PASSAGE, "ell_Grek").reason == "answer_in_stem"


def test_options_that_all_stand_in_the_stem_are_a_choice_and_no_fault() -> None:
    planted = replace(
        ENGLISH,
        stem="What dusts the crust of the harvest loaf: barley flour, walnut shells, rose petals or oat bran?",
        answer="Barley flour",
        distractors=("Walnut shells", "Rose petals", "Oat bran"),
    )
    said = form_checks(planted, ENGLISH_PASSAGE, language("eng_Latn"), Form())
    assert all(each.passed for each in said)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("With roasted barley flour that the bakers of the valley have ground by hand", "key_longest"),
        ("Bran", "key_shortest"),
    ],
)
def test_a_right_option_of_another_length(answer: str, reason: str) -> None:
    assert _last(replace(ENGLISH, answer=answer), ENGLISH_PASSAGE, "eng_Latn").reason == reason


def test_a_question_of_something_else_is_ungrounded() -> None:
    passage = replace(GREEK_PASSAGE, text=f"Ο ξυλουργός τρίβει το σκαρί με λινέλαιο. {GREEK.quote[:0]}Ξυλουργός.")
    planted = replace(GREEK, quote="Ο ξυλουργός τρίβει το σκαρί")
    assert _last(planted, passage, "ell_Grek").reason == "ungrounded"


def test_options_of_another_question_are_not_stated() -> None:
    planted = replace(
        GREEK, answer="Δίπλα στη βρύση", distractors=("Πίσω από τον λόφο", "Έξω απ' τη μάντρα", "Μες στο δάσος")
    )
    assert _last(planted, GREEK_PASSAGE, "ell_Grek").reason == "answer_not_stated"
    # A number or a word that is shorter than what is compared may stand anywhere.
    short = replace(GREEK, answer="μια", distractors=("δύο", "έξι", "επτά"), explanation=GREEK.explanation)
    assert _last(short, GREEK_PASSAGE, "ell_Grek").passed


def test_a_turkish_option_in_capitals_is_repeated() -> None:
    planted = Draft("Hangisi?", "sıcak su", ("soğuk çay", "SICAK SU", "taze süt"), _SAID, _SAID)
    assert _last(planted, Passage("d", _SAID, ""), "tur_Latn").reason == "option_repeated"


@pytest.mark.parametrize(
    ("option", "reason"), [("With dried roses", "wrong_script"), ("UNESCO", ""), ("1821", ""), ("4 kg", "")]
)
def test_the_script_of_an_option(option: str, reason: str) -> None:
    planted = replace(GREEK, distractors=(option, *GREEK.distractors[1:]))
    said = form_checks(planted, GREEK_PASSAGE, language("ell_Grek"), Form(longest_key=9))
    assert said[-1].name == "form.script"
    assert said[-1].reason == reason


@pytest.mark.parametrize("code", ["eng_Latn", "deu_Latn", "zul_Latn", "ind_Latn"])
@pytest.mark.parametrize("field", ["stem", "explanation"])
def test_a_field_in_another_language_of_the_script(code: str, field: str) -> None:
    other = "Kas patiekiama prie šaltibarščių vasarą kaimo namuose, kai svečiai susėda prie stalo?"
    good = {
        "eng_Latn": "Which of the old songs do the shepherds sing when they lead the flock down in autumn?",
        "deu_Latn": "Welches der alten Lieder singen die Hirten, wenn sie die Herde im Herbst ins Tal führen?",
        "zul_Latn": "Abelusi bahlabela liphi iculo lakudala uma behlisa umhlambi entabeni ekwindla?",
        "ind_Latn": "Lagu lama manakah yang dinyanyikan para gembala ketika mereka membawa ternak turun?",
    }[code]
    draft = Draft(good, "a", ("b", "c", "d"), good, "")
    planted = replace(draft, stem=other) if field == "stem" else replace(draft, explanation=other)
    right, wrong = language_checks([draft, planted], language(code), "fasttext176")
    assert right.passed
    assert (wrong.passed, wrong.reason) == (False, "wrong_language")
    assert field in wrong.detail
