"""Documents through the whole task: pieces out, translations back in any order, what is kept and what is not."""

# ruff: noqa: E501

import re
from typing import Any

import orjson
import pyarrow as pa
import pytest
from scripted_engine import ScriptedEngine

from filters.verdict import Drop
from sources.language import language, languages
from sources.schema import DOCUMENT
from synth.request import Completion, Failure, Request
from synth.translation.document_task import Tally, carry_out, planned
from synth.translation.settings import TranslationSettings
from synth.translation.translate_documents import Translation

ENGLISH = (
    "The old bridge over the river was built in 1862 and carried the only road to the market town.\n\n"
    "Every spring the water rose so high that the farmers waited 14 days on the other bank. "
    "More about it stands at https://example.org/bridge."
)
# The same in other languages, the address as its marker.
OTHERS = {
    "ell_Grek": "Η παλιά γέφυρα πάνω από το ποτάμι χτίστηκε το 1862 και από εκεί περνούσε ο μόνος δρόμος προς την"
    " εμπορική πόλη.\n\nΚάθε άνοιξη το νερό ανέβαινε τόσο ψηλά που οι αγρότες περίμεναν 14 ημέρες στην απέναντι όχθη."
    " Περισσότερα γι' αυτό υπάρχουν στο ⟦1⟧.",
    "deu_Latn": "Die alte Brücke über den Fluss wurde 1862 gebaut und trug die einzige Straße in den Marktort.\n\n"
    "Jedes Frühjahr stieg das Wasser so hoch, dass die Bauern 14 Tage am anderen Ufer warteten. Mehr darüber steht"
    " auf ⟦1⟧.",
    "spa_Latn": "El viejo puente sobre el río se construyó en 1862 y por él pasaba el único camino hacia la villa del"
    " mercado.\n\nCada primavera el agua subía tanto que los campesinos esperaban 14 días en la otra orilla. Hay más"
    " sobre esto en ⟦1⟧.",
    "rus_Cyrl": "Старый мост через реку был построен в 1862 году, и по нему шла единственная дорога в торговый"
    " город.\n\nКаждую весну вода поднималась так высоко, что крестьяне ждали 14 дней на другом берегу. Подробнее об"
    " этом написано на ⟦1⟧.",
    "arb_Arab": "بُني الجسر القديم فوق النهر في عام ١٨٦٢ وكان يحمل الطريق الوحيد المؤدي إلى بلدة السوق.\n\nوفي كل ربيع"
    " كانت المياه ترتفع كثيرًا حتى إن المزارعين كانوا ينتظرون ١٤ يومًا على الضفة الأخرى. والمزيد عنه موجود في ⟦١⟧.",
    "hin_Deva": "नदी पर बना पुराना पुल 1862 में बनाया गया था और बाज़ार वाले कस्बे तक जाने वाली एकमात्र सड़क उसी से होकर"
    " जाती थी।\n\nहर वसंत में पानी इतना चढ़ जाता था कि किसान दूसरे किनारे पर 14 दिन तक प्रतीक्षा करते थे। इसके बारे में अधिक"
    " जानकारी ⟦1⟧ पर है।",
    "cmn_Hani": "河上的那座老桥建于1862年，是通往集镇的唯一道路。\n\n每年春天河水都会涨得很高，农民们要在对岸等上14天。更多内容请见⟦1⟧。",
    "tur_Latn": "Nehrin üzerindeki eski köprü 1862 yılında yapıldı ve pazar kasabasına giden tek yol oradan geçiyordu."
    "\n\nHer bahar su o kadar yükselirdi ki çiftçiler karşı kıyıda 14 gün beklerdi. Bu konuda daha fazlası ⟦1⟧"
    " adresinde yazıyor.",
    "swh_Latn": "Daraja la zamani juu ya mto lilijengwa mwaka 1862 na lilibeba barabara pekee ya kwenda mji wa soko."
    "\n\nKila majira ya kuchipua maji yalipanda juu sana hivi kwamba wakulima walisubiri siku 14 kwenye ukingo wa pili."
    " Maelezo zaidi yapo kwenye ⟦1⟧.",
}
GREEK = OTHERS["ell_Grek"]


def document(text: str = ENGLISH, name: str = "d1", **metadata: Any) -> dict[str, Any]:
    """A row of DOCUMENT in English."""
    return {
        "id": name,
        "text": text,
        "language": "eng_Latn",
        "source": "written",
        "category": "stem",
        "url": None,
        "metadata": orjson.dumps({"licence": "CC0-1.0", **metadata}).decode(),
        "scores": [],
    }


def tagged(text: str) -> str:
    """A completion as the prompt asks for it."""
    return f"<translation>{text}</translation>"


def run(
    documents: list[dict[str, Any]], answer: Any, code: str = "ell_Grek", **settings: Any
) -> tuple[list[dict[str, Any]], dict[str, Drop], Tally, ScriptedEngine]:
    """What was kept, what was dropped by id, the tally, and the engine."""
    engine, tally = ScriptedEngine(answer), Tally()
    task = Translation(language("eng_Latn"), language(code), engine, TranslationSettings(**settings))
    dropped: list[tuple[str, Drop]] = []
    kept = list(carry_out(documents, task, engine, lambda name, drop: dropped.append((name, drop)), tally))
    assert len(dict(dropped)) == len(dropped)
    assert tally.kept == len(kept) and tally.dropped.total() == len(dropped)
    return kept, dict(dropped), tally, engine


@pytest.mark.parametrize("code", OTHERS)
def test_a_good_translation_is_kept_with_where_it_comes_from(code: str) -> None:
    kept, dropped, tally, _ = run([document()], lambda _: tagged(OTHERS[code]), code, seed=7)
    assert not dropped
    row = pa.Table.from_pylist(kept, schema=DOCUMENT).to_pylist()[0]
    assert row["id"] == f"d1/{code}" and row["language"] == code and row["category"] == "synthetic"
    assert "https://example.org/bridge" in row["text"] and "⟦" not in row["text"]
    found = orjson.loads(row["metadata"])
    assert found["prompts"] == ["translate/document@1"]
    assert (found["model"], found["revision"], found["seed"]) == ("scripted", "r1", 7)
    assert (found["source_id"], found["source"], found["source_licence"]) == ("d1", "written", "CC0-1.0")
    assert found["checks"]["markers"] == 0 and abs(found["checks"]["unusual_length"]) < 3.5
    assert found["completion_tokens"] == tally.completion_tokens == 20


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (tagged(GREEK.replace("⟦1⟧", "")), "markers"),
        (tagged(GREEK + " ⟦1⟧"), "markers"),
        (tagged(GREEK.replace("1862", "1826")), "numbers_differ"),
        (tagged("Ορίστε η μετάφραση:\n" + GREEK), "lines"),
        (tagged("Ορίστε η μετάφραση: " + GREEK), "meta_phrase"),
        (tagged("Sure, this is it in Greek. " + GREEK), "meta_phrase"),
        (tagged("Το κείμενο στα ελληνικά: " + GREEK), "meta_phrase"),
        (tagged(GREEK + " Κράτησα το ύφος της πρώτης γραφής στη μετάφραση."), "meta_phrase"),
        (tagged(GREEK + " I hope this helps!"), "meta_phrase"),
        (tagged("Λυπάμαι, αλλά δεν μπορώ να μεταφράσω.\n\nΤο κείμενο στο ⟦1⟧ δεν είναι κατάλληλο."), "refusal"),
        (tagged(OTHERS["rus_Cyrl"]), "target_script"),
        (tagged(ENGLISH.replace("https://example.org/bridge", "⟦1⟧")), "target_script"),
        (tagged(GREEK.split("\n\n")[0] + " ⟦1⟧"), "paragraphs"),
        (tagged(GREEK.replace("\n\n", " ")), "paragraphs"),
        (tagged(GREEK[: GREEK.index("Κάθε") + 40] + " ⟦1⟧"), "unusual_length"),
        (tagged(GREEK + " Και έτσι περίμεναν όλοι μαζί στην όχθη." * 5), "unusual_length"),
        (
            tagged("Κάθε άνοιξη το νερό ανέβαινε 14 1862 ημέρες.\n\n" + "το νερό ανέβαινε πολύ " * 10 + "⟦1⟧."),
            "repetition",
        ),
        (tagged(""), "empty"),
        (tagged(GREEK)[:-20], "unparsable"),
        ("I'm sorry, but I cannot translate this.", "refused"),
        (Completion(tagged(GREEK), "length", 1, 2), "truncated"),
        (Failure("transport", "the server is gone"), "transport"),
        (None, "transport"),
    ],
)
def test_a_spoilt_translation_is_dropped_for_its_reason(spoilt: Any, reason: str) -> None:
    kept, dropped, tally, _ = run([document()], lambda _: spoilt)
    assert not kept
    assert dropped["d1"].reason == reason
    assert tally.failures.total() == 1


def test_look_alikes_and_mixtures_of_languages_are_told_apart() -> None:
    portuguese = (
        "A velha ponte sobre o rio foi construída em 1862 e por ela passava a única estrada para a vila do mercado."
        "\n\nTodas as primaveras a água subia tanto que os camponeses esperavam 14 dias na outra margem. Há mais sobre"
        " isso em ⟦1⟧."
    )
    assert run([document()], lambda _: tagged(portuguese), "spa_Latn")[1]["d1"].reason == "target_language"
    half = OTHERS["deu_Latn"].split("\n\n")[0] + "\n\n" + ENGLISH.split("\n\n")[1].split("https")[0] + "⟦1⟧."
    assert run([document()], lambda _: tagged(half), "deu_Latn")[1]["d1"].reason in (
        "untranslated",
        "mixed_language",
        "target_language",
    )


def test_pieces_come_back_in_any_order_and_one_that_fails_drops_its_document_once() -> None:
    first, second = GREEK.split("\n\n")

    def answer(request: Request) -> str | Failure:
        asked = request.messages[-1].content.split("<text>")[2]
        if "FAIL" in asked:
            return Failure("transport", "no")
        return tagged(first if "1862" in asked else second)

    broken = document(ENGLISH.replace("The old bridge", "The old FAIL bridge"), "d2")
    kept, dropped, tally, engine = run([document(), broken, document(name="d3")], answer, budget=200)
    assert [row["id"] for row in kept] == ["d1/ell_Grek", "d3/ell_Grek"]
    assert kept[0]["text"] == GREEK.replace("⟦1⟧", "https://example.org/bridge")
    assert list(dropped) == ["d2"] and tally.requests == 6
    # The second piece is asked for with the end of the first.
    assert "market town." in engine.asked[1].messages[-1].content.split("<context>")[1]


@pytest.mark.parametrize("window", [1, 4, 64])
def test_what_is_of_no_use_is_asked_for_again_and_nothing_else(window: int) -> None:
    first, second = GREEK.split("\n\n")
    tries: dict[str, int] = {}

    def answer(request: Request) -> str | Failure | Completion:
        asked = request.messages[-1].content.split("<text>")[2]
        name = "first" if "1862" in asked else "second"
        tries[name] = tries.get(name, 0) + 1
        if name == "second" and tries[name] < 4:
            faults = ("", Completion(tagged(second), "length", 1, 1), tagged("Λάθος ⟦1⟧"), tagged(second))
            return faults[tries[name]]
        return tagged(first if name == "first" else second)

    engine, tally = ScriptedEngine(answer, window=window), Tally()
    task = Translation(language("eng_Latn"), language("ell_Grek"), engine, TranslationSettings(budget=200))
    kept = list(carry_out([document()], task, engine, lambda *_: None, tally, again=2))
    assert len(kept) == 1 and tries == {"first": 1, "second": 3}
    assert (tally.requests, tally.again) == (4, 2) and not tally.failures
    assert len({request.sampling.seed for request in engine.asked}) == 4
    assert orjson.loads(kept[0]["metadata"])["request_seeds"][1] == engine.asked[-1].sampling.seed


def test_a_document_is_dropped_when_it_was_asked_for_often_enough() -> None:
    engine, tally = ScriptedEngine(lambda _: tagged("")), Tally()
    task = Translation(language("eng_Latn"), language("ell_Grek"), engine)
    dropped: list[str] = []
    documents = [document(name=f"d{number}") for number in range(5)]
    kept = list(carry_out(documents, task, engine, lambda name, _: dropped.append(name), tally, again=3))
    assert not kept and sorted(dropped) == [f"d{number}" for number in range(5)]
    assert tally.requests == 20 and tally.again == 15 and tally.failures == {"check": 5}
    lost = ScriptedEngine(lambda _: Failure("transport", "gone"))
    task = Translation(language("eng_Latn"), language("ell_Grek"), lost)
    assert not list(carry_out(documents, task, lost, lambda *_: None, again=3)) and len(lost.asked) == 5


@pytest.mark.parametrize("end", ["\r\n\r\n", "\r\r", "\n \t\n", "\n\n\n"])
def test_lines_may_end_in_any_way(end: str) -> None:
    kept, dropped, _, _ = run([document(ENGLISH.replace("\n\n", end))], lambda _: tagged(GREEK))
    assert [row["id"] for row in kept] == ["d1/ell_Grek"] and not dropped


def test_documents_of_one_id_are_documents_of_their_own() -> None:
    kept, _, _, _ = run([document(), document()], lambda _: tagged(GREEK))
    assert len(kept) == 2


def test_code_and_formulae_alone_are_not_asked_for() -> None:
    text = ENGLISH + "\n\n" + "`x` " * 40 + "`y`"
    kept, _, _, engine = run([document(text)], lambda _: tagged(GREEK), budget=240)
    assert len(engine.asked) == 1
    assert kept[0]["text"].startswith("Η παλιά") and kept[0]["text"].endswith("\n\n" + "`x` " * 40 + "`y`")
    assert run([document("```\nx\n```")], lambda _: "")[1]["d1"].reason == "nothing_to_write"


def test_a_document_in_another_language_is_not_asked_for() -> None:
    kept, dropped, _, engine = run([document(OTHERS["deu_Latn"])], lambda _: tagged(GREEK))
    assert not kept and not engine.asked
    assert dropped["d1"].reason == "doubtful_language" and dropped["d1"].value is not None


SOLUTION = "A farmer has 12 hens and buys 30 more hens at the market. How many hens does the farmer have now?\n\n"
GREEK_SOLUTION = "Ένας αγρότης έχει 12 κότες και αγοράζει άλλες 30 κότες από την αγορά. Πόσες κότες έχει τώρα;\n\n"


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (r"So the farmer has $12+30=\boxed{42}$ hens.", "Άρα ο αγρότης έχει ⟦1⟧ κότες.", None),
        ("So the answer is 42.", "Άρα η απάντηση είναι 42.", None),
        ("So the answer is 43.", "", "wrong_answer"),
        ("So there are many hens.", "", "wrong_answer"),
        (
            "12 and 30 and\nso the answer is 42.",
            "Οι κότες είναι 42.\nΚαι αυτές είναι 12 και 30.",
            "answer_changed",
        ),
    ],
)
def test_an_exercise_names_its_answer_before_and_after(source: str, target: str, reason: str | None) -> None:
    given = document(SOLUTION + source, expected_answer="42")
    kept, dropped, _, _ = run(
        [given], lambda _: tagged(GREEK_SOLUTION + target), prompt="translate/exercise", checks={"too_long": 9}
    )
    assert [drop.reason for drop in dropped.values()] == ([reason] if reason else [])
    if reason is None:
        assert orjson.loads(kept[0]["metadata"])["expected_answer"] == "42"


def test_the_same_document_asks_for_the_same_whatever_comes_before_it() -> None:
    alone = run([document()], lambda _: tagged(GREEK))[3].asked[0]
    after = run([document(name="d0"), document()], lambda _: tagged(GREEK))[3].asked[1]
    assert alone.key("m", "r") == after.key("m", "r")
    other = run([document()], lambda _: tagged(GREEK), seed=1)[3].asked[0]
    assert other.key("m", "r") != alone.key("m", "r")


@pytest.mark.parametrize(
    ("source", "target"), [("deu_Latn", "eng_Latn"), ("ell_Grek", "rus_Cyrl"), ("cmn_Hani", "hin_Deva")]
)
def test_any_language_is_translated_into_any_other(source: str, target: str) -> None:
    texts = {**OTHERS, "eng_Latn": ENGLISH.replace("https://example.org/bridge", "⟦1⟧")}
    given = document(texts[source].replace("⟦1⟧", "https://example.org/bridge"))

    def ended(answer: str) -> list[str]:
        engine = ScriptedEngine(lambda _: tagged(answer))
        task = Translation(language(source), language(target), engine)
        reasons: list[str] = []
        kept = list(carry_out([given], task, engine, lambda _, drop: reasons.append(drop.reason)))
        return reasons or [row["language"] for row in kept]

    assert ended(texts[target]) == [target]
    assert ended(texts[target].replace("1862", "1867")) == ["numbers_differ"]
    first = texts[target].split("\n\n")[0]
    assert ended(f"{first}\n\n⟦1⟧.") in (["unusual_length"], ["length_ratio"])
    assert ended(texts[source])[0] in ("target_script", "untranslated", "target_language", "meta_phrase")


def test_what_would_be_asked_is_known_before() -> None:
    engine = ScriptedEngine(lambda _: tagged(GREEK))
    task = Translation(language("eng_Latn"), language("ell_Grek"), engine, TranslationSettings(budget=200))
    documents = [document(), document(OTHERS["deu_Latn"], "d2"), document(name="d3")]
    found = [request.key("m", "r") for request in planned(documents, task)]
    assert len(found) == 4 and not engine.asked
    list(carry_out(documents, task, engine, lambda *_: None))
    assert [request.key("m", "r") for request in engine.asked] == found


def test_documents_that_are_done_are_not_held() -> None:
    def many() -> Any:
        for number in range(300):
            yield document(name=f"d{number}")

    seen: list[int] = []
    engine, tally = ScriptedEngine(lambda _: tagged(GREEK)), Tally()
    task = Translation(language("eng_Latn"), language("ell_Grek"), engine)
    for _ in carry_out(many(), task, engine, lambda *_: None, tally):
        seen.append(tally.documents - tally.kept)
    assert tally.kept == 300 and max(seen) <= engine.window


@pytest.mark.parametrize("name", ["translate/document", "translate/exercise"])
def test_prompts_name_language_script_and_region_for_every_language(name: str) -> None:
    engine = ScriptedEngine(lambda _: "")
    for code, each in languages().items():
        task = Translation(
            language("eng_Latn"), each, engine, TranslationSettings(prompt=name, region="the valley")
        )
        asked = task(document())
        assert not isinstance(asked, Drop)
        text = "\n".join(message.content for message in asked.requests[0].messages)
        assert each.name in text and each.script in text and "the valley" in text and "English" in text, code
        assert not re.search(r"\{\{", text)
