"""A small local model of how dense in culture a document is, distilled from a language model's ratings.

A language model rates a sample (`rating.py`); fastText learns from the ratings what is dense (the trainer and the
scorer are those of the quality models); the score from which on documents are kept is the lowest by which those
held out are dense often enough.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash
from datatrove.utils.batching import batched
from pydantic import BaseModel, ConfigDict, Field

from filters.quality_model import load_model, scores
from filters.train_quality_model import TooFewError, area_under_curve, train_quality_model
from filters.verdict import Drop
from sources.errors import BabelmixError
from sources.language import Language
from sources.loading import load_yaml
from synth.culture.rating import RATING

# The score that a document gets.
DENSITY: Final = "culture.density"
# One rated document in so many is held out for the threshold; the trainer holds out some of the others itself.
_HELD_OUT: Final = 4
_SEED: Final = 2
# Held-out documents above the threshold: of fewer, a precision is chance.
FEWEST_KEPT: Final = 10
# 1.96 standard deviations: 95% of a normal distribution.
_Z: Final = 1.96
_BATCH: Final = 256


class DensitySettings(BaseModel):
    """A language's density model: the file that `train_density_model` writes beside it, and `load_yaml` reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str
    # The model's file, beside this one, and its SHA-256.
    model: str
    digest: str
    threshold: float = Field(ge=0, le=1)
    # What was asked for, and what the held-out documents say: of those above the threshold the share that is
    # dense, the lower end of its 95% interval, and the share of all dense ones that is above.
    wanted_precision: float
    precision: float
    precision_low: float
    recall: float
    held_out_dense: int
    held_out_other: int
    auc: float
    dense_from: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what it does on labelled scores."""

    threshold: float
    precision: float
    # The lower end of Wilson's 95% interval.
    precision_low: float
    recall: float


def threshold_for(
    dense: npt.NDArray[np.float64], other: npt.NDArray[np.float64], precision: float
) -> Threshold | None:
    """The lowest score from which on at least `precision` of the documents are dense; None if there is none.

    `dense` and `other` are the scores of held-out documents of either kind. At least FEWEST_KEPT of them must be
    above it: with fewer, the best score of all would pass for a threshold.
    """
    best: Threshold | None = None
    for at in np.unique(np.concatenate([dense, other])):
        right, wrong = int((dense >= at).sum()), int((other >= at).sum())
        kept = right + wrong
        if kept < FEWEST_KEPT or right / kept < precision:
            continue
        best = Threshold(float(at), right / kept, wilson_low(right, kept), right / len(dense))
        break
    return best


def wilson_low(right: int, count: int) -> float:
    """The lower end of the 95% interval of a share, `right` of `count` (Wilson 1927)."""
    share, z2 = right / count, _Z * _Z
    middle = share + z2 / (2 * count)
    width = _Z * np.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return float(max(0.0, (middle - width) / (1 + z2 / count)))


def train_density_model(
    rated: Iterable[Mapping[str, Any]],
    language: Language,
    output: Path,
    precision: float = 0.8,
    dense_from: int = 3,
) -> DensitySettings:
    """Trains on rated documents (`Rating`'s rows), finds the threshold, and writes both beside each other.

    `output` is the model's file; its settings stand in `<output>.yaml`. A document is dense from a rating of
    `dense_from` on. Each text's side, training or held out, is its own, so that copies never stand on both.

    Raises:
        TooFewError: too few documents of a kind, or no score reaches the precision: the line names the best that
            there is.
        BabelmixError: the files cannot be written.
    """
    kinds = (False, True)
    sides: dict[tuple[bool, bool], list[str]] = {(held, dense): [] for held in kinds for dense in kinds}
    for document in rated:
        rating = dict(document["scores"]).get(RATING)
        if rating is None:
            raise BabelmixError(f"document {document['id']}: no score {RATING}; rate the sample first")
        held = xxhash.xxh64_intdigest(document["text"], _SEED) % _HELD_OUT == 0
        sides[held, rating >= dense_from].append(document["text"])
    training = train_quality_model(sides[False, True], sides[False, False], language, output)
    model: Any = load_model(str(output))
    dense, other = (scores(sides[True, kind], model, language) for kind in (True, False))
    if not len(dense) or not len(other):
        raise TooFewError(f"{language.code}: no held-out documents of both kinds; rate a larger sample")
    found = threshold_for(dense, other, precision)
    if found is None:
        best = max((_at(dense, other, at) for at in np.unique(dense)), default=0.0)
        raise TooFewError(
            f"{language.code}: no threshold has a precision of {precision:g} on {len(dense)} dense and"
            f" {len(other)} other documents held out, the best has {best:.2f}; rate more, or ask for less"
        )
    settings = DensitySettings(
        language=language.code,
        model=output.name,
        digest=training.digest,
        wanted_precision=precision,
        held_out_dense=len(dense),
        held_out_other=len(other),
        auc=area_under_curve(dense, other),
        dense_from=dense_from,
        **asdict(found),
    )
    _write(settings, output.with_name(f"{output.name}.yaml"))
    return settings


def keep_dense(
    documents: Iterable[Mapping[str, Any]], settings: Path, language: Language, drop: Callable[[str, Drop], None]
) -> Iterator[dict[str, Any]]:
    """The documents that are dense in culture, with their score `culture.density`; `drop` gets the others.

    `settings` is the YAML file beside a model. Documents are scored in batches and come in their order.

    Raises:
        BabelmixError: there is no such model, it is not the one that was trained, or it is another language's.
    """
    read = load_yaml(settings, DensitySettings)
    if read.language != language.code:
        raise BabelmixError(
            f"{settings}: language: is {read.language}, not {language.code}; name that one's model"
        )
    model = load_model(str(settings.with_name(read.model)), read.digest)
    for batch in batched(documents, _BATCH):
        for document, score in zip(batch, scores([each["text"] for each in batch], model, language), strict=True):
            if score >= read.threshold:
                yield {
                    **document,
                    "scores": [*dict(document.get("scores") or {}).items(), (DENSITY, float(score))],
                }
            else:
                drop(str(document["id"]), Drop("density", float(score), read.threshold))


def _at(dense: npt.NDArray[np.float64], other: npt.NDArray[np.float64], at: float) -> float:
    right, wrong = int((dense >= at).sum()), int((other >= at).sum())
    return right / (right + wrong) if right + wrong >= FEWEST_KEPT else 0.0


def _write(settings: DensitySettings, path: Path) -> None:
    # JSON is YAML; written beside and moved, so that a killed run leaves no half file.
    staged = path.with_name(f".{path.name}.new")
    try:
        staged.write_text(json.dumps(settings.model_dump(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(staged, path)  # noqa: PTH105  # renames over what stands, on every system
    except OSError as error:
        raise BabelmixError(f"{path}: cannot be written ({error.strerror}); name another place") from error
