"""Collects a source's documents of one language into the one schema."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow.parquet as pq

from pipelines.document_files import DocumentWriter
from pipelines.input_fingerprint import name_below, subsets_of
from pipelines.own_files import matched_files
from sources.errors import BabelmixError
from sources.language import Language
from sources.profile import profile_root, subset_files, subset_glob
from sources.readers import Document, read
from sources.readers.stream import open_file
from sources.source import Category, Compression, Source, Subset, TextColumn


def collect(source: Source, language: Language, profile: str, output: str) -> dict[str, int]:
    """Reads all that `profile` has of a source and language into `output/*.parquet`, in a fixed order.

    Returns `documents`, their `bytes` of UTF-8, and how many `special_tokens` were neutralised in them.

    Raises:
        BabelmixError: no file, no document, no text in any, or a file that is not what the catalog says.
    """
    return _write(_documents(source, language, profile), output, f"{source.name} {language.code}")


def collect_files(
    patterns: Sequence[str], language: Language, output: str, category: Category = "multilingual"
) -> dict[str, int]:
    """Reads a user's own files, Parquet or JSON lines with a `text` column, into `output/*.parquet`.

    `id` is taken from a column of this name where there is one, and is else the file's path below the folder
    that all files share, and the row. A file that several patterns match is read once.
    `category` decides which filters the documents meet. Returns what `collect` returns.

    Raises:
        BabelmixError: a pattern matches nothing, a file is neither, has no text, or is damaged.
    """
    return _write(_own_documents(patterns, language, category), output, ", ".join(patterns))


def _documents(source: Source, language: Language, profile: str) -> Iterator[Document]:
    place = f"{source.name} {language.code}"
    subsets = subsets_of(source, language)
    if not subsets:
        raise BabelmixError(
            f"{place}: the source does not have the language; add its label under `datasets` in its file"
        )
    root = profile_root(profile, source)
    files = [(subset, subset_files(subset, source, language, profile)) for subset in subsets]
    if not any(found for _, found in files):
        globs = ", ".join(subset_glob(subset, source, language) for subset in subsets)
        raise BabelmixError(f"{place}: no file matches {globs} in {root}; fetch the files or correct `path`")
    for subset, found in files:
        for url in found:
            yield from read(url, name_below(root, url), subset, source, language)


def _own_documents(patterns: Sequence[str], language: Language, category: Category) -> Iterator[Document]:
    for url, name in matched_files(patterns, "Parquet or JSON lines"):
        subset = _own_subset(url, category)
        own = Source(name="files", title=url, hub_id="", card="", licence="", subsets=(subset,))
        yield from read(url, name, subset, own, language)


def _own_subset(url: str, category: Category) -> Subset:
    endings: dict[str, tuple[Any, Compression]] = {
        ".parquet": ("parquet", "none"),
        ".jsonl": ("jsonl", "none"),
        ".json": ("jsonl", "none"),
        ".jsonl.gz": ("jsonl", "gzip"),
        ".json.gz": ("jsonl", "gzip"),
        ".jsonl.zst": ("jsonl", "zstd"),
        ".json.zst": ("jsonl", "zstd"),
    }
    for ending, (form, compression) in endings.items():
        if url.endswith(ending):
            return Subset(
                name=url,
                path=url,
                format=form,
                compression=compression,
                text=TextColumn(column="text"),
                id="id" if form == "jsonl" or _has_column(url, "id") else None,
                category=category,
                languages="labelled",
            )
    raise BabelmixError(f"{url}: neither Parquet nor JSON lines by its name; {', '.join(endings)} are read")


def _has_column(url: str, column: str) -> bool:
    with open_file(url) as file:
        return column in pq.read_schema(file).names


def _write(documents: Iterator[Document], output: str, place: str) -> dict[str, int]:
    totals = {"documents": 0, "bytes": 0, "special_tokens": 0}
    # An empty text goes on, and curation drops it with a reason; where all are, the wrong column is read.
    with DocumentWriter(output) as writer:
        for document in documents:
            totals["documents"] += 1
            totals["bytes"] += len(document["text"].encode())
            totals["special_tokens"] += document["special_tokens"]
            writer.write({**document, "scores": None})
    if not totals["documents"]:
        raise BabelmixError(f"{place}: no document in any of its files; is the subset or the glob right?")
    if not totals["bytes"]:
        raise BabelmixError(
            f"{place}: the text of all {totals['documents']:,} documents is empty; is the declared column right?"
        )
    return totals
