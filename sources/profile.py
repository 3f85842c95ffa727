"""Profiles: which copy of the sources is read, and which of its files hold a language.

`sample` is the bundled pack, `hub` the real datasets; any other name is a folder or URL that mirrors them, one
folder a source, laid out inside as upstream lays it out. The globs of the catalog apply to all of them.
"""

import glob as globbing
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import fsspec

from sources.errors import BabelmixError, UnreachableError
from sources.language import Language
from sources.object_store import glob
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
    """Raises BabelmixError where a profile is neither `sample` nor `hub` nor a folder or URL that can be read."""
    if profile in (SAMPLE, HUB):
        return
    if "://" not in profile:
        if not Path(profile).is_dir():
            raise BabelmixError(
                f"profile {profile}: no such folder; write sample, hub, or a folder or URL with a folder a source"
            )
        return
    try:
        fs, path = fsspec.core.url_to_fs(profile)
        fs.ls(path, detail=False)
    except Exception as error:
        raise _failure(f"profile {profile}", error) from error


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
        BabelmixError: the copy is not there, or its owner does not let this user in; UnreachableError where the
            next try may pass.
    """
    root = profile_root(profile, source)
    wanted = subset_glob(subset, source, language)
    if profile == HUB and source.root:
        # A web server lists no folders: its globs name one file.
        return [f"{root}/{wanted}"]
    try:
        fs, path = fsspec.core.url_to_fs(root)
        found = glob(fs, f"{globbing.escape(path)}/{wanted}")
    # Each file system's client has exceptions of its own, with no common class.
    except Exception as error:
        raise _failure(f"{root}/{wanted}", error, source) from error
    return sorted(fs.unstrip_protocol(each) if "://" in root else each for each in found)


def _failure(place: str, error: Exception, source: Source | None = None) -> BabelmixError:
    """Why the files at `place` cannot be had, and what to do."""
    reason = str(error).splitlines()[0] if str(error) else "no message"
    text = f"{type(error).__name__}: {reason}"
    causes = list(_causes(error))
    # The Hub answers 401 for what is gated, private, or not there at all.
    if any(isinstance(each, PermissionError) or _status(each) in (401, 403) for each in causes):
        if source and source.gate:
            return BabelmixError(f"{place}: access refused; {source.gate}")
        return BabelmixError(f"{place}: not there, or not open to this user ({text}); log in, or correct the name")
    if any(isinstance(each, FileNotFoundError) or _status(each) == 404 for each in causes):
        where = f"hub_id, revision and path in sources/catalog/{source.name}.yaml" if source else "the address"
        return BabelmixError(f"{place}: not found ({text}); check {where}")
    if any(isinstance(each, ImportError | ValueError) for each in causes):
        return BabelmixError(f"{place}: {text}; name a folder, or a URL of hf://, s3:// or https://")
    return UnreachableError(
        f"{place}: cannot be reached ({text}); check the network, or use --profile with a copy of the files"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _status(error: BaseException) -> int | None:
    """What a web server, or the Hub, answered."""
    answer = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    return answer if isinstance(answer, int) else None
