"""Where documents that a model wrote go: records, documents, the rows of what was dropped, and a quality sheet."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

import pyarrow as pa

from filters.judge import DroppedRows
from filters.verdict import Drop
from pipelines.chosen_documents import hashed
from pipelines.document_files import DocumentWriter
from pipelines.measured_files import TableWriter
from pipelines.quality_sheet import Item, write_documents_sheet
from pipelines.taken_down import TakenDown
from sources.errors import BabelmixError
from sources.language import Language
from synth.translation.document_task import FILTER, Row
from synth.written import WRITTEN, written_record

RECORDS: Final = "00000.parquet"
SHEET: Final = "sheet.html"
# Rows of a row group, and items of a language that the sheet shows.
_GROUP: Final = 10_000
SHOWN: Final = 20


class Rows:
    """Rows of one table that come one at a time; at most a row group of them is held."""

    def __init__(self, writer: TableWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row."""
        self._rows.append(row)
        if len(self._rows) == _GROUP:
            self.flush()

    def flush(self) -> None:
        """Writes what is held."""
        if self._rows:
            self._writer.write(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []


class WrittenRooms:
    """Writes into the folders `records`, `documents` and `dropped` of `places`; to be used in a `with` block.

    What is `taken` down has its row in `dropped`, and is nowhere else.
    """

    def __init__(self, places: Mapping[str, str], language: Language, taken: TakenDown | None = None) -> None:
        self._language, self._places = language, places
        self._taken = taken or TakenDown()
        self._table = TableWriter(places["records"], RECORDS, WRITTEN)
        self._records = Rows(self._table, WRITTEN)
        self._documents = DocumentWriter(places["documents"])
        self._dropped = DroppedRows(places["dropped"], FILTER, 0)
        self._shown: list[tuple[int, Item]] = []
        self.kept = 0
        self.dropped: Counter[str] = Counter()

    def __enter__(self) -> "WrittenRooms":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._records.flush()
            self._dropped.close()
            self._taken.write(self._places["dropped"])
        self._table.__exit__(kind)
        self._documents.__exit__(kind, error, trace)

    def keep(self, document: Mapping[str, Any], row: Row) -> None:
        """Adds what was written of a document, unless it is taken down."""
        if self._taken.takes(row["id"], row["url"]):
            return
        self.kept += 1
        self._documents.write(row)
        record = written_record(row)
        self._records.add(record)
        # The lowest hashes of ids are a random sample, and the same one every time.
        self._shown.append((hashed(row), Item(record, document["text"])))
        self._shown = sorted(self._shown, key=lambda each: each[0])[:SHOWN]

    def drop(self, document: Mapping[str, Any], why: Drop, stage: str = "") -> None:
        """Adds the row of a document of which nothing was written, and counts it."""
        reason = f"{stage}.{why.reason}" if stage else why.reason
        self.dropped[reason] += 1
        self.pass_over(document, why, stage)

    def pass_over(self, document: Mapping[str, Any], why: Drop, stage: str) -> None:
        """Adds the row of a document of which nothing was to be written, without counting it."""
        reason = f"{stage}.{why.reason}" if stage else why.reason
        self._dropped.add(str(document["id"]), replace(why, reason=reason))

    def totals(self, what: str, besides: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Documents of which something was to be written: how many, how many were kept, and why others were not.

        `besides` are reasons of documents that were passed over, for the message; `what` is `synthetic-culture`.
        Raises BabelmixError where none is kept, unless what was removed may be why.
        """
        if not self.kept and not self._taken.may_be_none:
            lost = Counter(besides or {}) + self.dropped
            most = ", ".join(f"{reason} ({count:,})" for reason, count in lost.most_common(3)) or "there are none"
            raise BabelmixError(
                f"{what} {self._language.code}: none of {lost.total():,} documents is kept; most: {most}"
            )
        return {
            "documents": self.kept + self.dropped.total() + len(self._taken.removed),
            "kept": self.kept,
            "dropped": [
                *self._taken.counted(),
                *(
                    {"filter": FILTER, "reason": reason, "documents": count}
                    for reason, count in sorted(self.dropped.items())
                ),
            ],
        }

    def write_sheet(self, title: str, facts: Mapping[str, str]) -> None:
        """Writes the page of twenty random items beside the records."""
        items = [each for _, each in self._shown]
        path = f"{self._places['records'].rstrip('/')}/{SHEET}"
        write_documents_sheet(items, self._language, title, facts, path)
