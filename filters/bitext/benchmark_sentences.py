"""Sentences of translation benchmarks (FLORES-200, NTREX-128, WMT24++), which no pair may hold.

A list is a text file with a sentence a line, JSON lines with one or several of the keys below, either of them
gzipped or not, or a folder of such files.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from filters.bitext import compiled
from filters.bitext.benchmark_lists import files
from filters.bitext.english import hashes
from filters.bitext.letters import letters, letters_of
from filters.bitext.settings import Contamination
from filters.scripts import script_share
from sources.errors import BabelmixError
from sources.language import Language
from sources.language import language as registered

KEYS: Final = ("text", "sentence", "english", "source", "target", "reference", "original_target", "question")
# A sentence of fewer letters is said without having read a benchmark.
_FEWEST_CHARACTERS: Final = 20


@dataclass(frozen=True, slots=True)
class Known:
    """Hash tables of the benchmarks' sentences as either side has them: whole sentences and n-grams."""

    whole: npt.NDArray[np.uint64]
    english_grams: npt.NDArray[np.uint64]
    target_grams: npt.NDArray[np.uint64]
    # Units of an n-gram.
    english_gram: int
    target_gram: int


def known(settings: Contamination, language: Language) -> Known | None:
    """The benchmarks' sentences for pairs of a language; None where no list is given.

    Only sentences in Latin letters are looked for on the English side, and only those in the language's script on
    the other.

    Raises:
        BabelmixError: as `files`; a line is no JSON object with a sentence, or not UTF-8.
    """
    return _known(settings.model_dump_json(), language.code) if settings.lists else None


@cache
def _known(as_json: str, code: str) -> Known:
    settings, language = Contamination.model_validate_json(as_json), registered(code)
    script = language.script
    sentences = [
        sentence
        for path in files(settings.lists)
        for sentence in _sentences(path)
        if len(sentence) >= _FEWEST_CHARACTERS
    ]
    english = tuple(each for each in sentences if script_share(each, "Latn") > 0.5)
    target = english if script == "Latn" else tuple(each for each in sentences if script_share(each, script) > 0.5)
    spaced = language.segmentation.rule == "spaces"
    gram = settings.words if spaced else settings.characters.get(script, max(settings.characters.values()))
    first = hashes(english, letters("Latn"), settings.words)
    second = hashes(target, letters_of(language), gram)
    return Known(
        compiled.hash_table(np.concatenate([first.whole, second.whole])),
        compiled.hash_table(first.grams),
        compiled.hash_table(second.grams),
        settings.words,
        gram,
    )


def _sentences(path: Path) -> Iterator[str]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                text = line.decode("utf-8").strip()
            except UnicodeDecodeError as error:
                raise BabelmixError(f"{path}: line {number}: not UTF-8; save the file as UTF-8") from error
            if not text:
                continue
            if ".jsonl" not in path.name:
                yield text
                continue
            try:
                row = orjson.loads(text)
            except ValueError as error:
                raise BabelmixError(f"{path}: line {number}: not JSON; write one object a line") from error
            values = [row[key] for key in KEYS if isinstance(row.get(key), str)] if isinstance(row, dict) else []
            if not values:
                raise BabelmixError(f"{path}: line {number}: no sentence; write it under one of {', '.join(KEYS)}")
            yield from values
