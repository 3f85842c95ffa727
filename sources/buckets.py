"""The buckets that a profile can deliver: category x source x language."""

from dataclasses import dataclass
from pathlib import Path

from sources.errors import BabelmixError
from sources.language import languages
from sources.profile import HUB, check_profile, delivers, profile_root, subset_files
from sources.source import sources


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """The unit of mixing."""

    category: str
    source: str
    language: str


def buckets(profile: str) -> list[Bucket]:
    """What `profile` can deliver, in order: on the Hub all that is declared, elsewhere what has files.

    Raises:
        BabelmixError: there is no such profile, or its folder holds no file of any source of the catalog.
    """
    check_profile(profile)
    found = set()
    for name, source in sources().items():
        root = profile_root(profile, source)
        if "://" not in root and not Path(root).is_dir():
            continue
        for subset in source.subsets:
            for code, language in languages().items():
                if not delivers(subset, source, language):
                    continue
                if profile == HUB or subset_files(subset, source, language, profile):
                    found.add(Bucket(subset.category, name, code))
    if not found:
        raise BabelmixError(
            f"profile {profile}: no file of any source; lay it out as <source>/<upstream's folders>, for instance"
            " fineweb-2/data/dan_Latn/train/000_00000.parquet"
        )
    return sorted(found)
