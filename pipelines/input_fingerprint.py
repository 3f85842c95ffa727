"""What stands for the files that a step reads of a profile: all that a plan needs of them."""

import hashlib
import json

import fsspec

from sources.language import Language
from sources.pair_files import pair_files, pair_source
from sources.profile import HUB, delivers, profile_root, subset_files, subset_glob
from sources.source import Source, Subset


def input_fingerprint(source: Source, language: Language, profile: str) -> str:
    """A hash of what `collect` would read: the declaration, and the files' contents where they are local.

    On the Hub the pinned revision stands for the contents; elsewhere in the net, names and sizes do.
    """
    found = hashlib.sha256()
    root = profile_root(profile, source)
    for subset in subsets_of(source, language):
        found.update(subset.model_dump_json(exclude={"upstream"}).encode())
        found.update(subset_glob(subset, source, language).encode())
        if profile == HUB:
            found.update(root.encode())
            continue
        for url in subset_files(subset, source, language, profile):
            found.update(name_below(root, url).encode())
            found.update(content_identity(url))
    return found.hexdigest()


def pair_fingerprint(language: Language, profile: str) -> str:
    """A hash of what `mine` would read in a profile: as `input_fingerprint`.

    Raises:
        NoPairsError: the profile has no pairs of the language.
    """
    source, _ = pair_source(language)
    if profile == HUB:
        return input_fingerprint(source, language, profile)
    found = hashlib.sha256(source.name.encode())
    for file in pair_files(language, profile):
        found.update(f"{file.name} {file.format} {file.compression}\n".encode())
        found.update(content_identity(file.url))
    return found.hexdigest()


def content_identity(url: str) -> bytes:
    """What stands for a file's contents: their SHA-256 where it is local, else its size and version."""
    fs, path = fsspec.core.url_to_fs(url)
    if fs.protocol not in ("file", ("file", "local")):
        info = fs.info(path)
        return json.dumps([info.get("size"), str(info.get("ETag") or info.get("mtime"))]).encode()
    with fs.open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def subsets_of(source: Source, language: Language) -> list[Subset]:
    """The subsets that have a language by the catalog, in its order."""
    return [subset for subset in source.subsets if delivers(subset, source, language)]


def name_below(root: str, url: str) -> str:
    """A file's path below `root`, however either is written: ids do not depend on where a copy lies."""
    fs, base = fsspec.core.url_to_fs(root)
    return str(fs._strip_protocol(url)).removeprefix(base).lstrip("/")
