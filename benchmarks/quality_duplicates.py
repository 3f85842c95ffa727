"""Precision and recall of near-duplicates on real documents with planted edits, and what becomes of templates.

    python -m benchmarks.quality_duplicates [--data ../shared/data/documents] [--languages eng_Latn,…]

`<code>.jsonl.gz` in the folder holds documents of a language with `text`. Of each one copies are made in which a
share of the words is another one of the same language: scattered, or in one place, as where a paragraph was
rewritten. For each kind: the similarity of original and copy (Jaccard, of distinct word 5-grams), the share of
pairs that have the overlap, the share of copies that are in one cluster with their original (what MinHash without
verification would drop), and the share that is dropped. Scattered edits of a share p leave about s = (1 - p)^5 of
the 5-grams, a similarity of s / (2 - s): 0.91, 0.63 and 0.20 for 1, 5 and 20%. What is under the overlap is meant
to stay.

Templates are pairs of different documents into each of which the same part was put: half of its words, or three
quarters. Precision is the share of all drops whose kept document is of the same original.
"""

import argparse
import gzip
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from icu4py.breakers import WordBreaker

from filters.clusters import clusters
from filters.duplicates import duplicates
from filters.statistics import Ragged, measure
from sources.language import Language, language

SHARES: Final = (0.01, 0.05, 0.2)
TEMPLATES: Final = (0.5, 0.75)
OVERLAP: Final = 0.8
# Documents with fewer words have no 1% to change.
FEWEST_WORDS: Final = 100
# Scripts and families that are segmented differently, and the largest languages.
LANGUAGES: Final = (
    "eng_Latn,deu_Latn,fra_Latn,ell_Grek,rus_Cyrl,arb_Arab,hin_Deva,tur_Latn,cmn_Hani,jpn_Jpan,tha_Thai"
)


@dataclass
class Kind:
    """What became of the copies of one kind."""

    similarity: list[float] = field(default_factory=list)
    candidates: int = 0
    dropped: int = 0


def main() -> None:
    """Plants, finds and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/documents"))
    parser.add_argument("--languages", default=LANGUAGES)
    parser.add_argument("--documents", type=int, default=80, help="originals a language")
    options = parser.parse_args()
    kinds: defaultdict[str, Kind] = defaultdict(Kind)
    by_language: dict[str, dict[str, Kind]] = {}
    drops = right = originals = 0
    for code in options.languages.split(","):
        path = options.data / f"{code}.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        found, of_language, right_ones, used = plant_and_find(texts[: options.documents], language(code))
        by_language[code] = found
        drops, right, originals = drops + of_language, right + right_ones, originals + used
        for name, kind in found.items():
            kinds[name].similarity += kind.similarity
            kinds[name].candidates += kind.candidates
            kinds[name].dropped += kind.dropped
    print(f"{originals} originals in {len(by_language)} languages, overlap {OVERLAP}")
    print(f"{'planted':28} {'copies':>7} {'similarity':>11} {'similar':>8} {'candidates':>11} {'dropped':>8}")
    for name, kind in kinds.items():
        count = len(kind.similarity)
        above = sum(each >= OVERLAP for each in kind.similarity) / count
        print(
            f"{name:28} {count:7} {np.mean(kind.similarity):11.2f} {above:8.1%} {kind.candidates / count:11.1%}"
            f" {kind.dropped / count:8.1%}"
        )
    print(f"precision: {right} of {drops} drops go to their own original ({right / max(drops, 1):.2%})")
    print("dropped by language, in percent, in the order above:")
    for code, found in by_language.items():
        shares = (100 * kind.dropped / len(kind.similarity) for kind in found.values())
        print(f"{code:10}" + "".join(f"{share:7.1f}" for share in shares))


def plant_and_find(texts: list[str], of: Language) -> tuple[dict[str, Kind], int, int, int]:
    """Kinds by name, drops in all, drops that go to the same original, and the number of originals."""
    random = np.random.default_rng(7)
    words = [_pieces(text, of) for text in texts]
    words = [each for each in words if sum(map(_is_word, each)) >= FEWEST_WORDS]
    pool = sorted({word for each in words for word in each if _is_word(word)})
    documents, origin, kind_of = [], [], []

    def add(pieces: list[str], original: int, kind: str) -> None:
        documents.append("".join(pieces))
        origin.append(original)
        kind_of.append(kind)

    for number, pieces in enumerate(words):
        add(pieces, number, "original")
    for number, pieces in enumerate(words):
        for share in SHARES:
            add(_edited(pieces, share, pool, random, False), number, f"{share:.0%} of words, scattered")
            add(_edited(pieces, share, pool, random, True), number, f"{share:.0%} of words, one place")
        add([piece.upper() for piece in pieces], number, "upper case")
    for number, pieces in enumerate(words):
        # The halves of a pair have origins of their own: neither may be dropped for the other.
        other = words[(number + 1) % len(words)]
        for place, share in enumerate(TEMPLATES):
            common = words[(number + 2) % len(words)]
            size = int(share / (1 - share) * min(len(pieces), len(other), len(common) * (1 - share) / share))
            body = int(size * (1 - share) / share)
            for half, own in enumerate((pieces, other)):
                name = f"template, {share:.0%} in common"
                add(common[:size] + own[-body:], -1 - 2 * (len(TEMPLATES) * number + place) - half, name)
    found = measure(pa.array(documents, pa.string()), of)
    return _counted(found.bands, found.exact, found.shingles, origin, kind_of, len(words))


def _counted(
    bands: npt.NDArray[np.uint64],
    exact: npt.NDArray[np.uint64],
    shingles: Ragged,
    origin: list[int],
    kind_of: list[str],
    originals: int,
) -> tuple[dict[str, Kind], int, int, int]:
    """Each kind is looked for among the originals alone, so that copies do not stand in for one another."""
    kinds: dict[str, Kind] = {}
    drops = right = 0
    for name in dict.fromkeys(kind_of[originals:]):
        planted = [row for row, kind in enumerate(kind_of) if kind == name]
        pairs = name.startswith("template")
        # Halves of templates are held against each other, and not against the texts they were made of.
        rows = np.array(planted if pairs else [*range(originals), *planted])
        sets = [np.unique(shingles[row]) for row in rows]
        labels = clusters(bands[rows], exact[rows], np.ones(len(rows), dtype=np.bool_))

        def shingles_of(wanted: npt.NDArray[np.int64], sets: list[npt.NDArray[np.uint64]] = sets) -> Ragged:
            parts = [sets[each] for each in wanted]
            return Ragged(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))

        score = np.arange(len(rows), 0, -1).astype(np.float64)
        found = duplicates(labels, score, exact[rows], np.ones(len(rows), np.bool_), shingles_of, OVERLAP)
        kind = kinds.setdefault(name, Kind())
        first = 1 if pairs else originals
        for row in range(first, len(rows), 2 if pairs else 1):
            other = row - 1 if pairs else origin[rows[row]]
            common = len(np.intersect1d(sets[row], sets[other], assume_unique=True))
            kind.similarity.append(common / (len(sets[row]) + len(sets[other]) - common))
            kind.candidates += bool(labels[row] == labels[other])
            kind.dropped += bool(found.kept[row] >= 0)
        copies = np.flatnonzero(found.kept >= 0)
        drops += len(copies)
        right += sum(origin[rows[row]] == origin[rows[found.kept[row]]] for row in copies)
    return kinds, drops, right, originals


def _pieces(text: str, of: Language) -> list[str]:
    return list(WordBreaker(text, of.segmentation.locale))


def _is_word(piece: str) -> bool:
    return piece[:1].isalpha()


def _edited(
    pieces: list[str], share: float, pool: list[str], random: np.random.Generator, together: bool
) -> list[str]:
    """The text with a share of its words, one at least, exchanged for others."""
    places = np.array([place for place, piece in enumerate(pieces) if _is_word(piece)])
    count = max(1, round(share * len(places)))
    start = int(random.integers(0, len(places) - count + 1))
    chosen = places[start : start + count] if together else random.choice(places, count, replace=False)
    edited = list(pieces)
    for place in chosen:
        edited[place] = pool[int(random.integers(len(pool)))]
    return edited


if __name__ == "__main__":
    main()
