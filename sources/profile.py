"""Profiles: which copy of the sources is read, and which of its files hold a language.

`sample` is the bundled pack, `hub` the real datasets; any other name is a folder or URL that mirrors them, one
folder a source, laid out inside as upstream lays it out. The globs of the catalog apply to all of them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import fsspec

from sources.errors import BabelmixError
from sources.language import Language
from sources.source import Source, Subset

SAMPLE: Final = "sample"
HUB: Final = "hub"
ENGLISH: Final = "eng_Latn"

_PACK: Final = Path(__file__).parent / "sample"


def profile_root(profile: str, source: Source) -> str:
    """Where a source's files lie: a folder or an fsspec URL."""
    if profile == SAMPLE:
        return str(_PACK / source.name)
    if profile == HUB:
        revision = f"@{source.revision}" if source.revision else ""
        return source.root or f"hf://datasets/{source.hub_id}{revision}"
    return f"{profile.rstrip('/')}/{source.name}"


def check_profile(profile: str) -> None:
    """Raises BabelmixError where a profile is neither `sample` nor `hub` nor a folder or URL that exists."""
    if profile in (SAMPLE, HUB):
        return
    if "://" not in profile and not Path(profile).is_dir():
        raise BabelmixError(
            f"profile {profile}: no such folder; write sample, hub, or a folder or URL with one folder a source"
        )


def delivers(subset: Subset, source: Source, language: Language) -> bool:
    """Whether the catalog says that a subset has a language at all."""
    if subset.languages == "labelled":
        return source.name in language.datasets and language.code != ENGLISH
    return language.code in subset.languages


def subset_glob(subset: Subset, source: Source, language: Language) -> str:
    """A subset's glob for one language, below the source's root."""
    label = language.datasets.get(source.name, language.code)
    # Upstream names pair files after both labels in alphabetical order; two-letter labels go with "en".
    english = "en" if len(label) == 2 else ENGLISH
    pair = "-".join(sorted((label, english)))
    return subset.path.replace("{language}", label).replace("{pair}", pair)


def subset_files(subset: Subset, source: Source, language: Language, profile: str) -> list[str]:
    """The files of a subset for one language, in their order; none where the profile's copy lacks them.

    Raises:
        BabelmixError: the copy cannot be reached, or its owner does not let this user in.
    """
    root = profile_root(profile, source)
    glob = subset_glob(subset, source, language)
    if profile == HUB and source.root:
        # A web server lists no folders: its globs name one file.
        return [f"{root}/{glob}"]
    try:
        fs, path = _filesystem(root)
        found = [fs.unstrip_protocol(each) if "://" in root else each for each in fs.glob(f"{path}/{glob}")]
    except Exception as error:
        raise BabelmixError(f"{root}/{glob}: {unreachable(error, source)}") from error
    return sorted(found)


def unreachable(error: Exception, source: Source) -> str:
    """Why a source's files cannot be had, and what to do."""
    text = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    if "Gated" in text or "401" in text or "403" in text:
        return f"access refused; {source.gate or 'log in with `hf auth login`'}"
    if "NotFound" in text:
        return f"not found ({text}); check hub_id and revision in sources/catalog/{source.name}.yaml"
    return f"cannot be reached ({text}); check the network, or use --profile with a copy of the files"


@lru_cache(maxsize=256)
def _filesystem(root: str) -> tuple[Any, str]:
    fs, path = fsspec.core.url_to_fs(root)
    return fs, path
