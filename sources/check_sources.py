"""Looks over the catalog: what the files' form alone cannot show, and what a profile's files really hold."""

from typing import get_args

from sources.errors import BabelmixError
from sources.language import languages
from sources.profile import HUB, check_profile, delivers, profile_root, subset_files
from sources.readers import read
from sources.source import Category, Source, Subset, sources


def check_sources(profile: str) -> list[str]:
    """What is wrong with the catalog and with the files that `profile` has of it, one line each.

    Of each file the first document is read, which shows a wrong column, type or compression. On the Hub only
    the catalog is checked: a look at every dataset there takes hours and passes through gates.

    Raises:
        BabelmixError: a file of the catalog cannot be read as a source, or there is no such profile.
    """
    check_profile(profile)
    problems = _catalog()
    if profile != HUB:
        for source in sources().values():
            for subset in source.subsets:
                problems += _files(source, subset, profile)
    return problems


def _catalog() -> list[str]:
    problems = []
    known = languages()
    open_categories = set()
    for name, source in sources().items():
        if source.gated and not source.gate:
            problems.append(f"{name}: gated, but `gate` does not say how to be let in")
        for subset in source.subsets:
            if not source.gated:
                open_categories.add(subset.category)
            labelled = subset.languages == "labelled"
            if not labelled:
                problems += [
                    f"{name}: {subset.name}: language {code} is not registered; add it or correct the code"
                    for code in subset.languages
                    if code not in known
                ]
            elif not any(delivers(subset, source, language) for language in known.values()):
                problems.append(f"{name}: {subset.name}: no language names a label in this dataset")
            if labelled and "{language}" not in subset.path and "{pair}" not in subset.path:
                problems.append(
                    f"{name}: {subset.name}: path: needs {{language}} or {{pair}} where languages part"
                )
    for category in get_args(Category):
        if category not in open_categories:
            problems.append(f"{category}: every source of this category is gated or missing; add an open one")
    return problems


def _files(source: Source, subset: Subset, profile: str) -> list[str]:
    problems = []
    root = profile_root(profile, source)
    for language in languages().values():
        if not delivers(subset, source, language):
            continue
        for url in subset_files(subset, source, language, profile):
            try:
                next(read(url, url.removeprefix(root), subset, source, language), None)
            except BabelmixError as error:
                problems.append(str(error))
    return problems
