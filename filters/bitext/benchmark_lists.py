"""The files of lists of benchmarks' sentences, and a digest of them; what is in them is `benchmark_sentences`'."""

import hashlib
from pathlib import Path
from typing import Final

from sources.errors import BabelmixError

_ENDINGS: Final = (".txt", ".txt.gz", ".jsonl", ".jsonl.gz", ".devtest", ".dev")


def files(lists: tuple[str, ...]) -> list[Path]:
    """The files that `lists` name, in order.

    Raises:
        BabelmixError: a file or folder is not there, or a folder holds no list.
    """
    found: list[Path] = []
    for name in lists:
        path = Path(name)
        inside = sorted(each for each in path.rglob("*") if each.name.endswith(_ENDINGS)) if path.is_dir() else []
        if not path.is_file() and not inside:
            raise BabelmixError(
                f"contamination.lists: {name} is no file and no folder with lists of sentences; write the path of"
                " a .txt or .jsonl, gzipped or not"
            )
        found += inside or [path]
    return found


def digest(lists: tuple[str, ...]) -> str:
    """SHA-256 over the contents of the lists' files: the same wherever the files lie."""
    total = hashlib.sha256()
    for path in files(lists):
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
