"""Readers: files in their upstreams' formats to documents in the one schema, as streams."""

from collections.abc import Iterator

from sources.language import Language
from sources.readers.document import Document, Place
from sources.readers.jsonl import read_jsonl
from sources.readers.pairs import read_pairs
from sources.readers.parquet import read_parquet
from sources.source import Source, Subset

__all__ = ["Document", "read"]


def read(url: str, name: str, subset: Subset, source: Source, language: Language) -> Iterator[Document]:
    """The documents of the file at `url`, one after the other.

    `name` is the file's path below the source's root; it stands in the ids of documents that have none.

    Raises:
        BabelmixError: the file is missing, closed to this user, damaged, or not what the catalog says; a text is
            of another type, too long or with a NUL byte. One line: file, row or column, remedy.
    """
    place = Place(url, name, subset, source.name, language.code, source.gate)
    match subset.format:
        case "parquet":
            return read_parquet(place)
        case "jsonl":
            return read_jsonl(place)
        case "nllb-tsv" | "ccmatrix-tsv" | "pairs-parquet":
            return read_pairs(place)
