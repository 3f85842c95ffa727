"""Trains a language's quality model: fastText tells good documents from those of the web.

As FineWeb2-HQ has it (Messmer et al. 2025, arXiv:2502.10361), the model needs no labels: good text (teaching,
reference works, answers that people liked, or documents labelled good) against a sample of the web's. A part
of both is held out, and what the model says of it is reported.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash

from filters.fasttext_training import train_supervised
from filters.quality_model import HIGH, LOW, ScoreQuantiles, load_model, model_digest, prepared, scores
from sources.errors import BabelmixError
from sources.language import Language

# Fewer of either kind say nothing of the others: a tenth of them is 5 documents to be tried on.
FEWEST: Final = 50
# One document in so many is held out.
_HELD_OUT: Final = 5
_SEED: Final = 1
KEPT_SHARES: Final = (0.1, 0.25, 0.5)


class TooFewError(BabelmixError):
    """There are not enough documents of both kinds to learn from."""


@dataclass(frozen=True, slots=True)
class KeptShare:
    """What it takes to keep a share of the web's documents, and how many of the good ones held out that keeps."""

    share: float
    threshold: float
    good_kept: float


@dataclass(frozen=True, slots=True)
class Training:
    """What was trained on how many documents, and how it does on those held out.

    `auc` is the probability that a good document scores higher than one of the web; `precision` the share of good
    ones among as many of the best scored as are good.
    """

    language: str
    good: int
    web: int
    held_out_good: int
    held_out_web: int
    auc: float
    precision: float
    kept: tuple[KeptShare, ...]
    digest: str


def train_quality_model(good: Sequence[str], web: Sequence[str], language: Language, output: Path) -> Training:
    """Trains a model on `good` and `web` texts, writes it to `output`, and its figures beside it as JSON.

    A text that occurs twice is taken once. The same texts give the same model.

    Raises:
        TooFewError: there are too few documents.
        BabelmixError: a text is of both kinds, or the model cannot be written.
    """
    kinds = {name: _split(texts, language) for name, texts in (("good", good), ("web", web))}
    for name, (train, held_out) in kinds.items():
        if len(train) + len(held_out) < FEWEST or not held_out:
            raise TooFewError(
                f"{language.code}: {len(train) + len(held_out)} different {name} documents are too few to train"
                f" on; give {FEWEST} at least"
            )
    (good_train, good_held), (web_train, web_held) = kinds.values()
    both = len({*good_train, *good_held} & {*web_train, *web_held})
    if both:
        raise BabelmixError(
            f"{language.code}: {both} documents are good and web alike; take them out of one of the two"
        )
    staged = output.with_name(f".{output.name}.new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        _train(good_train, web_train, staged)
        figures = _figures(staged, good_held, web_held, language, len(good_train), len(web_train))
        output.with_name(f"{output.name}.json").write_text(
            json.dumps(asdict(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        os.replace(staged, output)  # noqa: PTH105  # renames over what stands, on every system
    except OSError as error:
        raise BabelmixError(f"{output}: cannot be written ({error.strerror}); name another place") from error
    finally:
        staged.unlink(missing_ok=True)
    return figures


def _split(texts: Sequence[str], language: Language) -> tuple[list[str], list[str]]:
    """Different texts as the model reads them, to train on and held out; a text's side is its own."""
    train: list[str] = []
    held_out: list[str] = []
    for line in dict.fromkeys(prepared(text, language) for text in texts):
        if line:
            (train if xxhash.xxh64_intdigest(line, _SEED) % _HELD_OUT else held_out).append(line)
    return train, held_out


def _train(good: Sequence[str], web: Sequence[str], output: Path) -> None:
    words = sum(line.count(" ") + 1 for line in (*good, *web))
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        path = Path(folder, "train.txt")
        with path.open("w", encoding="utf-8") as file:
            for label, lines in ((HIGH, good), (LOW, web)):
                file.writelines(f"{label} {line}\n" for line in lines)
        train_supervised(path, words, output)


def _figures(
    model_path: Path, good: Sequence[str], web: Sequence[str], language: Language, good_train: int, web_train: int
) -> Training:
    model: Any = load_model(str(model_path))
    high, low = scores(good, model, language), scores(web, model, language)
    quantiles = ScoreQuantiles()
    quantiles.add(low)
    kept = [(share, quantiles.threshold(share)) for share in KEPT_SHARES]
    return Training(
        language.code,
        good_train,
        web_train,
        len(good),
        len(web),
        area_under_curve(high, low),
        precision_at(high, low, len(high)),
        tuple(KeptShare(share, at, float(np.mean(high >= at))) for share, at in kept),
        model_digest(str(model_path)),
    )


def area_under_curve(high: npt.NDArray[np.float64], low: npt.NDArray[np.float64]) -> float:
    """The probability that a value of `high` is above one of `low`; equal ones count half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left")
    at_most = np.searchsorted(ordered, high, side="right")
    return float((below + at_most).sum() / (2 * len(high) * len(low)))


def precision_at(high: npt.NDArray[np.float64], low: npt.NDArray[np.float64], best: int) -> float:
    """The share of `high` among the `best` highest values; of equal ones `low` come first."""
    values = np.concatenate([low, high])
    chosen = np.argsort(-values, kind="stable")[:best]
    return float(np.mean(chosen >= len(low)))
