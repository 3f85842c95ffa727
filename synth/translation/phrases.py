"""Words of a model about itself or its task, where only a text was asked for."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

import regex
from pydantic import BaseModel, ConfigDict

from sources.language import Language
from sources.loading import load_yaml

FILE: Final = Path(__file__).parent / "phrases.yaml"
# Characters from either end in which phrases are looked for; further in they may be the text's own.
_HEAD: Final = 200
_TAIL: Final = 240
_ENGLISH: Final = "eng_Latn"
_APOSTROPHES: Final = str.maketrans("’‘ʼ`´", "'''''")

Kind: TypeAlias = Literal["meta", "refusal"]


class _Phrases(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    meta: tuple[str, ...]
    refusals: tuple[str, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: dict[str, _Phrases]


def phrase_found(text: str, language: Language, source: str = "") -> tuple[Kind, str] | None:
    """The first phrase of `phrases.yaml` that a text begins or ends with, by its kind; None where there is none.

    Phrases are the language's and English ones. One that stands in `source` as well is the text's own. A refusal
    is looked for only where the text begins: stories have people who are sorry.
    """
    folded, known = _folded(text), _folded(source)
    head, tail = folded[:_HEAD], folded[-_TAIL:]
    for code in dict.fromkeys((language.code, _ENGLISH)):
        patterns = _patterns().get(code)
        if patterns is None:
            continue
        places: tuple[tuple[Kind, str], ...] = (("refusal", head), ("meta", head), ("meta", tail))
        for kind, place in places:
            for found in patterns[kind].finditer(place):
                if found.group() not in known:
                    return kind, found.group()
    return None


@cache
def _patterns() -> dict[str, dict[Kind, "regex.Pattern[str]"]]:
    return {
        code: {"meta": _pattern(each.meta), "refusal": _pattern(each.refusals)}
        for code, each in load_yaml(FILE, _File).languages.items()
    }


def _pattern(phrases: tuple[str, ...]) -> "regex.Pattern[str]":
    return regex.compile("|".join(map(_one, phrases)))


def _one(phrase: str) -> str:
    """A phrase as a pattern: it begins with a word, and ends with one where words are spaced."""
    bare = _folded(phrase.removesuffix("*"))
    spaced = regex.search(r"[\p{Latin}\p{Cyrillic}\p{Greek}]$", bare) and not phrase.endswith("*")
    begins = r"(?<!\w)" if regex.match(r"[\p{Latin}\p{Cyrillic}\p{Greek}]", bare) else ""
    escaped: str = regex.escape(bare)
    return begins + escaped + (r"(?!\w)" if spaced else "")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_APOSTROPHES).casefold().split())
