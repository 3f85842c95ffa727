"""Rating, cataloguing and writing cultural documents: what a model may say, and what is done with it."""

# ruff: noqa: E501
from typing import Any

import orjson
import pyarrow as pa
import pytest
from scripted_engine import ScriptedEngine

from filters.verdict import Drop
from sources.language import language, languages
from sources.schema import DOCUMENT
from synth.culture.annotation import CULTURE, Annotation
from synth.culture.articles import CulturalArticle
from synth.culture.concepts import Concept, ConceptIndex
from synth.culture.evidence import spans
from synth.culture.rating import RATING, Rating, sampled
from synth.culture.regions import countries, region_code, region_name, topics
from synth.culture.settings import ArticleSettings
from synth.request import Request
from synth.translation.document_task import Task, carry_out

GREEK = language("ell_Grek")
TEXT = (
    "Στο χωριό μας κάθε Μεγάλη Πέμπτη οι γυναίκες βάφουν τα αυγά με φλούδες κρεμμυδιού και ζυμώνουν τσουρέκι με"
    " μαχλέπι. Το πρώτο αυγό που βγαίνει από την κατσαρόλα λέγεται αυγό της Παναγίας και φυλάγεται στο εικονοστάσι"
    " 40 ημέρες. Το βράδυ της Ανάστασης ο παπάς μοιράζει το φως και όλοι κατεβαίνουν στην πλατεία με τις λαμπάδες"
    " τους. Ύστερα τρώνε μαγειρίτσα, που η κυρία Ελένη τη φτιάχνει με πολύ άνηθο, όπως την έμαθε από τη μητέρα της"
    " στη Σμύρνη. Οι νέοι τσουγκρίζουν τα αυγά και όποιου δεν σπάσει έχει τύχη όλη τη χρονιά."
)
QUOTE = "Το πρώτο αυγό που βγαίνει από την κατσαρόλα λέγεται αυγό της Παναγίας"
ARTICLE = (
    "Το βάψιμο των αυγών ανήκει στις συνήθειες της Μεγάλης Πέμπτης στα ελληνικά χωριά. Οι γυναίκες χρησιμοποιούν"
    " φλούδες από κρεμμύδια, που δίνουν βαθύ κόκκινο χρώμα. Ιδιαίτερη σημασία έχει το αυγό που βάφεται πρώτο: το"
    " αφιερώνουν στην Παναγία και το κρατούν δίπλα στις εικόνες του σπιτιού για 40 ημέρες.\n\nΤην ίδια μέρα"
    " ετοιμάζεται και το ψωμί της γιορτής με το άρωμα του μαχλεπιού. Μετά τη λειτουργία της Ανάστασης η οικογένεια"
    " κάθεται γύρω από το τραπέζι για τη μαγειρίτσα, και τα παιδιά χτυπούν τα αυγά τους μεταξύ τους: λένε πως"
    " τυχερός είναι εκείνος που το αυγό του μένει γερό."
)


def document(name: str = "d1", **metadata: Any) -> dict[str, Any]:
    """A row of DOCUMENT."""
    return {
        "id": name, "text": TEXT, "language": "ell_Grek", "source": "fineweb-2", "category": "multilingual",
        "url": "https://example.org", "metadata": orjson.dumps({"licence": "ODC-By", **metadata}).decode(),
        "scores": [("quality.words", 90.0)],
    }  # fmt: skip


def run(
    task: Task, engine: ScriptedEngine, documents: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[Drop]]:
    """What was kept, as it is after it was written and read, and the drops."""
    dropped: list[Drop] = []
    kept = list(carry_out(documents, task, engine, lambda _, drop: dropped.append(drop)))
    return pa.Table.from_pylist(kept, schema=DOCUMENT).to_pylist(), dropped


def rate(answer: str) -> tuple[list[dict[str, Any]], list[Drop]]:
    """One document with the rating that a model gives."""
    engine = ScriptedEngine(lambda _: answer)
    return run(Rating(GREEK, engine), engine, [document()])


def test_a_rating_becomes_a_score_and_the_document_stays_as_it_is() -> None:
    kept, dropped = rate("<reason>Easter customs in detail.</reason>\n<score> 4 </score>")
    assert not dropped and kept[0]["text"] == TEXT
    assert dict(kept[0]["scores"]) == {"quality.words": 90.0, RATING: 4.0}
    found = orjson.loads(kept[0]["metadata"])
    assert found["licence"] == "ODC-By" and found["culture_rating"]["reason"] == "Easter customs in detail."
    assert found["culture_rating"]["prompts"] == ["culture/rate@1"]


@pytest.mark.parametrize(
    "answer",
    ["<reason>a</reason><score>6</score>", "<reason>a</reason><score>high</score>", "4", "<score>3</score>"],
)
def test_a_rating_off_the_scale_or_without_a_reason_is_none(answer: str) -> None:
    kept, dropped = rate(answer)
    assert not kept and [drop.reason for drop in dropped] == ["unparsable"]


def test_a_sample_is_a_share_and_the_same_each_time() -> None:
    documents = [document(f"d{number}") for number in range(4000)]
    found = [each["id"] for each in sampled(documents, 0.1)]
    assert 300 < len(found) < 500
    assert found == [each["id"] for each in sampled(documents, 0.1)]
    assert found != [each["id"] for each in sampled(documents, 0.1, seed=1)]


def annotated(topic: str = "calendar", region: str = "GR", *evidence: str) -> str:
    """A completion as the prompt asks for it."""
    quotes = "".join(f"<evidence>{each}</evidence>" for each in evidence or (QUOTE,))
    return f"<topic>{topic}</topic><region>{region}</region>{quotes}"


def test_a_catalogued_document_says_topic_region_and_where_it_shows() -> None:
    engine = ScriptedEngine(lambda _: annotated("Calendar", "gr", QUOTE, "τρώνε μαγειρίτσα,\nπου η κυρία Ελένη"))
    kept, dropped = run(Annotation(GREEK, engine), engine, [document()])
    assert not dropped
    found = orjson.loads(kept[0]["metadata"])[CULTURE]
    assert (found["topic"], found["region"]) == ("calendar", "GR")
    for each in found["evidence"]:
        assert TEXT[each["start"] : each["end"]] == each["text"]
    assert found["evidence"][1]["text"] == "τρώνε μαγειρίτσα, που η κυρία Ελένη"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (annotated(topic="tourism"), "unknown_topic"),
        (annotated(region="XX"), "unknown_region"),
        (annotated(region="Greece"), "unknown_region"),
        (annotated(region="none"), "no_region"),
        (annotated("food", "GR", "Το δεύτερο αυγό που βγαίνει από την κατσαρόλα"), "evidence"),
        (annotated("food", "GR", QUOTE, "αυγό"), "evidence"),
        ("<topic>food</topic><region>GR</region>", "unparsable"),
    ],
)
def test_what_is_on_no_list_or_in_no_text_is_dropped(answer: str, reason: str) -> None:
    engine = ScriptedEngine(lambda _: answer)
    kept, dropped = run(Annotation(GREEK, engine), engine, [document()])
    assert not kept and [drop.reason for drop in dropped] == [reason]


def test_evidence_is_found_in_any_form_of_unicode_and_only_verbatim() -> None:
    composed, apart = "Der Kölner Dom, größer als alle", "Der Ko\u0308lner Dom, größer als alle"
    assert spans([apart], composed) == spans([composed], composed) == spans([composed], apart)
    assert spans(["„Der Kölner Dom, größer“"], composed) is not None
    assert spans(["Der Kölner Dom größer"], composed) is None
    assert spans(["Der kölner Dom, größer"], composed) is None
    assert spans([], composed) is None
    assert spans(["端午節要吃粽子"], "在南方，端午節要吃粽子和看龍舟。") is not None


NOTED = {"topic": "calendar", "region": "GR", "evidence": []}
CONCEPTS = ConceptIndex(
    [Concept("Q1", ("dish",), ("GR",), "μαγειρίτσα", "magiritsa", "σούπα του Πάσχα", "Easter soup", (), 12)], GREEK
)


def article(text: str = ARTICLE, title: str = "Τα αυγά της Μεγάλης Πέμπτης", quote: str = QUOTE) -> str:
    """A completion as the prompt asks for it."""
    return f"<title>{title}</title><article>{text}</article><evidence>{quote}</evidence>"


def write(answer: str, **settings: Any) -> tuple[list[dict[str, Any]], list[Drop], list[Request]]:
    """One catalogued document with the article that a model writes."""
    engine = ScriptedEngine(lambda _: answer)
    task = CulturalArticle(GREEK, engine, CONCEPTS, ArticleSettings(**settings))
    kept, dropped = run(task, engine, [document(culture=NOTED)])
    return kept, dropped, engine.asked


def test_a_grounded_article_is_kept_with_its_sources() -> None:
    kept, dropped, asked = write(article())
    assert [(drop.reason, drop.value) for drop in dropped] == []
    row = kept[0]
    assert (
        row["text"].startswith("Τα αυγά της Μεγάλης Πέμπτης\n\nΤο βάψιμο") and row["source"] == "synthetic-culture"
    )
    found = orjson.loads(row["metadata"])
    assert found["concepts"] == ["Q1"] and found["topic"] == "calendar" and found["region"] == "GR"
    assert found["evidence"][0]["text"] == QUOTE
    assert (found["source_id"], found["source"], found["source_licence"]) == ("d1", "fineweb-2", "ODC-By")
    assert "Q1: μαγειρίτσα (magiritsa); dish; Greece; σούπα του Πάσχα" in asked[0].messages[-1].content


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (article(ARTICLE + " Το έθιμο αναφέρεται από το 1843."), "new_numbers"),
        (article(TEXT), "novelty"),
        (article("Σύντομο κείμενο."), "too_short"),
        (article(ARTICLE[:-30]), "unfinished"),
        (article("Ως γλωσσικό μοντέλο δεν έχω πάσχα. " + ARTICLE), "refusal"),
        (article(ARTICLE + "\n\nΕλπίζω να βοήθησα, let me know if you want more."), "meta_phrase"),
        (article(quote="Το αυγό της Παναγίας φυλάγεται για πάντα"), "evidence"),
        (article(title=""), "unparsable"),
        ("<skip>The text is about eggs only.</skip>", "declined"),
        (
            article(
                "Στη Θεσσαλονίκη, στην Καλαμάτα, στην Κέρκυρα, στη Λευκάδα και στη Χίο το έθιμο είναι ίδιο. "
                + ARTICLE
            ),
            "new_names",
        ),
        (
            article(
                "The dyeing of eggs belongs to the customs of Maundy Thursday in the villages. The women use the skins"
                " of onions, which give a deep red colour, and the first egg is kept beside the icons of the house. "
                "On the same day the bread of the feast is baked and after the service the family eats together."
            ),
            "meta_phrase",
        ),
    ],
)
def test_an_article_that_rests_on_nothing_is_dropped(answer: str, reason: str) -> None:
    kept, dropped, _ = write(answer)
    assert not kept and [drop.reason for drop in dropped] == [reason]


def test_documents_that_nobody_catalogued_are_not_written_from() -> None:
    engine = ScriptedEngine(lambda _: article())
    kept, dropped = run(CulturalArticle(GREEK, engine), engine, [document()])
    assert not kept and not engine.asked and dropped[0].reason == "not_catalogued"


def test_lists_are_whole() -> None:
    assert len(countries()) == 249 and len(topics()) == 16
    assert countries()["NO"] == "Norway"
    assert [region_code(each) for each in (" gr ", "ES-CT", "ZZ", "Greece", "E", "ES-")] == [
        "GR",
        "ES-CT",
        None,
        None,
        None,
        None,
    ]
    assert region_name("ES-CT") == "Spain (ES-CT)" and region_name("GR") == "Greece"


def test_prompts_name_language_and_region_for_every_language() -> None:
    engine = ScriptedEngine(lambda _: "")
    for each in languages().values():
        for task in (Rating(each, engine), Annotation(each, engine), CulturalArticle(each, engine)):
            asked = task(document(culture=NOTED))
            assert not isinstance(asked, Drop)
            text = "\n".join(message.content for message in asked.requests[0].messages)
            assert each.name in text and "{{" not in text
            assert ("Greece" if isinstance(task, CulturalArticle) else "the places where it is spoken") in text
