"""One row of an upstream file as a document in the one schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

import orjson

from sources.errors import BabelmixError
from sources.source import Subset, Text, TextColumn, TextColumns, TextMessages
from sources.special_tokens import neutralise

# No text that a person wrote is this long; what is so long is a damaged or unsplit file.
MAX_DOCUMENT_BYTES: Final = 64 << 20
_LIMIT: Final = f"a document has {MAX_DOCUMENT_BYTES / 1e6:,.0f} MB at most; split or remove it"


class Document(TypedDict):
    """A document's columns in `sources.schema.DOCUMENT`, and the special tokens that were neutralised in it."""

    id: str
    text: str
    language: str
    source: str
    category: str
    url: str | None
    metadata: str | None
    special_tokens: int


@dataclass(frozen=True, slots=True)
class Place:
    """A file and what the catalog declares of it."""

    url: str
    name: str
    subset: Subset
    source: str
    language: str
    # How to be let in where access is refused.
    gate: str | None = None

    def columns(self) -> list[str]:
        """The top-level columns that are read, in the order of their declaration."""
        text: list[str] = []
        match self.subset.text:
            case TextColumn(column=column):
                text = [column]
            case TextColumns(columns=columns):
                text = list(columns)
            case TextMessages(messages=messages):
                text = [messages.split(".")[0]]
        rest = [self.subset.id, self.subset.url, *self.subset.metadata]
        return list(dict.fromkeys([*text, *(column for column in rest if column)]))

    def error(self, row: int, problem: str) -> BabelmixError:
        """The one line for what is wrong with a row, counted from 1."""
        return BabelmixError(f"{self.url}: row {row}: {problem}")

    def document(self, fields: Mapping[str, Any], row: int) -> Document:
        """The document that a row's columns make.

        Raises:
            BabelmixError: a text of another type, too long, or with a NUL byte.
        """
        subset = self.subset
        text, special = neutralise(self.checked(render(subset.text, fields, self, row), row))
        found = fields.get(subset.id) if subset.id else None
        metadata = {key: fields[key] for key in subset.metadata if fields.get(key) is not None}
        return {
            "id": str(found) if found not in (None, "") else f"{self.name}:{row}",
            "text": text,
            "language": self.language,
            "source": self.source,
            "category": subset.category,
            "url": str(fields[subset.url]) if subset.url and fields.get(subset.url) is not None else None,
            "metadata": orjson.dumps(metadata, default=str).decode() if metadata else None,
            "special_tokens": special,
        }

    def checked(self, text: str, row: int) -> str:
        """`text` if it may go on. That it is valid Unicode the readers have seen to when they decoded it.

        Raises:
            BabelmixError: it is too long, or holds a NUL byte.
        """
        if "\0" in text:
            raise self.error(row, f"NUL byte at character {text.index(chr(0)) + 1:,} of the text; remove it")
        if len(text) > MAX_DOCUMENT_BYTES // 4 and (size := len(text.encode())) > MAX_DOCUMENT_BYTES:
            raise self.error(row, f"a document of {size / 1e6:,.0f} MB; {_LIMIT}")
        return text

    def check_line(self, size: int, most: int, row: int) -> None:
        """Raises BabelmixError for a line of which `size` bytes were read if those are more than `most`."""
        if size > most:
            raise self.error(row, f"a line of more than {most / 1e6:,.0f} MB; {_LIMIT}")


def render(text: Text, fields: Mapping[str, Any], place: Place, row: int) -> str:
    """The text of a row as its declaration says; where nothing is, it is empty, for curation to drop."""
    match text:
        case TextColumn(column=column):
            return _string(fields, column, place, row)
        case TextColumns(columns=columns, separator=separator):
            parts = (_string(fields, column, place, row) for column in columns)
            return separator.join(part for part in parts if part)
        case TextMessages() as form:
            messages: Any = fields
            for key in form.messages.split("."):
                messages = messages.get(key) if isinstance(messages, Mapping) else None
            if messages is None:
                return ""
            if not isinstance(messages, list) or not all(isinstance(each, Mapping) for each in messages):
                raise place.error(row, f"{form.messages} is {_type(messages)}, should be a list of messages")
            turns = [each for each in messages if each.get(form.role) not in form.skip]
            contents = (_string(each, form.content, place, row) for each in turns)
            return form.separator.join(content for content in contents if content)
        case _:
            raise place.error(row, "translation pairs are read from NLLB and CCMatrix files only")


def _string(fields: Mapping[str, Any], column: str, place: Place, row: int) -> str:
    value = fields.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise place.error(row, f"{column} is {_type(value)}, should be a string")
    return value


def _type(value: Any) -> str:
    names = {
        "int": "an integer",
        "dict": "an object",
        "list": "a list",
        "bool": "a boolean",
        "bytes": "binary",
    }
    return names.get(type(value).__name__, f"a {type(value).__name__}")
