"""Good text of a language, as a person names it or as the sample pack has it in English: what thresholds are
computed from and quality models are trained on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import fsspec
import orjson

from sources.errors import BabelmixError
from sources.language import Language
from sources.profile import ENGLISH, SAMPLE, profile_root, subset_files
from sources.readers import read
from sources.readers.stream import open_stream
from sources.source import Compression, Source, Subset, TextColumn, source

# What is read at most: thresholds and stop words do not move any more long before.
MOST_DOCUMENTS: Final = 50_000
MOST_CHARACTERS: Final = 100_000_000
# English prose of the sample pack: crawl, encyclopaedia and papers, without what curation drops.
_ENGLISH_PROSE: Final = ("nemotron-cc-v2", "dolmino-mix-1124")
_PROSE_CATEGORIES: Final = frozenset({"nemotron-cc-high", "nemotron-cc-high-synthetic", "wiki", "academic"})
_COMPRESSIONS: Final[dict[str, Compression]] = {".gz": "gzip", ".zst": "zstd"}


def reference_texts(patterns: Sequence[str], language: Language) -> list[str]:
    """The texts of Parquet and JSON lines files (column `text`) and of plain text, in the files' order.

    In plain text (`.txt`) empty lines part the documents, as in CC-100. Documents without text are left out. No
    more than MOST_DOCUMENTS and MOST_CHARACTERS are read, so that memory stays bounded.

    Raises:
        BabelmixError: a pattern matches no file, a file is none of these, has no `text`, or is damaged.
    """
    files = dict.fromkeys(name for pattern in patterns for name in _matched(pattern))
    return _bounded(text for name in files for text in _texts(name, language))


def english_sample() -> list[str]:
    """The English prose of the sample pack: crawl, encyclopaedia and papers, 59 documents."""
    with (Path(profile_root(SAMPLE, source(_ENGLISH_PROSE[0]))).parent / "labels.jsonl").open("rb") as file:
        labels = [orjson.loads(line) for line in file]
    kept = {(row["source"], row["id"]) for row in labels if row["verdict"] == "kept"}
    return [text for text, place in _sample_english() if place in kept]


def _sample_english() -> Iterator[tuple[str, tuple[str, str]]]:
    from sources.language import language

    english = language(ENGLISH)
    for name in _ENGLISH_PROSE:
        found = source(name)
        root = profile_root(SAMPLE, found)
        for subset in found.subsets:
            if subset.category not in _PROSE_CATEGORIES:
                continue
            for url in subset_files(subset, found, english, SAMPLE):
                below = url.removeprefix(root).lstrip("/")
                for document in read(url, below, subset, found, english):
                    yield document["text"], (name, document["id"])


def _matched(pattern: str) -> list[str]:
    fs = fsspec.filesystem("file")
    found = sorted(str(name) for name in fs.glob(pattern) if Path(name).is_file())
    if not found:
        raise BabelmixError(f"{pattern}: no such file; name Parquet, JSON lines or plain text of good documents")
    return found


def _texts(name: str, language: Language) -> Iterator[str]:
    suffixes = Path(name).suffixes
    compression: Compression = _COMPRESSIONS.get(suffixes[-1], "none") if suffixes else "none"
    kind = suffixes[-2 if compression != "none" else -1] if len(suffixes) > (compression != "none") else ""
    match kind:
        case ".txt":
            yield from _plain_texts(name, compression)
        case ".parquet" | ".jsonl" | ".json":
            subset = Subset(
                name=name,
                path=name,
                format="parquet" if kind == ".parquet" else "jsonl",
                compression=compression,
                text=TextColumn(column="text"),
                category="multilingual",
                languages="labelled",
            )
            own = Source(name="reference", title=name, hub_id="", card="", licence="", subsets=(subset,))
            yield from (document["text"] for document in read(name, name, subset, own, language))
        case _:
            raise BabelmixError(f"{name}: unknown by its name; .parquet, .jsonl, .txt and these with .gz are read")


def _plain_texts(name: str, compression: Compression) -> Iterator[str]:
    with open_stream(name, compression) as stream:
        held: list[str] = []
        for number, raw in enumerate(stream, start=1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise BabelmixError(f"{name}: line {number}: not UTF-8; save the file as UTF-8") from error
            if line.strip():
                held.append(line)
            elif held:
                yield "\n".join(held)
                held = []
        if held:
            yield "\n".join(held)


def _bounded(texts: Iterator[str]) -> list[str]:
    found: list[str] = []
    characters = 0
    for text in texts:
        if not text.strip():
            continue
        found.append(text)
        characters += len(text)
        if len(found) >= MOST_DOCUMENTS or characters >= MOST_CHARACTERS:
            break
    return found
