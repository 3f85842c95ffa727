"""The quality model: trained on two kinds of documents it tells them apart, and keeps the share it is asked to."""

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datatrove.data import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.quality_model import (
    QualityModelSettings,
    ScoreQuantiles,
    load_model,
    model_digest,
    prepared,
    scores,
    threshold_of,
)
from filters.quality_model_step import QualityModel
from filters.reference_text import english_sample
from filters.train_quality_model import Training, area_under_curve, precision_at, train_quality_model
from sources.errors import BabelmixError
from sources.language import language
from sources.schema import DROPPED

ENGLISH = language("eng_Latn")
SAMPLE = Path(__file__).parents[2] / "sources" / "sample"


def technical_sample() -> list[str]:
    """Exercises, formulae, code and instructions of the sample pack."""
    found = []
    for path in sorted(SAMPLE.glob("nemotron-pretraining-specialized-v1/*/*.parquet")):
        found += pq.read_table(path)["text"].to_pylist()
    for path in sorted(SAMPLE.glob("finemath/*/*.parquet")):
        found += pq.read_table(path)["text"].to_pylist()
    with gzip.open(SAMPLE / "dolmino-mix-1124/data/flan/flan-0000.json.gz", "rt", encoding="utf-8") as file:
        found += [json.loads(line)["text"] for line in file]
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Training]:
    path = tmp_path_factory.mktemp("models") / "eng_Latn.bin"
    return path, train_quality_model(english_sample(), technical_sample(), ENGLISH, path)


def test_prose_and_exercises_are_told_apart_on_documents_held_out(trained: tuple[Path, Training]) -> None:
    path, figures = trained
    assert min(figures.held_out_good, figures.held_out_web) >= 5
    # 91 documents of 150 words are little: 0.857 when this was written.
    assert figures.auc > 0.8
    assert figures.precision > 0.7
    assert figures.digest == model_digest(str(path))
    assert json.loads(path.with_name("eng_Latn.bin.json").read_text())["auc"] == figures.auc
    assert sorted(each.name for each in path.parent.iterdir()) == ["eng_Latn.bin", "eng_Latn.bin.json"]


def test_the_same_texts_give_the_same_model(trained: tuple[Path, Training], tmp_path: Path) -> None:
    again = train_quality_model(english_sample(), technical_sample(), ENGLISH, tmp_path / "model.bin")
    assert again == trained[1]


def test_a_kept_share_becomes_a_threshold(trained: tuple[Path, Training]) -> None:
    path = str(trained[0])
    texts = english_sample() + technical_sample()
    asked = QualityModelSettings(path=path, kept_share=0.25, digest=trained[1].digest)
    threshold = threshold_of(asked, [pa.array(texts[:40]), texts[40:]], ENGLISH)
    kept = np.mean(scores(texts, load_model(path), ENGLISH) >= threshold)
    assert 0.2 <= kept <= 0.25
    assert threshold_of(QualityModelSettings(path="not read", threshold=0.7), [], ENGLISH) == 0.7
    with pytest.raises(BabelmixError, match="no documents were scored"):
        threshold_of(asked, [], ENGLISH)


def test_the_step_drops_with_rows_and_scores_all(trained: tuple[Path, Training], tmp_path: Path) -> None:
    texts = [*english_sample(), *technical_sample(), "", "\u200b\n"]
    documents = [Document(text=text, id=str(at), metadata={"scores": {}}) for at, text in enumerate(texts)]
    step = QualityModel(ENGLISH, str(tmp_path), str(trained[0]), threshold=0.5)
    kept = [each.id for each in step.run(iter(documents))]
    values = scores(texts, load_model(str(trained[0])), ENGLISH)
    assert kept == [str(at) for at in np.flatnonzero(values >= 0.5)]
    assert [each.metadata["scores"]["quality.model"] for each in documents] == values.tolist()
    rows = pq.read_table(tmp_path / "quality-model-00000.parquet")
    assert rows.schema.equals(DROPPED)
    assert set(rows["filter"].to_pylist()) == {"quality"}
    assert set(rows["reason"].to_pylist()) == {"quality_model"}
    assert set(rows["threshold"].to_pylist()) == {0.5}
    assert len(rows) + len(kept) == len(texts)
    assert values[-1] == values[-2] == 0


def test_a_label_in_a_text_is_no_label() -> None:
    assert "__label__" not in prepared("__label__high good __label__low", ENGLISH)
    assert prepared("a\nb\x00c </s>", ENGLISH) == "a b c < / s >"


def test_unspaced_scripts_are_read_by_character() -> None:
    assert prepared("东京 GPU。", language("cmn_Hani")) == "东 京 g p u 。"
    assert prepared("ที่นี่", language("tha_Thai")) == "ที่ นี่"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_has_a_score(trained: tuple[Path, Training], texts: list[str]) -> None:
    found = scores(texts, load_model(str(trained[0])), ENGLISH)
    assert found.shape == (len(texts),)
    assert ((found >= 0) & (found <= 1)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_no_more_is_kept_than_was_asked_for_unless_the_best_are_equal(values: list[float], share: float) -> None:
    found = np.array(values)
    quantiles = ScoreQuantiles()
    quantiles.add(found[: len(found) // 2])
    quantiles.add(found[len(found) // 2 :])
    kept = found >= quantiles.threshold(share)
    assert kept.any()
    # What is in one bin is kept or not as a whole.
    assert kept.mean() <= share or found[kept].max() - found[kept].min() < 0.001


def test_a_large_sample_gives_its_quantile() -> None:
    values = np.random.default_rng(3).beta(0.3, 0.6, 200_000)
    quantiles = ScoreQuantiles()
    for part in np.array_split(values, 50):
        quantiles.add(part)
    for share in (0.01, 0.1, 0.25, 0.5):
        assert np.mean(values >= quantiles.threshold(share)) == pytest.approx(share, rel=0.02)


def test_figures_are_what_they_are_called() -> None:
    assert area_under_curve(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1
    assert area_under_curve(np.array([0.5]), np.array([0.5])) == 0.5
    assert area_under_curve(np.array([0.3, 0.7]), np.array([0.5, 0.6])) == 0.5
    assert precision_at(np.array([0.9, 0.2]), np.array([0.5, 0.1]), 2) == 0.5
    assert precision_at(np.array([0.5]), np.array([0.5]), 1) == 0


def test_mistakes_are_one_line(trained: tuple[Path, Training], tmp_path: Path) -> None:
    good, web = english_sample(), technical_sample()
    for texts, others, wrong in (
        (good[:10], web, "10 different good documents are too few"),
        (good * 3, web[:5] * 40, "5 different web documents are too few"),
        (good, [*web, good[0]], "1 documents are good and web alike"),
    ):
        with pytest.raises(BabelmixError, match=wrong) as caught:
            train_quality_model(texts, others, ENGLISH, tmp_path / "m.bin")
        assert "\n" not in str(caught.value)
    (tmp_path / "no.bin").write_bytes(b"no model")
    with pytest.raises(BabelmixError, match="no fastText model"):
        load_model(str(tmp_path / "no.bin"))
    with pytest.raises(BabelmixError, match="no such model"):
        load_model(str(tmp_path / "missing.bin"))
    with pytest.raises(BabelmixError, match="SHA-256"):
        load_model(str(trained[0]), "0" * 64)
    from filters.identifiers import _lid176

    with pytest.raises(BabelmixError, match="its labels are"):
        load_model(str(_lid176()))


@pytest.mark.parametrize("wrong", [{}, {"threshold": 0.5, "kept_share": 0.1}, {"kept_share": 0}, {"threshold": 2}])
def test_settings_take_a_threshold_or_a_share(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        QualityModelSettings.model_validate({"path": "m.bin", **wrong})
