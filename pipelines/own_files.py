"""A person's own files: which ones a pattern means, and what each is called in ids."""

from collections.abc import Sequence
from itertools import takewhile

import fsspec

from sources.errors import BabelmixError


def matched_files(patterns: Sequence[str], expected: str) -> list[tuple[str, str]]:
    """The files that `patterns` (paths, globs or URLs) name, each once: where it is, and its name in ids.

    A name is the path below the folder that all files share, so that files of one name in several folders do not
    give two documents one id. `expected` says what the patterns should name.

    Raises:
        BabelmixError: a pattern matches nothing, or is of a kind that cannot be read.
    """
    urls = list(dict.fromkeys(url for pattern in patterns for url in _matched(pattern, expected)))
    levels = zip(*(url.split("/")[:-1] for url in urls), strict=False)
    shared = len(list(takewhile(lambda names: len(set(names)) == 1, levels)))
    return [(url, "/".join(url.split("/")[shared:])) for url in urls]


def _matched(pattern: str, expected: str) -> list[str]:
    try:
        fs, path = fsspec.core.url_to_fs(pattern)
        found = sorted(name for name, info in fs.glob(path, detail=True).items() if info["type"] != "directory")
    except (ImportError, ValueError) as error:
        raise BabelmixError(f"{pattern}: {error}; name a path, or a URL of s3://, hf:// or https://") from error
    if not found:
        raise BabelmixError(f"{pattern}: no such file; name {expected}, in quotes if with a *")
    return [fs.unstrip_protocol(each) if "://" in pattern else each for each in found]
