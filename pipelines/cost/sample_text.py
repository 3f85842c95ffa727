"""Text of a language's own to measure with: documents and pairs put together from the sample pack's sentences.

The pack has some ten thousand bytes of a language, a step's time on which is all start. Sentences are drawn anew
for every document, so that documents are as long as the language's on the web, and no two of them are near-copies.
"""

import gzip
import random
import re
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from mixtures.upstream import ENGLISH, FINEWEB2, fineweb2_sizes
from sources.language import Language, languages
from sources.pair_files import pair_files
from sources.profile import SAMPLE, profile_root
from sources.source import source

# Bytes of text of the documents, and number of pairs.
TEXT: Final = 1_000_000
PAIRS: Final = 3_000
_SENTENCE: Final = re.compile(r"(?<=[.!?؟۔।።])\s+|(?<=[。！？])|\n+")
_LONGEST: Final = 8_000
_ENGLISH_WEB: Final = "nemotron-cc-v2"
# Of the distinct text: of less, two documents would have too much in common.
_MOST_SHARE: Final = 0.3
_PARAGRAPH: Final = 4


def packed_languages() -> dict[str, Language]:
    """The registered languages that the sample pack has web text of, by code."""
    return {code: each for code, each in languages().items() if _pack_file(code).is_file()}


def packed_texts(code: str) -> list[str]:
    """The texts of a language's web documents in the sample pack, those that curation drops among them."""
    files = [_pack_file(code)]
    if code == ENGLISH:
        files = sorted(Path(profile_root(SAMPLE, source(_ENGLISH_WEB))).rglob("*.parquet"))
    return [text for file in files for text in pq.read_table(file, columns=["text"])["text"].to_pylist()]


def write_mirror(folder: Path, spoken: Language, texts: Sequence[str], seed: int, pairs: bool) -> None:
    """Writes a profile of web documents of the language, made of `texts`, and of translation pairs if wanted."""
    place = folder / FINEWEB2 / "data" / spoken.code / "train" / "000_00000.parquet"
    place.parent.mkdir(parents=True)
    documents = _documents(spoken, texts, random.Random(seed))
    count = len(documents)
    table = {
        "text": documents,
        "id": [f"<urn:{seed}:{number:08d}>" for number in range(count)],
        "url": [f"https://{number % 97}.example.org/{seed}/{number}" for number in range(count)],
        "dump": ["CC-MAIN-2024-10"] * count,
        "date": ["2024-02-20T00:00:00Z"] * count,
        "language_score": [0.99] * count,
        "minhash_cluster_size": [1] * count,
    }
    pq.write_table(pa.table(table), place, compression="zstd")
    if pairs:
        _write_pairs(folder, spoken)


def _documents(spoken: Language, texts: Sequence[str], draw: random.Random) -> list[str]:
    sentences = sorted({each.strip() for text in texts for each in _SENTENCE.split(text) if each.strip()})
    distinct = sum(len(each.encode()) for each in sentences)
    sizes = fineweb2_sizes().get(spoken.code)
    mean = sizes.utf8_bytes / sizes.documents if sizes else _LONGEST / 2
    wanted = min(mean, _LONGEST, _MOST_SHARE * distinct)
    between = "" if spoken.segmentation.rule == "dictionary" and spoken.script in ("Hani", "Jpan") else " "
    found, size = [], 0
    while size < TEXT:
        lines, length = [], 0
        order = iter(draw.sample(sentences, len(sentences)))
        while length < wanted:
            paragraph = between.join(each for each, _ in zip(order, range(_PARAGRAPH), strict=False))
            lines.append(paragraph)
            length += len(paragraph.encode())
        found.append("\n".join(lines))
        size += length
    return found


def _write_pairs(folder: Path, spoken: Language) -> None:
    (file,) = pair_files(spoken, SAMPLE)
    with gzip.open(file.url, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    whole = [row for row in rows if len(row) == 9]
    place = folder / file.source / file.name
    place.parent.mkdir(parents=True)
    with gzip.open(place, "wt", encoding="utf-8") as lines:
        for number, three in zip(range(PAIRS), permutations(whole, 3), strict=False):
            sides = (" ".join(row[side] for row in three) for side in (0, 1))
            lines.write("\t".join([*sides, f"{1.2 - number / 30_000:.6f}", *whole[0][3:]]) + "\n")


def _pack_file(code: str) -> Path:
    return Path(profile_root(SAMPLE, source(FINEWEB2))) / "data" / code / "train" / "000_00000.parquet"
