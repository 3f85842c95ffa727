"""The density model: its threshold by precision on documents held out, and what it keeps."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters.verdict import Drop
from sources.errors import BabelmixError
from sources.language import language
from synth.culture.density import (
    DENSITY,
    DensitySettings,
    keep_dense,
    threshold_for,
    train_density_model,
    wilson_low,
)
from synth.culture.rating import RATING

ENGLISH = language("eng_Latn")
DENSE = [
    "wedding",
    "village",
    "bread",
    "harvest",
    "saint",
    "procession",
    "dance",
    "embroidery",
    "grandmother",
    "song",
    "feast",
    "customs",
    "dowry",
]
OTHER = [
    "server",
    "price",
    "download",
    "warranty",
    "invoice",
    "update",
    "shipping",
    "router",
    "discount",
    "login",
    "battery",
    "quarter",
    "index",
]
COMMON = [
    "the",
    "a",
    "of",
    "and",
    "in",
    "on",
    "for",
    "with",
    "it",
    "is",
    "was",
    "they",
    "that",
    "this",
    "at",
    "by",
    "from",
    "every",
    "each",
    "day",
    "year",
    "people",
]


def rated(count: int, seed: int = 0, noise: float = 0.0) -> list[dict[str, Any]]:
    """Documents of two kinds of words with the ratings they should have, some of them wrong."""
    chance = random.Random(seed)
    documents = []
    for number in range(count):
        dense = number % 2 == 0
        words = [
            chance.choice((DENSE if dense else OTHER) if chance.random() < 0.4 else COMMON) for _ in range(60)
        ]
        rating = chance.choice((3, 4, 5) if dense != (chance.random() < noise) else (0, 1, 2))
        documents.append({"id": f"d{number}", "text": " ".join(words), "scores": [(RATING, float(rating))]})
    return documents


def test_the_threshold_is_the_lowest_that_is_precise_enough() -> None:
    dense, other = np.arange(0.5, 1.0, 0.01), np.arange(0.0, 0.7, 0.01)
    found = threshold_for(dense, other, 0.9)
    assert found is not None
    kept, wrong = (dense >= found.threshold).sum(), (other >= found.threshold).sum()
    assert found.precision == kept / (kept + wrong) >= 0.9 and found.recall == kept / len(dense)
    below = found.threshold - 0.01
    assert (dense >= below).sum() / ((dense >= below).sum() + (other >= below).sum()) < 0.9
    assert found.precision_low < found.precision


def test_a_handful_of_documents_is_no_threshold() -> None:
    dense = np.concatenate([np.full(5, 0.99), np.full(95, 0.2)])
    assert threshold_for(dense, np.full(100, 0.5), 0.9) is None


@pytest.mark.parametrize(("right", "count", "low"), [(10, 10, 0.7225), (0, 10, 0.0), (50, 100, 0.4038)])
def test_the_interval_is_wilsons(right: int, count: int, low: float) -> None:
    assert wilson_low(right, count) == pytest.approx(low, abs=1e-4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DensitySettings]:
    """A model of documents with clear ratings."""
    path = tmp_path_factory.mktemp("density") / "eng_Latn.bin"
    return path, train_density_model(rated(600), ENGLISH, path, precision=0.9)


def test_a_trained_model_keeps_what_is_dense(trained: tuple[Path, DensitySettings]) -> None:
    path, settings = trained
    assert settings.precision >= 0.9 and settings.recall > 0.9 and settings.auc > 0.95
    dropped: dict[str, Drop] = {}
    fresh = rated(100, seed=5)
    yaml = path.with_name("eng_Latn.bin.yaml")
    kept = list(keep_dense(fresh, yaml, ENGLISH, lambda name, drop: dropped.update({name: drop})))
    right = sum(int(row["id"][1:]) % 2 == 0 for row in kept)
    assert right / len(kept) >= 0.9 and right >= 45
    assert len(kept) + len(dropped) == 100
    assert all(dict(row["scores"])[DENSITY] >= settings.threshold for row in kept)
    assert all(drop.reason == "density" and drop.threshold == settings.threshold for drop in dropped.values())


def test_a_model_of_another_language_or_another_training_is_refused(
    trained: tuple[Path, DensitySettings], tmp_path: Path
) -> None:
    path, settings = trained
    yaml = path.with_name("eng_Latn.bin.yaml")
    with pytest.raises(BabelmixError, match="language: is eng_Latn, not deu_Latn"):
        list(keep_dense(rated(2), yaml, language("deu_Latn"), lambda *_: None))
    (tmp_path / "eng_Latn.bin").write_bytes(path.read_bytes())
    changed = tmp_path / "eng_Latn.bin.yaml"
    changed.write_text(yaml.read_text(encoding="utf-8").replace(settings.digest, "0" * 64), encoding="utf-8")
    with pytest.raises(BabelmixError, match="SHA-256"):
        list(keep_dense(rated(2), changed, ENGLISH, lambda *_: None))


def test_ratings_that_mean_nothing_have_no_threshold(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"no threshold has a precision of 0.95 .* the best has 0\.\d+"):
        train_density_model(rated(600, noise=0.5), ENGLISH, tmp_path / "m.bin", precision=0.95)


def test_documents_without_a_rating_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"document d0: no score culture.rating"):
        train_density_model([{"id": "d0", "text": "a", "scores": []}], ENGLISH, tmp_path / "m.bin")
