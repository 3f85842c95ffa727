"""Scores documents by a fastText classifier that tells good text from the web's, in the manner of FineWeb2-HQ.

(Messmer et al. 2025, arXiv:2502.10361; FineWeb-Edu: Penedo et al. 2024, arXiv:2406.17557.) A score is the model's
probability that a document is of the good kind; which scores are enough is a share of the documents, not a
probability: keep the best tenth, or the best quarter. Models are trained by `filters/train_quality_model.py`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sources.errors import BabelmixError
from sources.language import Language

HIGH: Final = "__label__high"
LOW: Final = "__label__low"
SCORE: Final = "quality.model"
REASON: Final = "quality_model"
# Characters of a document that are read: its beginning. What it is worth shows early, and time stays bounded.
MOST_CHARACTERS: Final = 4_000
# Words of letters and digits, and marks alone. Where words are not spaced every character stands alone, so that
# the model's n-grams of words are n-grams of characters.
_WORDS: Final = regex.compile(r"[\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}\s\p{C}]")
_CHARACTERS: Final = regex.compile(r"[\p{L}\p{N}]\p{M}*|[^\p{L}\p{M}\p{N}\s\p{C}]")
# A score of 1 would be beyond every bin's edge.
_MOST_LOGIT: Final = 16.0
_BINS: Final = 1 << 14


class QualityModelSettings(BaseModel):
    """A language's model and which scores are enough: a `threshold`, or a `kept_share` that gives one.

    `digest` is the model file's SHA-256: a model that was trained again is a changed setting.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    threshold: float | None = Field(default=None, ge=0, le=1)
    kept_share: float | None = Field(default=None, gt=0, le=1)
    digest: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> "QualityModelSettings":
        if (self.threshold is None) == (self.kept_share is None):
            raise ValueError("write `threshold` or `kept_share`, one of the two")
        return self


def load_model(path: str, digest: str = "") -> Any:
    """The fastText model at `path`; read once a process.

    Raises:
        BabelmixError: it is not there, is no fastText model, has other labels, or is not the one of `digest`.
    """
    if not Path(path).is_file():
        raise BabelmixError(
            f"{path}: no such model; train one with `babelmix languages train-quality CODE --output {path}`"
        )
    if digest and (found := model_digest(path)) != digest:
        raise BabelmixError(f"{path}: its SHA-256 is {found}, not {digest}; correct `digest`, or fetch that model")
    return _loaded(path, Path(path).stat().st_mtime_ns)


@cache
def _loaded(path: str, changed: int) -> Any:
    import fasttext

    try:
        model = fasttext.load_model(path)
        labels = set(model.get_labels())
    except (ValueError, RuntimeError, MemoryError) as error:
        raise BabelmixError(f"{path}: no fastText model ({error}); train it again") from error
    if labels != {HIGH, LOW}:
        raise BabelmixError(
            f"{path}: its labels are {', '.join(sorted(labels))}, not {HIGH} and {LOW}; train it anew"
        )
    return model


def model_digest(path: str) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def prepared(text: str, language: Language) -> str:
    """What the model reads of a text: words and marks in lower case with blanks between them, on one line.

    A label that stands in the text (`__label__high`) does not stand in here.
    """
    pattern = _CHARACTERS if language.segmentation.rule == "dictionary" else _WORDS
    return " ".join(pattern.findall(text[:MOST_CHARACTERS].lower()))


def scores(
    texts: pa.Array | pa.ChunkedArray | Sequence[str], model: Any, language: Language
) -> npt.NDArray[np.float64]:
    """The model's probability that each text is of the good kind, (texts,); 0 for a text without words.

    `model` is what `load_model` gives.
    """
    given = texts if isinstance(texts, Sequence) else texts.to_pylist()
    lines = [prepared(text or "", language) for text in given]
    found = np.zeros(len(lines))
    held = [at for at, line in enumerate(lines) if line]
    if not held:
        return found
    # A list, not a string: fastText's predict(str) fails with NumPy 2 in some of its builds.
    labels, values = model.predict([lines[at] for at in held], k=2)
    for at, names, probabilities in zip(held, labels, values, strict=True):
        if HIGH in names:
            found[at] = probabilities[names.index(HIGH)]
    # fastText adds a hundred thousandth to every probability.
    return np.clip(found, 0.0, 1.0)


class ScoreQuantiles:
    """The score that a share of the documents reaches, from any number of scores in 128 KB.

    Counts scores in bins that are even in the logit, since models are sure of most documents: near 0 and 1 a bin
    is finer than a millionth, about 0.5 it is 0.0005 wide. Counts of two samples may be added.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(_BINS, dtype=np.int64)

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Counts some scores."""
        with np.errstate(divide="ignore"):
            logits = np.log(values) - np.log1p(-values)
        places = (np.clip(logits, -_MOST_LOGIT, _MOST_LOGIT) + _MOST_LOGIT) * _BINS / (2 * _MOST_LOGIT)
        self.counts += np.bincount(np.minimum(places.astype(np.int64), _BINS - 1), minlength=_BINS)

    def threshold(self, kept_share: float) -> float:
        """The lowest score by which no more than `kept_share` of the documents are kept (within a bin).

        Raises:
            BabelmixError: no scores were counted.
        """
        total = int(self.counts.sum())
        if not total:
            raise BabelmixError("no documents were scored, so no share of them can be kept; score some first")
        reached = np.cumsum(self.counts[::-1])[::-1]
        # Where a single bin holds more than the share, all or none of it stays: rather all, which is not nothing.
        within = np.flatnonzero(reached <= kept_share * total)
        place = int(within[0]) if len(within) and reached[within[0]] else int(np.flatnonzero(self.counts)[-1])
        if place == 0:
            return 0.0
        return float(1 / (1 + np.exp(_MOST_LOGIT - place * 2 * _MOST_LOGIT / _BINS)))


def threshold_of(
    settings: QualityModelSettings, batches: Iterable[pa.Array | Sequence[str]], language: Language
) -> float:
    """The settings' threshold, or the one that keeps their `kept_share` of the texts in `batches`.

    Raises:
        BabelmixError: the model cannot be had, or there are no texts to find a threshold by.
    """
    if settings.threshold is not None:
        return settings.threshold
    assert settings.kept_share is not None
    model = load_model(settings.path, settings.digest)
    quantiles = ScoreQuantiles()
    for batch in batches:
        quantiles.add(scores(batch, model, language))
    return quantiles.threshold(settings.kept_share)
