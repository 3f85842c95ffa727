import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.bitext.chain import REASONS, Chain, Judged
from filters.bitext.memory import Seen
from filters.bitext.pairs import cleaned
from filters.bitext.settings import STEPS, BitextSettings, Caps, Step
from sources.language import language
from sources.pair_schema import PAIR

GOOD = (
    ("The government announced a new plan on Monday.", "Die Regierung kündigte am Montag einen neuen Plan an."),
    ("She walked along the river until it became dark.", "Sie ging am Fluss entlang, bis es dunkel wurde."),
    ("Where did you leave the keys of the old house?", "Wo hast du die Schlüssel des alten Hauses gelassen?"),
    ("In 2019 about 1,500 people lived in the village.", "Im Jahr 2019 lebten etwa 1.500 Menschen im Dorf."),
)
SMALL = Caps(remembered=1 << 12)


def batch(pairs: Any, code: str = "deu_Latn", margin: float | None = None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {"id": str(at), "language": code, "source_text": english, "target_text": text, "source": "nllb"}
            | {"margin": margin}
            for at, (english, text) in enumerate(pairs)
        ],
        schema=PAIR,
    )


def judge(pairs: Any, code: str = "deu_Latn", margin: float | None = None, **changed: Any) -> Judged:
    return Chain(BitextSettings(**{"caps": SMALL, **changed}), language(code)).judge(batch(pairs, code, margin))


def reason(english: str, text: str, code: str = "deu_Latn", **changed: Any) -> str | None:
    found: str | None = judge([(english, text)], code, **changed).reason[0].as_py()
    return found


def test_good_pairs_are_kept_and_have_every_score() -> None:
    judged = judge(GOOD, margin=1.1)
    assert judged.reason.to_pylist() == [None] * 4
    assert judged.kept.all()
    assert np.isnan(judged.value).all() and np.isnan(judged.threshold).all()
    absent = {"contamination.matches", "duplicates.languages"}
    assert {name for name, score in judged.scores.items() if np.isnan(score).any()} == absent
    assert all(score.dtype == np.float64 for score in judged.scores.values())


E, T = GOOD[0]


@pytest.mark.parametrize(
    ("english", "text", "wanted"),
    [
        ("", T, "empty"),
        (E, "   ", "empty"),
        (E, E, "identical"),
        (E, "the GOVERNMENT announced, a new plan on Monday", "identical"),
        (E, T.replace(" ", "\0", 1), "nul"),
        (E, T.replace("Plan", "Pl\x07an"), "control_characters"),
        (E, T.replace("ü", "\ufffd"), "broken_characters"),
        (E, T.encode().decode("latin-1"), "broken_characters"),
        (f"{E} http://a.example www.b.example", T, "urls"),
        (E, f"<b>{T}</b>", "html"),
        (E, f"{T} &nbsp; &#39;", "html"),
        (E, "12 34 56 - 78 (90) Plan", "few_letters"),
        ("Oh no.", "Oh nein, bitte nicht.", "short_english"),
        (E * 30, T * 30, "long_english"),
        ("Правительство объявило новый план.", T, "english_script"),
        (E, "Правительство объявило новый план.", "target_script"),
        (E, "The government announced a plan on Monday.", "untranslated"),
        (E, f"{T} ({E})", "untranslated"),
        (GOOD[3][0], GOOD[3][1].replace("1.500", "1.600"), "numbers_differ"),
        (GOOD[3][0], "Damals lebten viele Menschen in dem alten Dorf.", "numbers_missing"),
        (E, "Die Regierung plant.", "length_ratio"),
        (GOOD[2][0], "Du hast die Schlüssel des alten Hauses gelassen.", "ends_differ"),
        (E, "Die Regierung kündigte am Montag", "unfinished"),
        ("Click here to read more", "Hier klicken und weiter lesen", "boilerplate"),
        ("Page 3 of 17 pages here", "Seite 3 von 17 Seiten hier", "boilerplate"),
        ("Berlin | Hamburg Rathaus | Bremen", "Berlin | Hamburger Stadthaus | Bremen", "menu"),
        ("the old the old the old the old house", "das alte das alte das alte das alte Haus", "repetition"),
        (E, "Le gouvernement a annoncé un nouveau plan lundi.", "target_language"),
        ("Die Regierung kündigte am Montag etwas an.", "Die Minister hatten gestern Fragen.", "english_language"),
    ],
)  # fmt: skip
def test_a_fault_is_named(english: str, text: str, wanted: str) -> None:
    assert reason(english, text) == wanted


def test_a_step_that_is_left_out_drops_nothing() -> None:
    assert reason(E, f"<b>{T}</b>", skip=("form",)) is None
    assert "identification.target" not in judge(GOOD, skip=("identification",)).scores
    skip: tuple[Step, ...] = STEPS
    assert judge([(E, E), ("", "")], skip=skip).kept.all()


def test_the_margin_has_a_window_and_pairs_without_one_pass() -> None:
    margins = [judge(GOOD[:1], margin=margin).reason[0].as_py() for margin in (1.05, 1.06, 1.25, 1.3, None)]
    assert margins == ["low_margin", None, None, "high_margin", None]
    judged = judge(GOOD[:1], margin=1.3)
    assert (judged.value[0], judged.threshold[0]) == (1.3, 1.25)


def test_unspaced_scripts_are_counted_in_characters() -> None:
    assert reason("The weather is nice today.", "今日は天気がとても良いです。", "jpn_Jpan") is None
    assert reason("The weather is nice today.", "良い天気", "jpn_Jpan") == "short_target"
    # Three names in Latin letters among few characters are no other script.
    assert reason("Google and Apple are big companies.", "Google和Apple都是很大的公司。", "cmn_Hani") is None


def test_a_language_without_full_stops_needs_none() -> None:
    thai = "รัฐบาลประกาศแผนใหม่เมื่อวันจันทร์"
    assert reason(E, thai, "tha_Thai") is None
    assert reason(E, "Die Regierung kündigte am Montag") == "unfinished"


def test_quotation_marks_are_no_arrows_and_a_dot_within_a_name_no_bullet() -> None:
    assert reason('He said "the plan is good" on Monday.', "Er sagte am Montag »der Plan ist gut«.") is None
    chinese = "唐纳德·特朗普和弗拉基米尔·普京周一在赫尔辛基会面。"
    assert reason("Donald Trump and Vladimir Putin met in Helsinki on Monday.", chinese, "cmn_Hani") is None


def test_close_relatives_pass_where_the_file_says_so_and_strangers_do_not() -> None:
    serbian = "Влада је у понедељак објавила нови план."
    assert reason(E, serbian, "srp_Cyrl") is None
    croatian = "Vlada je u ponedjeljak objavila novi plan za gospodarstvo."
    assert reason("The government announced a new plan for the economy on Monday.", croatian, "hrv_Latn") is None
    assert reason("The government announced a new plan for the economy on Monday.", croatian, "fra_Latn") == (
        "target_language"
    )


def test_a_dropped_pair_does_not_meet_later_steps() -> None:
    wrong = (E, "Le gouvernement a annoncé un nouveau plan lundi.")
    judged = judge([(E, E), GOOD[0], wrong])
    identified = judged.scores["identification.target"]
    assert np.isnan(identified[0]) and not np.isnan(identified[1:]).any()
    assert np.isnan(judged.scores["duplicates.english"]).tolist() == [True, False, True]


def test_copies_fall_the_first_stays() -> None:
    again = (E.upper().replace(".", "!").lower() + " ", T)
    judged = judge([GOOD[0], GOOD[0], again])
    assert judged.reason.to_pylist() == [None, "duplicate", "duplicate"]
    near = [
        (f"Chapter {n} of the book is about the sea.", f"Kapitel {n} des Buches handelt vom Meer.") for n in (2, 7)
    ]
    assert judge(near).reason.to_pylist() == [None, "near_duplicate"]
    assert judge(near, caps=Caps(remembered=1 << 12, near=2)).kept.all()


def test_a_sentence_stands_in_so_many_pairs_and_no_more() -> None:
    others = [
        "Am Montag stellte die Regierung ein neues Vorhaben vor.",
        "Ein neuer Plan der Regierung kam am Montag.",
    ]
    same = [(E, text) for text in (T, *others)]
    assert judge(same).reason.to_pylist() == [None, None, "english_cap"]
    turned = [
        ("On Monday the government presented its plan.", T),
        (E, T),
        ("A new plan was announced on Monday.", T),
    ]
    assert judge(turned).reason.to_pylist() == [None, None, "target_cap"]


def test_an_english_sentence_stands_in_so_many_languages() -> None:
    across = Seen(1 << 10)
    capped = BitextSettings(caps=Caps(remembered=1 << 10, languages=2))
    french = [(E, "Le gouvernement a annoncé un nouveau plan lundi.")]
    spanish = [(E, "El gobierno anunció un nuevo plan el lunes.")]
    found = []
    for code, pairs in (
        ("deu_Latn", [(E, T), (E, "Ein neuer Plan der Regierung kam am Montag.")]),
        ("fra_Latn", french),
        ("spa_Latn", spanish),
    ):
        found += Chain(capped, language(code), across).judge(batch(pairs, code)).reason.to_pylist()
    assert found == [None, None, None, "language_cap"]


def test_the_same_pairs_have_the_same_verdicts_whatever_the_batches() -> None:
    pairs = [*GOOD, GOOD[1], (E, E), *GOOD, (E, "Ein neuer Plan der Regierung kam am Montag."), ("", "")] * 3
    whole = judge(pairs)
    for size in (1, 2, 5):
        chain = Chain(BitextSettings(caps=SMALL), language("deu_Latn"))
        parts = [chain.judge(batch(pairs[at : at + size])) for at in range(0, len(pairs), size)]
        assert [each for part in parts for each in part.reason.to_pylist()] == whole.reason.to_pylist()
        for name, score in whole.scores.items():
            np.testing.assert_array_equal(np.concatenate([part.scores[name] for part in parts]), score)


def test_a_batch_may_be_a_slice_and_empty() -> None:
    pairs = batch([("", ""), *GOOD])
    chain = Chain(BitextSettings(caps=SMALL), language("deu_Latn"))
    assert chain.judge(pairs.slice(1, 3)).kept.all()
    assert len(chain.judge(pairs.slice(0, 0)).reason) == 0


def test_benchmark_sentences_are_found_whole_and_in_part_on_either_side(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{GOOD[1][0]}\n", encoding="utf-8")
    (tmp_path / "more.jsonl").write_text(f'{{"text": "{GOOD[2][1]}"}}\n', encoding="utf-8")
    part = GOOD[1][0].replace("She", "Then Mary").replace(" dark", " very dark and cold outside")
    pairs = [*GOOD, (part, "Dann ging Maria am Fluss entlang, bis es draußen sehr dunkel und kalt wurde.")]
    judged = judge(pairs, contamination={"lists": (str(tmp_path),), "words": 6})
    assert judged.reason.to_pylist() == [None, "benchmark", "benchmark", None, "benchmark"]


def test_reasons_are_all_that_a_verdict_can_say() -> None:
    assert len(set(REASONS)) == len(REASONS)
    judged = judge([("", "")])
    assert pa.types.is_dictionary(judged.reason.type)
    assert judged.reason.dictionary.to_pylist() == list(REASONS)


@pytest.mark.parametrize("wrong", [{"margn": {}}, {"margin": {"least": 2}}, {"skip": ("lid",)}, {"copied": 2}])
def test_settings_that_are_wrong_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BitextSettings.model_validate(wrong)


def test_what_is_written_is_clean() -> None:
    # A combining accent, a zero-width space, white space; and a joiner that Hindi needs.
    pairs = cleaned(batch([("Cafe\u0301\u200b  and\ttea\n", "क्\u200dष \u00ad")]))
    assert pairs.column("source_text")[0].as_py() == "Caf\u00e9 and tea"
    assert pairs.column("target_text")[0].as_py() == "क्\u200dष"


def test_a_chain_lets_its_memory_go_at_once() -> None:
    chain = Chain(BitextSettings(caps=SMALL), language("deu_Latn"))
    chain.judge(batch(GOOD))
    memory = weakref.ref(chain.memory.pairs)
    del chain
    assert memory() is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    "a1.,:/<&;>|» \u1040७Äß漢字か्", max_size=60
)


@settings(max_examples=150, deadline=None)
@given(
    pairs=st.lists(st.tuples(TEXT, TEXT), max_size=6), code=st.sampled_from(["deu_Latn", "jpn_Jpan", "mya_Mymr"])
)
def test_whatever_is_written_there_has_a_verdict(pairs: list[tuple[str, str]], code: str) -> None:
    judged = judge(pairs, code)
    assert len(judged.reason) == len(pairs)
    for at, why in enumerate(judged.reason.to_pylist()):
        assert (why is None) == bool(np.isnan(judged.threshold[at])) == bool(judged.kept[at])
        assert why is None or why in REASONS


def test_bytes_that_are_no_text_are_broken_characters_not_a_crash() -> None:
    raw = [
        b"The plan \xf7\xbf\xbf\xbf was announced on Monday by the government.",
        b"The government has a plan \xe0",
    ]
    pairs = batch([(E, T)] * 2)
    sides = pa.array(raw).view(pa.string())
    judged = Chain(BitextSettings(caps=SMALL), language("deu_Latn")).judge(
        pairs.set_column(2, PAIR.field(2), sides)
    )
    assert judged.reason.to_pylist() == ["broken_characters"] * 2
