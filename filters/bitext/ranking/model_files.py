"""Which embedding model is meant: its name in outputs, its family, and a digest of the files of a folder."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from filters.bitext.ranking.settings import QWEN3_INSTRUCTION, QWEN3_UNLISTED, Ranking
from sources.errors import BabelmixError

# Of a file of weights so much of its beginning and end is read: their header and some of the weights.
_READ: Final = 4 << 20


def is_folder(model: str) -> bool:
    """Whether `model` is a path and no name on the Hub."""
    return Path(model).is_dir() or model.startswith(("/", ".", "~")) or model.count("/") > 1


def digest(model: str) -> str | None:
    """SHA-256 of the names, sizes and (of large files: first and last 4 MiB of) contents of a model's folder.

    None for a name on the Hub, whose revision says which files are meant.

    Raises:
        BabelmixError: there is no such folder, or no model in it.
    """
    if not is_folder(model):
        return None
    folder = Path(model).expanduser()
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise BabelmixError(
            f"model {model}: no folder with a config.json or modules.json; name a sentence-transformers model's"
            " folder, or one on the Hub such as Qwen/Qwen3-Embedding-0.6B"
        )
    found = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder)
        # A repository's history and what is written about a model are not the model.
        if name.parts[0].startswith(".") or name.suffix == ".md":
            continue
        size = path.stat().st_size
        found.update(f"{name.as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            found.update(file.read(_READ))
            if size > 2 * _READ:
                file.seek(-_READ, 2)
            found.update(file.read())
    return found.hexdigest()


def is_qwen3_embedding(model: str) -> bool:
    """Whether a model is of Qwen3-Embedding's family: by its name, or by what its folder declares."""
    if "qwen3-embedding" in model.lower():
        return True
    config = Path(model).expanduser() / "config.json"
    return is_folder(model) and config.is_file() and _read(config).get("model_type") == "qwen3"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BabelmixError(f"{path}: not JSON ({error}); fetch the model again") from error
    return found if isinstance(found, dict) else {}


def instruction(ranking: Ranking) -> str:
    """What stands around a text when it is embedded, with {text} in its place."""
    assert ranking.model is not None
    if ranking.instruction is not None:
        return ranking.instruction
    return QWEN3_INSTRUCTION if is_qwen3_embedding(ranking.model) else "{text}"


def knows(ranking: Ranking, code: str) -> bool:
    """Whether the model of `ranking` is to rank pairs of a language; False without a model."""
    if ranking.model is None:
        return False
    if ranking.unlisted is not None:
        return code not in ranking.unlisted
    return not (is_qwen3_embedding(ranking.model) and code in QWEN3_UNLISTED)


def name(ranking: Ranking) -> str:
    """The model as outputs name it: Hub name and revision, or a folder's last name and the head of its digest."""
    assert ranking.model is not None
    if not is_folder(ranking.model):
        return f"{ranking.model}@{ranking.revision}" if ranking.revision else ranking.model
    head = (ranking.digest or digest(ranking.model) or "")[:12]
    return f"{Path(ranking.model).expanduser().resolve().name}@{head}"
