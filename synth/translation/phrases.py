"""Words of a model about itself or its task, where only a text was asked for."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pyarrow as pa
import regex
from pydantic import BaseModel, ConfigDict

from filters.bitext.identification import agreement
from filters.word_tokenizer import IcuWordTokenizer
from sources.language import Language, language
from sources.loading import load_yaml

FILE: Final = Path(__file__).parent / "phrases.yaml"
# Characters from either end in which phrases are looked for; further in they may be the text's own.
_HEAD: Final = 200
_TAIL: Final = 240
# Characters that announce a text at most.
_ANNOUNCED: Final = 80
# How sure lid.176 must be that a first or last sentence is English, and how many letters it takes to ask.
_SURE: Final = 0.5
_FEWEST: Final = 14
# Sentences from either end in which a word for the task or English is looked for.
_NEAR: Final = 2
_ENGLISH: Final = "eng_Latn"
_APOSTROPHES: Final = str.maketrans("’‘ʼ`´", "'''''")
_CASED: Final = r"[\p{Latin}\p{Cyrillic}\p{Greek}]"
_WORD: Final = regex.compile(r"[\p{L}\p{M}]+")

Kind: TypeAlias = Literal["meta", "refusal"]


class _Phrases(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    meta: tuple[str, ...]
    refusals: tuple[str, ...]
    words: tuple[str, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: dict[str, _Phrases]


@dataclass(frozen=True, slots=True)
class _Patterns:
    meta: "regex.Pattern[str]"
    refusals: "regex.Pattern[str]"
    words: "regex.Pattern[str]"


def phrase_found(
    text: str, own: Language, source: str = "", source_language: Language | None = None
) -> tuple[Kind, str] | None:
    """What of a text is the model's own word, by its kind; None where nothing is.

    - a phrase of `phrases.yaml`, of the language or English, within the first or last few lines; a refusal only
      within the first, for stories have people who are sorry;
    - a word for the task in the first or last two sentences, where the source has none;
    - one of these sentences in English in a text of another language, whose words the source has not;
    - the language's own name before the first colon, where the source does not speak of it.

    A phrase that stands in `source` as well is the text's own.
    """
    folded, known = _folded(text), _folded(source)
    head, tail = folded[:_HEAD], folded[-_TAIL:]
    ends = tuple(dict.fromkeys(_folded(each) for each in _end_sentences(text, own)))
    told = _patterns().get((source_language or own).code)
    of_the_task = told is not None and told.words.search(known) is not None
    for code in dict.fromkeys((own.code, _ENGLISH)):
        patterns = _patterns().get(code)
        if patterns is None:
            continue
        places: list[tuple[Kind, regex.Pattern[str], str]] = [
            ("refusal", patterns.refusals, head),
            ("meta", patterns.meta, head),
            ("meta", patterns.meta, tail),
        ]
        if not of_the_task:
            places += [("meta", patterns.words, each) for each in ends]
        for kind, pattern, place in places:
            for found in pattern.finditer(place):
                if found.group() not in known:
                    return kind, found.group()
    if own.code != _ENGLISH and (foreign := _english_sentence(ends, known)):
        return "meta", foreign
    announced = _announced(text, own, known)
    return ("meta", announced) if announced else None


def _end_sentences(text: str, own: Language) -> list[str]:
    """The first two sentences of the first line and the last two of the last, and what stands before a colon."""
    lines = [line for line in (each.strip() for each in text.split("\n")) if line]
    if not lines:
        return []
    tokenizer = IcuWordTokenizer(own.segmentation)
    first, last = tokenizer.sent_tokenize(lines[0][:_HEAD]), tokenizer.sent_tokenize(lines[-1][-_TAIL:])
    announced, colon, _ = lines[0][:_HEAD].replace("：", ":").partition(":")
    return [*([announced] if colon else []), *first[:_NEAR], *last[-_NEAR:]]


def _english_sentence(sentences: tuple[str, ...], source: str) -> str | None:
    known = set(_WORD.findall(source))
    for sentence in sentences:
        words = _WORD.findall(sentence)
        if sum(map(len, words)) < _FEWEST or 2 * sum(word in known for word in words) >= len(words):
            continue
        label = language(_ENGLISH).identifiers.fasttext176
        sure = agreement(pa.array([sentence]), (label.label if label else "en",), "fasttext176", _HEAD)
        if sure[0] > _SURE:
            return sentence
    return None


def _announced(text: str, own: Language, source: str) -> str | None:
    """What stands before the first colon if it names the language that the text is in: `Der Text auf Deutsch`."""
    before, colon, _ = text.strip()[:_ANNOUNCED].replace("：", ":").partition(":")
    folded = _folded(before)
    # The stem of the language's own name, for its ending changes.
    name = _folded(own.native_name.split()[0])
    stem = name[: max(2, round(0.7 * len(name)))]
    # A text that begins with a colon of its own speaks of the country, as likely as not.
    theirs = ":" in source[:_ANNOUNCED] or _folded(own.name) in source or stem in source
    return folded if colon and stem in folded and "\n\n" not in before and not theirs else None


@cache
def _patterns() -> dict[str, _Patterns]:
    return {
        code: _Patterns(_pattern(each.meta), _pattern(each.refusals), _pattern(each.words))
        for code, each in load_yaml(FILE, _File).languages.items()
    }


def _pattern(phrases: tuple[str, ...]) -> "regex.Pattern[str]":
    return regex.compile("|".join(map(_one, phrases)))


def _one(phrase: str) -> str:
    """A phrase as a pattern: it begins with a word, and ends with one where words are spaced; … is some words."""
    bare = _folded(phrase.removesuffix("*"))
    spaced = regex.search(f"{_CASED}$", bare) and not phrase.endswith("*")
    begins = r"(?<!\w)" if regex.match(_CASED, bare) else ""
    escaped = r" (?:\S+ ){0,3}?".join(regex.escape(part) for part in bare.split(" … "))
    return begins + escaped + (r"(?!\w)" if spaced else "")


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_APOSTROPHES).casefold().split())
