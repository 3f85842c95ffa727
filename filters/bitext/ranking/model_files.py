"""Which embedding model is meant: its name in outputs, its family, and a digest of the files of a folder."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Final

import xxhash

from filters.bitext.ranking.settings import QWEN3_INSTRUCTION, QWEN3_UNLISTED, Ranking
from sources.errors import BabelmixError

_READ: Final = 16 << 20


def folder(model: str) -> Path | None:
    """The folder that `model` names; None for a name on the Hub."""
    named = Path(model).is_dir() or model.startswith(("/", ".", "~")) or model.count("/") > 1
    return Path(model).expanduser() if named else None


def digest(model: str) -> str | None:
    """A hash of the names and contents of all files of a model's folder.

    None for a name on the Hub, whose revision says which files are meant.

    Raises:
        BabelmixError: there is no such folder, or no model in it.
    """
    place = folder(model)
    if place is None:
        return None
    if not (place / "config.json").is_file() and not (place / "modules.json").is_file():
        raise BabelmixError(
            f"model {model}: no folder with a config.json or modules.json; name a sentence-transformers model's"
            " folder, or one on the Hub such as Qwen/Qwen3-Embedding-0.6B"
        )
    files = []
    for path in sorted(each for each in place.rglob("*") if each.is_file()):
        name = path.relative_to(place)
        # A repository's history and what is written about a model are not the model.
        if not name.parts[0].startswith(".") and name.suffix != ".md":
            stat = path.stat()
            files.append((name.as_posix(), str(path), stat.st_size, stat.st_mtime_ns))
    return _digest(tuple(files))


@lru_cache(maxsize=8)
def _digest(files: tuple[tuple[str, str, int, int], ...]) -> str:
    """Of files by name, path, size and time, so that gigabytes are read once."""
    found = hashlib.sha256()
    for name, path, size, _ in files:
        content = xxhash.xxh3_128()
        with Path(path).open("rb") as file:
            while part := file.read(_READ):
                content.update(part)
        found.update(f"{name}\0{size}\0{content.hexdigest()}\0".encode())
    return found.hexdigest()


def is_qwen3_embedding(model: str) -> bool:
    """Whether a model is of Qwen3-Embedding's family: by its name, or by what its folder declares."""
    if "qwen3-embedding" in model.lower():
        return True
    place = folder(model)
    return place is not None and any(_declares_qwen3(path) for path in place.glob("**/config.json"))


def _declares_qwen3(path: Path) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BabelmixError(f"{path}: not JSON ({error}); fetch the model again") from error
    return isinstance(found, dict) and found.get("model_type") == "qwen3"


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
    place = folder(ranking.model)
    if place is None:
        return f"{ranking.model}@{ranking.revision}" if ranking.revision else ranking.model
    head = (ranking.digest or digest(ranking.model) or "")[:12]
    return f"{place.resolve().name}@{head}"
