"""Files of translation pairs with English, and which of them hold a language's."""

import glob as globbing
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import fsspec

from sources.errors import BabelmixError, UnreachableError
from sources.language import Language
from sources.object_store import glob as files_of
from sources.profile import ENGLISH, HUB, delivers, profile_root, subset_glob
from sources.source import Compression, Source, Subset, sources

PairFormat: TypeAlias = Literal["nllb-tsv", "ccmatrix-tsv", "pairs-parquet"]
# What comes first where a language is in several. NLLB's own files were mined anew for the languages that CCMatrix
# lost, and say language and address of each side.
PREFERRED: Final = ("nllb", "ccmatrix")
_FORMATS: Final[dict[str, PairFormat]] = {
    "nllb-tsv": "nllb-tsv",
    "ccmatrix-tsv": "ccmatrix-tsv",
    "pairs-parquet": "pairs-parquet",
}


@dataclass(frozen=True, slots=True)
class PairFile:
    """A file of translation pairs with English.

    `name` stands in the pairs' ids; a None is found out from the file: the format from its number of columns, the
    English side from its name (`eng_Latn-dan_Latn.gz`: English is the first) or else from its words.
    """

    url: str
    name: str
    # The catalog's name of the dataset, and the language that is not English.
    source: str
    language: str
    format: PairFormat | None = None
    compression: Compression | None = None
    english: Literal["first", "second"] | None = None
    gate: str | None = None


class NoPairsError(BabelmixError):
    """No source of translation pairs has the language, or the profile's copy of it lacks the file."""


def pair_source(language: Language) -> tuple[Source, Subset]:
    """The source of a language's pairs: NLLB's own file before CCMatrix's, before any other of the catalog.

    Raises:
        NoPairsError: no source of the catalog has pairs of the language.
    """
    having = [
        (source, subset)
        for source in sources().values()
        for subset in source.subsets
        if subset.format in _FORMATS and delivers(subset, source, language)
    ]
    if not having:
        raise NoPairsError(
            f"{language.code}: no source of the catalog has pairs of it; add its label under `datasets`"
            " in its file, or a source with {pair: both}"
        )
    places = {name: place for place, name in enumerate(PREFERRED)}
    return min(having, key=lambda each: (places.get(each[0].name, len(places)), each[0].name))


def pair_files(language: Language, profile: str = HUB) -> list[PairFile]:
    """The files of a language's pairs in a profile's copy, whichever order of the labels names them.

    Raises:
        NoPairsError: as `pair_source`, or neither order names a file; one line with what was looked for.
        UnreachableError: the place does not answer.
    """
    source, subset = pair_source(language)
    root = profile_root(profile, source)
    fs, path = fsspec.core.url_to_fs(root)
    globs = _both_orders(subset_glob(subset, source, language))
    for glob in globs:
        if names := _found(fs, path, glob):
            return [
                PairFile(
                    url=fs.unstrip_protocol(name) if "://" in root else name,
                    name=name.removeprefix(f"{path}/"),
                    source=source.name,
                    language=language.code,
                    format=_FORMATS[subset.format],
                    compression=None if subset.format == "pairs-parquet" else subset.compression,
                    gate=source.gate,
                )
                for name in names
            ]
    raise NoPairsError(
        f"{language.code}: no file of pairs in {root}: there is no {' and no '.join(globs)}; fetch one,"
        " or leave the language out"
    )


def _found(fs: Any, path: str, glob: str) -> list[str]:
    if "*" in glob:
        return sorted(files_of(fs, f"{globbing.escape(path)}/{glob}"))
    try:
        fs.info(f"{path}/{glob}")
    except FileNotFoundError as error:
        # To fsspec's HTTP whatever does not answer is not found.
        if isinstance(error.__cause__, OSError):
            raise UnreachableError(f"{path}/{glob}: no answer ({error.__cause__}); check the network") from error
        return []
    return [f"{path}/{glob}"]


def _both_orders(glob: str) -> list[str]:
    """`eng_Latn-gle_Latn.gz` and `gle_Latn-eng_Latn.gz`."""
    pair, _, rest = glob.partition(".")
    labels = pair.split("-")
    if len(labels) != 2 or not {ENGLISH, "en"} & {*labels}:
        return [glob]
    return [glob, f"{labels[1]}-{labels[0]}.{rest}"]
