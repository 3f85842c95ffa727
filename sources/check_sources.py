"""Looks over the catalog: what the files' form alone cannot show, and what a profile's files really hold."""

import re
from pathlib import Path
from typing import Final, get_args

from sources.errors import BabelmixError
from sources.language import languages
from sources.profile import HUB, SAMPLE, check_profile, delivers, profile_root, subset_files
from sources.readers import read
from sources.source import Category, Source, Subset, sources

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def check_sources(profile: str | None = None) -> list[str]:
    """What is wrong with the catalog and with the files that `profile` has of it, one line each.

    Of each file the first document is read, which shows a wrong column, type or compression. None checks the
    catalog alone, and so does the Hub: a look at every dataset there takes hours and passes through gates.

    Raises:
        BabelmixError: a file of the catalog cannot be read as a source, or there is no such profile.
    """
    problems = _catalog()
    if profile is None or profile == HUB:
        return problems
    check_profile(profile)
    for source in sources().values():
        problems += _files(source, profile)
    return problems


def _catalog() -> list[str]:
    problems = []
    open_categories = set()
    for name, source in sources().items():
        if source.revision is not None and not _COMMIT.fullmatch(source.revision):
            problems.append(
                f"{name}: revision: {source.revision} is no whole commit hash of 40 digits; write it out, or null"
            )
        for subset in source.subsets:
            if not source.gated:
                open_categories.add(subset.category)
            problems += [f"{name}: {subset.name}: {problem}" for problem in _subset(subset, source)]
    for category in get_args(Category):
        if category not in open_categories:
            problems.append(f"{category}: every source of this category is gated or missing; add an open one")
    return problems


def _subset(subset: Subset, source: Source) -> list[str]:
    if subset.languages != "labelled":
        return [
            f"languages: {code} is not registered; add it or correct the code"
            for code in subset.languages
            if code not in languages()
        ]
    problems = []
    if not any(delivers(subset, source, language) for language in languages().values()):
        problems.append("no language's file names a label in this dataset; add them under `datasets` there")
    if "{language}" not in subset.path and "{pair}" not in subset.path:
        problems.append(f"path: {subset.path} is the same for all languages; add {{language}} or {{pair}}")
    return problems


def _files(source: Source, profile: str) -> list[str]:
    problems = []
    root = profile_root(profile, source)
    matched = set()
    for subset in source.subsets:
        for language in languages().values():
            if not delivers(subset, source, language):
                continue
            try:
                for url in subset_files(subset, source, language, profile):
                    matched.add(url)
                    next(read(url, url.removeprefix(root), subset, source, language), None)
            except (BabelmixError, OSError) as error:
                problems.append(str(error).splitlines()[0])
    if "://" in root or not Path(root).is_dir():
        return problems
    here = sorted(str(path) for path in Path(root).rglob("*") if path.is_file())
    unread = [path for path in here if str(Path(path).absolute()) not in matched]
    # A mirror may hold more of a dataset than is read; the pack is there to be read.
    if unread and (profile == SAMPLE or len(unread) == len(here)):
        globs = ", ".join(subset.path for subset in source.subsets)
        problems.append(f"{unread[0]}: no subset of {source.name} reads it; they read {globs}")
    return problems
