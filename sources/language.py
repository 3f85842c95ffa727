"""The registered languages: one YAML file each, in `sources/languages/` and in folders of one's own.

A language is a FineWeb-2 code, ISO 639-3 and ISO 15924: `ell_Grek`. Its file holds what every step must know
of it: its names elsewhere, what separates its words, and the thresholds that its text is held against.
"""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sources.errors import BabelmixError
from sources.loading import load_yaml, nearest

FOLDER = Path(__file__).parent / "languages"
# More folders with language files, separated as in PATH.
FOLDERS_VARIABLE = "BABELMIX_LANGUAGES"

Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}_[A-Z][a-z]{3}$")]
# The length of an n-gram in words, and a fraction of the text's characters; above 1 it never strikes, as
# FineWeb-2 has it for Igbo.
NGram: TypeAlias = tuple[Annotated[int, Field(ge=1)], Annotated[float, Field(ge=0)]]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Introduced(_Declared):
    """The model and stage of the curriculum that first hold the language."""

    model: str
    stage: Annotated[int, Field(ge=1)]


class Identified(_Declared):
    """How a language identifier calls a language, and from which probability on it is believed."""

    label: str
    threshold: Fraction


class Identifiers(_Declared):
    """The language in each identifier; null where one does not know it."""

    # fastText's lid.176.ftz, which is bundled.
    fasttext176: Identified | None
    # GlotLID v3, which FineWeb-2 used; thresholds are FineWeb-2's.
    glotlid: Identified | None


class Segmentation(_Declared):
    """What parts the words: spaces, or nothing to be seen. ICU splits either, with the locale's rules.

    Between two parts of a word a hyphen is a word of its own (`apart`), or belongs to the part before it or to one
    word with both; an apostrophe may begin the part after it (English don|'t) or end the one before (French
    l'|eau). Other marks are words of their own at either end of what stands between blanks, and within it where
    `marks` says so; else an address of the web is one word but for its slashes and colons before letters. What is
    said here is what the word tokenizer does that FineWeb-2's thresholds were computed with.
    """

    rule: Literal["spaces", "dictionary"]
    locale: str
    hyphen: Literal["apart", "before", "within"] = "apart"
    apostrophe: Literal["before", "within", "after"] = "within"
    marks: Literal["apart", "within"] = "within"


class Thresholds(_Declared):
    """FineWeb-2's thresholds of a language, under the names of its configuration files.

    Source: huggingface/fineweb-2, configs/<code>.yml (Penedo et al. 2025); English: FineWeb's and Gopher's.
    """

    dup_line_frac: Annotated[float, Field(ge=0)]
    top_n_grams: tuple[NGram, ...]
    dup_n_grams: tuple[NGram, ...]
    line_punct_thr: Annotated[float, Field(ge=-1, le=1)]  # -1: the check is off
    new_line_ratio: Annotated[float, Field(ge=0)]
    min_avg_word_length: Annotated[float, Field(ge=0)]
    max_avg_word_length: Annotated[float, Field(gt=0)]
    max_non_alpha_words_ratio: Fraction
    # Gopher's quality filter asks for two of them; an empty list switches that check off.
    stopwords: tuple[str, ...]


class Calibrated(_Declared):
    """Thresholds of a language for our words; null where FineWeb-2's holds."""

    new_line_ratio: Annotated[float, Field(ge=0)] | None = None
    min_avg_word_length: Annotated[float, Field(ge=0)] | None = None
    max_avg_word_length: Annotated[float, Field(gt=0)] | None = None
    max_non_alpha_words_ratio: Fraction | None = None


class Language(_Declared):
    """A language as its file declares it."""

    code: Code
    name: str
    native_name: str
    iso639_1: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None
    iso639_3: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")]
    script: Annotated[str, StringConstraints(pattern=r"^[A-Z][a-z]{3}$")]
    family: str
    # null: a language that the curriculum does not have.
    introduced: Introduced | None
    identifiers: Identifiers
    # The language's label in each dataset of the catalog that parts its files by language.
    datasets: dict[str, str]
    segmentation: Segmentation
    thresholds: Thresholds
    # Thresholds that stand in the place of FineWeb-2's because our words are not those that these were computed
    # with (`benchmarks/word_tokenizers.py` says how they were derived).
    calibrated: Calibrated | None = None

    @property
    def limits(self) -> Thresholds:
        """The thresholds that documents are held against: FineWeb-2's, or what stands in their place."""
        if self.calibrated is None:
            return self.thresholds
        return self.thresholds.model_copy(update=self.calibrated.model_dump(exclude_none=True))


@cache
def languages() -> dict[str, Language]:
    """Every registered language by code, in the order of the codes.

    Raises:
        BabelmixError: a language's file is wrong, is not named after its code, or stands in two folders.
    """
    found: dict[str, Language] = {}
    places: dict[str, Path] = {}
    for folder in language_folders():
        for path in folder.glob("*.yaml"):
            language = load_yaml(path, Language)
            if language.code != path.stem:
                raise BabelmixError(f"{path}: code: {language.code!r} is not the file's name; write {path.stem}")
            if language.code in found:
                raise BabelmixError(f"{path}: {places[language.code]} has this language too; delete one of them")
            found[language.code], places[language.code] = language, path
    return dict(sorted(found.items()))


def language_folders() -> list[Path]:
    """The bundled folder and those that the environment variable BABELMIX_LANGUAGES names.

    Raises:
        BabelmixError: one of them is no folder.
    """
    named = [Path(each) for each in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if each]
    for folder in named:
        if not folder.is_dir():
            raise BabelmixError(f"{FOLDERS_VARIABLE}: {folder}: no such folder; name folders with language files")
    return [FOLDER, *named]


def language(code: str) -> Language:
    """The language of `code`.

    Raises:
        BabelmixError: it is not registered; the line names the nearest code and how to add it.
    """
    try:
        return languages()[code]
    except KeyError:
        # A code without its script, or of two letters, is what most people write first.
        short = [each for each, of in languages().items() if code.lower() in (each.partition("_")[0], of.iso639_1)]
        guess = f"; did you mean {short[0]!r}?" if short else nearest(code, languages())
        raise BabelmixError(f"no language {code!r}{guess}; add it with `babelmix languages add {code}`") from None
