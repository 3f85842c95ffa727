"""Texts said anew: facts stay, nothing is copied, and input in doubt is refused."""

# ruff: noqa: E501
import math
from typing import Any

import orjson
import pytest
from scripted_engine import ScriptedEngine

from filters.verdict import Drop
from sources.language import language, languages
from synth.rephrasing.kept_facts import names, names_kept, numbers, numbers_kept, numbers_new
from synth.rephrasing.novelty import novelty
from synth.rephrasing.rephrase_documents import Rephrase
from synth.rephrasing.settings import PROMPTS, RephraseSettings
from synth.translation.document_task import carry_out

SOURCE = {
    "ell_Grek": "Η παλιά γέφυρα πάνω από το ποτάμι χτίστηκε το 1862 από μάστορες της Ηπείρου και είχε τρεις καμάρες. Από"
    " εκεί περνούσε ο μόνος δρόμος προς την εμπορική πόλη. Κάθε άνοιξη το νερό ανέβαινε τόσο ψηλά που οι αγρότες"
    " περίμεναν 14 ημέρες στην απέναντι όχθη. Δείτε https://example.org/bridge.",
    "swh_Latn": "Daraja la zamani juu ya mto lilijengwa mwaka 1862 na mafundi kutoka mji wa Tanga na lilikuwa na matao"
    " matatu. Lilibeba barabara pekee ya kwenda mji wa soko. Kila majira ya mvua maji yalipanda juu sana hivi kwamba"
    " wakulima walisubiri siku 14 kwenye ukingo wa pili. Tazama https://example.org/bridge.",
    "hin_Deva": "नदी पर बना पुराना पुल 1862 में बनाया गया था और उसमें तीन मेहराब थे। बाज़ार वाले कस्बे तक जाने वाली एकमात्र सड़क उसी"
    " से होकर जाती थी। हर बरसात में पानी इतना चढ़ जाता था कि किसान दूसरे किनारे पर 14 दिन तक प्रतीक्षा करते थे। देखें"
    " https://example.org/bridge ।",
    "tha_Thai": "สะพานเก่าข้ามแม่น้ำสร้างขึ้นในปี 1862 โดยช่างฝีมือจากเมืองใกล้เคียงและมีซุ้มโค้งสามแห่ง ถนนเพียงสายเดียวที่ไปยังเมืองตลาดผ่านสะพานนี้"
    " ทุกฤดูฝนน้ำจะขึ้นสูงมากจนชาวนาต้องรออยู่อีกฝั่งหนึ่งเป็นเวลา 14 วัน ดูที่ https://example.org/bridge",
}
ANEW = {
    "ell_Grek": "Τρεις καμάρες είχε το γεφύρι που σήκωσαν το 1862 στο ποτάμι οι τεχνίτες της Ηπείρου. Όποιος ήθελε να"
    " φτάσει στην πόλη με το παζάρι δεν είχε άλλον δρόμο. Όταν την άνοιξη φούσκωναν τα νερά, έμεναν οι γεωργοί στην"
    " αντικρινή μεριά ως και 14 ημέρες. Περισσότερα στο ⟦1⟧.",
    "swh_Latn": "Mafundi wa Tanga walijenga daraja hilo lenye matao matatu mnamo 1862, na tangu hapo hapakuwa na njia"
    " nyingine ya kufika sokoni. Mvua zikinyesha, mto ulifurika na wakulima wakalazimika kukaa ng'ambo kwa siku 14"
    " wakingoja maji yapungue. Maelezo yapo ⟦1⟧.",
    "hin_Deva": "तीन मेहराबों वाला यह पुल 1862 का है और नदी के ऊपर खड़ा है। कस्बे के बाज़ार पहुँचने के लिए लोगों के पास दूसरी कोई सड़क"
    " नहीं थी, इसलिए सब इसी पुल से गुज़रते थे। बरसात आने पर जब पानी चढ़ता, तब किसानों को 14 दिन तक दूसरे किनारे पर रुकना पड़ता"
    " था। ⟦1⟧ देखें।",
    "tha_Thai": "ช่างจากเมืองใกล้เคียงเป็นผู้สร้างสะพานซึ่งมีซุ้มโค้งสามแห่งนี้เมื่อปี 1862 ใครจะเดินทางไปเมืองตลาดก็ต้องใช้เส้นทางนี้เพราะไม่มีทางอื่น"
    " พอถึงหน้าฝนระดับน้ำในแม่น้ำเพิ่มขึ้น ชาวนาจึงต้องพักคอยที่ฝั่งตรงข้ามนานถึง 14 วัน อ่านต่อได้ที่ ⟦1⟧",
}


def document(text: str, name: str = "d1") -> dict[str, Any]:
    """A row with what a task reads of it."""
    return {"id": name, "text": text, "source": "fineweb-2", "metadata": '{"license": "ODC-By"}', "url": "u"}


def run(
    code: str, text: str, answer: str, **settings: Any
) -> tuple[list[dict[str, Any]], list[Drop], ScriptedEngine]:
    """What was kept and dropped of one document for which the model says `answer`."""
    engine = ScriptedEngine(lambda _: f"<rephrased>{answer}</rephrased>")
    task = Rephrase(language(code), engine, RephraseSettings(**settings))
    dropped: list[Drop] = []
    kept = list(carry_out([document(text)], task, engine, lambda _, drop: dropped.append(drop)))
    return kept, dropped, engine


@pytest.mark.parametrize("code", SOURCE)
def test_a_good_text_is_kept_with_where_it_comes_from(code: str) -> None:
    kept, dropped, _ = run(code, SOURCE[code], ANEW[code])
    assert [(drop.reason, drop.value) for drop in dropped] == []
    assert kept[0]["text"] == ANEW[code].replace("⟦1⟧", "https://example.org/bridge").strip()
    found = orjson.loads(kept[0]["metadata"])
    assert found["prompts"][0].removesuffix("@1") in PROMPTS and found["source_licence"] == "ODC-By"
    assert 0.2 <= found["checks"]["novelty"] <= 0.9 and found["kind"] == "rephrase"


GREEK = ANEW["ell_Grek"]


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (SOURCE["ell_Grek"].replace("https://example.org/bridge", "⟦1⟧"), "novelty"),
        (GREEK.replace("⟦1⟧", "εκεί"), "markers"),
        (GREEK.replace("1862", "1868"), "new_numbers"),
        (GREEK + " Το έργο κόστισε 30000 γρόσια.", "new_numbers"),
        (GREEK.replace("το 1862", "τότε").replace("14 ημέρες", "πολλές ημέρες"), "numbers_missing"),
        (GREEK[:-40] + "⟦1⟧", "unfinished"),
        ("Ορίστε το κείμενο σε νέα μορφή. " + GREEK + " Let me know if it works.", "meta_phrase"),
        ("Γεφύρι. ⟦1⟧.", "length_ratio"),
        (ANEW["swh_Latn"].replace("Tanga", "Ηπείρου"), "target_script"),
    ],
)
def test_a_spoilt_text_is_dropped_for_its_reason(spoilt: str, reason: str) -> None:
    kept, dropped, _ = run("ell_Grek", SOURCE["ell_Grek"], spoilt)
    assert not kept and [drop.reason for drop in dropped] == [reason]


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("ell_Grek", SOURCE["swh_Latn"], "doubtful_script"),
        ("spa_Latn", SOURCE["swh_Latn"], "doubtful_language"),
        ("eng_Latn", "12 €", "doubtful_script"),
        ("eng_Latn", "Sale", "doubtful_language"),
    ],
)
def test_input_in_doubt_is_not_asked_for(code: str, text: str, reason: str) -> None:
    kept, dropped, engine = run(code, text, "x")
    assert not kept and not engine.asked and [drop.reason for drop in dropped] == [reason]


def test_ways_of_saying_take_turns_and_a_document_keeps_its_own() -> None:
    engine = ScriptedEngine(lambda _: "")
    task = Rephrase(language("ell_Grek"), engine)
    used = {}
    for number in range(60):
        asked = task(document(SOURCE["ell_Grek"], f"d{number}"))
        again = task(document(SOURCE["ell_Grek"], f"d{number}"))
        assert not isinstance(asked, Drop) and not isinstance(again, Drop)
        assert asked.requests == again.requests
        used[number] = asked.requests[0].prompt
    assert set(used.values()) == {f"{name}@1" for name in PROMPTS}


def test_prompts_name_language_script_and_region_for_every_language() -> None:
    from synth.prompt import load_prompt

    for name in PROMPTS:
        for each in languages().values():
            given = {
                "language": each.name,
                "script": each.script,
                "region": "the valley",
                "text": "x {{y}} <text>",
            }
            text = "\n".join(message.content for message in load_prompt(name).request(given).messages)
            assert each.name in text and each.script in text and "the valley" in text and "x {{y}} <text>" in text


def test_novelty_is_what_the_source_has_not() -> None:
    english = language("eng_Latn")
    text = "one two three four five six seven eight nine ten eleven twelve"
    assert novelty(text, text, english) == 0.0
    assert novelty(text.upper() + "!", text, english) == 0.0
    assert novelty(text, "nothing of all this stands here", english) == 1.0
    assert novelty(
        "one two three four five six x seven eight nine ten eleven twelve", text, english
    ) == pytest.approx(3 / 25)
    assert math.isnan(novelty("one two", text, english))


@pytest.mark.parametrize(
    ("code", "text", "found"),
    [
        ("eng_Latn", "Then Anna Smith went to Paris. Her brother stayed.", {"anna", "smith", "paris"}),
        ("ell_Grek", "Ο Γιώργος πήγε στην Αθήνα.", {"γιώργος", "αθήνα"}),
        ("tha_Thai", "บริษัท Toyota ผลิตรถ", {"toyota"}),
        ("jpn_Jpan", "昨日トヨタの車を見た", {"トヨタ"}),
        ("hin_Deva", "किसान ने कहा और किसान गया", {"किसान"}),
    ],
)
def test_names_are_told_by_what_the_script_has(code: str, text: str, found: set[str]) -> None:
    assert names(text, language(code)) == {each.casefold() for each in found}


def test_names_are_kept_in_any_case() -> None:
    wanted = names("Wczoraj Kowalski był w Warszawie.", language("pol_Latn"))
    assert names_kept(wanted, "Warszawa czeka na Kowalskiego.") == 1.0
    assert names_kept(wanted, "Kraków czeka na Kowalskiego.") == 0.5
    assert math.isnan(names_kept(frozenset(), "x"))


@pytest.mark.parametrize(
    ("text", "source", "new"),
    [
        ("1.000 und 2,5", "1,000 and 2.5", ()),
        ("١٨٦٢", "1862", ()),
        ("50 thousand", "50,000", ()),
        ("the 90s", "in 1990", ()),
        ("at 19:45", "at 7:45", ()),
        ("5 of them", "none", ()),
        ("1868", "1862", ("1868",)),
        ("17 more", "71", ("17",)),
    ],
)
def test_a_number_is_new_if_the_source_says_it_in_no_form(text: str, source: str, new: tuple[str, ...]) -> None:
    assert numbers_new(text, source) == new
    assert numbers_kept(text, text) in (1.0, pytest.approx(1.0)) or not any(
        int(each) > 12 for each in numbers(text)
    )
