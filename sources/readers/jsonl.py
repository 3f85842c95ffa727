"""JSON lines, plain, gzip or zstandard, one line in memory at a time.

datatrove's reader logs a line that it cannot parse and goes on; here nothing is lost without a word.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from sources.readers.document import MAX_DOCUMENT_BYTES, Document, Place
from sources.readers.stream import open_stream

# A line holds a document in JSON, where a character may take up to six bytes, and further fields.
_MAX_LINE: Final = 2 * MAX_DOCUMENT_BYTES


def read_jsonl(place: Place) -> Iterator[Document]:
    """The documents of a file of JSON objects, one a line; empty lines are passed over."""
    columns = place.columns()
    with open_stream(place.url, place.subset.compression) as stream:
        row = 0
        while line := stream.readline(_MAX_LINE + 1):
            row += 1
            if len(line) > _MAX_LINE:
                place.check_size(len(line), row)
            if line.isspace():
                continue
            yield place.document(_fields(line, columns, place, row), row)


def _fields(line: bytes, columns: list[str], place: Place, row: int) -> dict[str, Any]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as fault:
            raise place.error(
                row, f"not UTF-8 at byte {fault.start + 1:,} of the line; mend its encoding"
            ) from error
        raise place.error(row, f"not JSON ({error}); each line is one object") from error
    if not isinstance(fields, dict):
        raise place.error(row, f"{type(fields).__name__} instead of an object; each line is one object")
    # Columns other than the text may be left out of a line where they are empty.
    missing = [column for column in columns[:1] if column not in fields]
    if missing:
        raise place.error(row, f"no column {missing[0]!r}; there are {', '.join(fields) or 'none'}")
    return fields
