from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datatrove.data import Document
from huggingface_hub import constants

from filters.fineweb2_rules import MIN_SCRIPT_SHARE, MIN_STOP_WORDS
from filters.identifiers import IdentifierName, identified, identify, sample
from filters.language import LanguageIdentification, unknown
from filters.verdict import Drop
from sources.errors import BabelmixError
from sources.language import Identified, Language, language

FINEWEB2 = Path(__file__).parents[2] / "sources" / "sample" / "fineweb-2" / "data"


@cache
def _text(code: str, row: int = 0) -> str:
    text: str = pq.read_table(FINEWEB2 / code / "train" / "000_00000.parquet")["text"][row].as_py()
    return text


def _judge(
    wanted: Language | str, text: str, identifier: IdentifierName = "fasttext176"
) -> tuple[Drop | None, dict[str, float]]:
    found = language(wanted) if isinstance(wanted, str) else wanted
    document = Document(text=text, id="one", metadata={"scores": {}})
    return LanguageIdentification(found, "dropped", identifier).judge(document), document.metadata["scores"]


def _with_threshold(code: str, threshold: float) -> Language:
    found = language(code)
    assert found.identifiers.fasttext176 is not None
    label = found.identifiers.fasttext176.label
    identifiers = found.identifiers.model_copy(
        update={"fasttext176": Identified(label=label, threshold=threshold)}
    )
    return found.model_copy(update={"identifiers": identifiers})


@pytest.mark.parametrize("code", ["ell_Grek", "cmn_Hani", "tha_Thai", "glg_Latn", "srp_Cyrl", "nob_Latn"])
def test_good_text_stays_with_its_score(code: str) -> None:
    drop, scores = _judge(code, _text(code))
    assert drop is None
    known = language(code).identifiers.fasttext176
    assert known is not None
    assert scores["language.score"] >= known.threshold


@pytest.mark.parametrize(
    ("code", "other", "label"),
    [("ell_Grek", "deu_Latn", "de"), ("zsm_Latn", "vie_Latn", "vi"), ("rus_Cyrl", "fin_Latn", "fi")],
)
def test_another_language_is_named(code: str, other: str, label: str) -> None:
    drop, scores = _judge(code, _text(other))
    assert drop is not None
    assert drop.reason == "wrong_language"
    assert drop.value == scores["language.score"]
    assert drop.value is not None
    assert drop.threshold is not None
    assert drop.value < drop.threshold
    assert (drop.detail or "").split(" ")[0] == label


def test_too_low_a_score_is_told_from_another_language() -> None:
    mixed = "\n".join([_text("ell_Grek"), _text("deu_Latn")[:200]])
    drop, scores = _judge(_with_threshold("ell_Grek", 1.0), mixed)
    assert drop is not None
    assert (drop.reason, drop.threshold) == ("low_score", 1.0)
    assert drop.value == scores["language.score"] < 1.0
    assert _judge(_with_threshold("ell_Grek", drop.value), mixed)[0] is None


def test_an_identifier_that_takes_malay_for_indonesian_does_not_drop_it() -> None:
    found = identify([_text("zsm_Latn")], "ms", "fasttext176")
    assert found.first[0] in ("id", "ms")
    assert 0 < found.score[0] < 0.9
    assert _judge("zsm_Latn", _text("zsm_Latn"))[0] is None


def test_a_language_that_the_identifier_does_not_know() -> None:
    zulu = language("zul_Latn")
    assert identified(zulu, "fasttext176") is None
    line = unknown(zulu, "fasttext176")
    assert line == "zul_Latn: fasttext176 does not know it; judged by script and stop words instead"
    assert unknown(zulu, "glotlid") is None
    assert unknown(language("ell_Grek"), "fasttext176") is None

    drop, scores = _judge(zulu, _text("zul_Latn"))
    assert drop is None
    assert scores["language.script_share"] > 0.99
    assert scores["quality.stop_words"] >= MIN_STOP_WORDS

    drop, scores = _judge(zulu, _text("rus_Cyrl"))
    assert drop == Drop("script_share", scores["language.script_share"], MIN_SCRIPT_SHARE)
    assert scores["language.script_share"] == 0

    drop, scores = _judge(zulu, _text("fin_Latn"))
    assert drop == Drop("stop_words", scores["quality.stop_words"], MIN_STOP_WORDS)
    assert scores["language.script_share"] > 0.99


def test_letters_alone_have_a_script() -> None:
    yoruba = language("yor_Latn")
    half = "1234 !? 🙂 " + "а" * 30 + "a" * 70
    drop, _ = _judge(yoruba, half)
    assert drop is not None
    assert (drop.reason, drop.value) == ("script_share", 0.7)


@pytest.mark.parametrize("text", ["", " ", "\n\t\u3000\n"])
@pytest.mark.parametrize("code", ["ell_Grek", "zul_Latn"])
def test_no_text(code: str, text: str) -> None:
    assert _judge(code, text)[0] == Drop("empty", 0, 1)


def test_lines_are_one_text() -> None:
    lines = _text("ell_Grek").split(" ")
    assert sample("\n".join(lines)) == sample(" ".join(lines))


def test_a_long_text_is_identified_by_parts_from_all_over_it() -> None:
    greek, german = _text("ell_Grek"), _text("deu_Latn")
    long = "\n".join([german, *[greek] * 200])
    assert len(sample(long)) < 1000 < len(long)
    assert identify([long, greek], "el", "fasttext176").first == ["el", "el"]
    assert german[:20] in sample(long)
    assert greek[-20:] in sample(long)


def test_a_label_that_is_not_first_has_its_score() -> None:
    texts = [_text("ell_Grek"), "", _text("deu_Latn")]
    found = identify(texts, "el", "fasttext176")
    assert found.first[0] == "el"
    assert found.first[2] == "de"
    assert found.score[0] == found.first_score[0] > 0.9
    assert found.score[2] < 0.01 < found.first_score[2]
    assert found.score[1] < 0.5


def test_a_model_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        BabelmixError, match=r"^GlotLID \(cis-lmu/glotlid/model_v3\.bin\): cannot be fetched"
    ) as error:
        _judge("ell_Grek", _text("ell_Grek"), "glotlid")
    assert "\n" not in str(error.value)


def test_rows_of_what_is_dropped(tmp_path: Path) -> None:
    step = LanguageIdentification(language("ell_Grek"), str(tmp_path), "fasttext176")
    texts = [_text("ell_Grek"), _text("deu_Latn"), ""]
    documents = [Document(text=text, id=str(at), metadata={"scores": {}}) for at, text in enumerate(texts)]
    assert [document.id for document in step.run(documents, rank=3)] == ["0"]
    rows = pq.read_table(tmp_path / "language-00003.parquet").to_pylist()
    assert [(row["id"], row["filter"], row["reason"]) for row in rows] == [
        ("1", "language", "wrong_language"),
        ("2", "language", "empty"),
    ]
