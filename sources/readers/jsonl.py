"""JSON lines, plain, gzip or zstandard, one line in memory at a time.

datatrove's reader logs a line that it cannot parse and goes on; here nothing is lost without a word.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from sources.readers.document import MAX_DOCUMENT_BYTES, Document, Place
from sources.readers.stream import open_stream

# A line holds a document with its escapes, and further fields.
MAX_LINE_BYTES: Final = 2 * MAX_DOCUMENT_BYTES
_BOM: Final = b"\xef\xbb\xbf"


def read_jsonl(place: Place) -> Iterator[Document]:
    """The documents of a file of JSON objects, one a line; empty lines are passed over.

    Raises:
        BabelmixError: as `read`; a line is too long, is not UTF-8, or is no JSON object.
    """
    columns = place.columns()
    with open_stream(place.url, place.subset.compression, place.gate) as stream:
        row = 0
        while line := stream.readline(MAX_LINE_BYTES + 1):
            row += 1
            place.check_line(len(line), MAX_LINE_BYTES, row)
            if row == 1:
                line = line.removeprefix(_BOM)
            if line.isspace():
                continue
            yield place.document(_fields(line, columns, place, row), row)


def _fields(line: bytes, columns: list[str], place: Place, row: int) -> dict[str, Any]:
    try:
        fields = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise place.error(row, _fault(line, error)) from error
    if not isinstance(fields, dict):
        raise place.error(row, f"{type(fields).__name__} instead of an object; each line is one object")
    # Columns other than the text may be left out of a line where they are empty.
    if columns[0] not in fields:
        raise place.error(row, f"no column {columns[0]!r}; there are {', '.join(fields) or 'none'}")
    return fields


def _fault(line: bytes, error: orjson.JSONDecodeError) -> str:
    if b"\0" in line:
        return f"NUL byte at byte {line.index(0) + 1:,} of the line; remove it"
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as fault:
        return f"not UTF-8 at byte {fault.start + 1:,} of the line; mend its encoding"
    return f"not JSON ({error}); each line is one object"
