"""One row of an upstream file as a document in the one schema."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from sources.errors import BabelmixError
from sources.source import Subset, Text, TextColumn, TextColumns, TextMessages
from sources.special_tokens import neutralise

# No text that a person wrote is this long; what is so long is a damaged or unsplit file.
MAX_DOCUMENT_BYTES: Final = 64 << 20


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
            BabelmixError: a text of another type, too long, with a NUL byte, or no valid Unicode.
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
            "metadata": json.dumps(metadata, ensure_ascii=False, default=str) if metadata else None,
            "special_tokens": special,
        }

    def checked(self, text: str, row: int) -> str:
        """`text` if it may go on.

        Raises:
            BabelmixError: it is too long, holds a NUL byte, or is no valid Unicode.
        """
        if "\0" in text:
            raise self.error(row, f"NUL byte at character {text.index(chr(0)) + 1:,} of the text; remove it")
        if len(text) > MAX_DOCUMENT_BYTES // 4:
            self.check_size(len(text.encode("utf-8", "surrogatepass")), row)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise self.error(
                row, f"half a surrogate pair at character {error.start + 1:,} of the text; mend or remove it"
            ) from error
        return text

    def check_size(self, size: int, row: int) -> None:
        """Raises BabelmixError for a document of `size` bytes of UTF-8 if that is too many."""
        if size > MAX_DOCUMENT_BYTES:
            raise self.error(
                row,
                f"a document of {size / 1e6:,.0f} MB, at most {MAX_DOCUMENT_BYTES / 1e6:,.0f} MB can be one;"
                " split or remove it",
            )


def render(text: Text, fields: Mapping[str, Any], place: Place, row: int) -> str:
    """The text of a row as its declaration says; a missing value is an empty text, for curation to drop."""
    match text:
        case TextColumn(column=column):
            return _string(fields, column, place, row)
        case TextColumns(columns=columns, separator=separator):
            return separator.join(_string(fields, column, place, row) for column in columns)
        case TextMessages() as form:
            messages: Any = fields
            for key in form.messages.split("."):
                messages = messages.get(key) if isinstance(messages, Mapping) else None
            if messages is None:
                return ""
            if not isinstance(messages, list) or not all(isinstance(each, Mapping) for each in messages):
                raise place.error(row, f"{form.messages} is {_type(messages)}, should be a list of messages")
            turns = [each for each in messages if each.get(form.role) not in form.skip]
            return form.separator.join(_string(each, form.content, place, row) for each in turns)
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
