"""What became of a language's pairs, counted; and the rows that say it of each."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.bitext.chain import REASONS, Judged
from filters.bitext.pairs import Malformed, PairBatch
from sources.pair_files import PairFile
from sources.readers.pair_batches import FAULTS
from sources.schema import DROPPED

FILTER: Final = "bitext"
# Examples that are kept of each fault.
_EXAMPLES: Final = 3

FUNNEL = pa.schema(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),  # read, malformed, dropped or kept
        pa.field("reason", pa.string()),
        pa.field("pairs", pa.int64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),  # of all rows that were read
    ]
)


@dataclass(slots=True)
class Funnel:
    """Rows of one language: read, malformed by fault, dropped by reason, kept."""

    language: str
    read: int = 0
    kept: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    # The first of each fault: file, row and what was found.
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, batch: PairBatch, judged: Judged, file: PairFile) -> None:
        """Counts a batch and what the chain said of its pairs."""
        self.read += batch.rows
        for each in batch.malformed:
            self.malformed[each.what] += 1
            shown = self.examples.setdefault(each.what, [])
            if len(shown) < _EXAMPLES:
                shown.append(f"{file.url}: row {each.row}: {each.detail}")
        indices = judged.reason.indices
        counts = np.bincount(indices.drop_null().to_numpy(), minlength=len(REASONS))
        self.dropped.update({name: int(count) for name, count in zip(REASONS, counts, strict=True) if count})
        self.kept += indices.null_count

    @property
    def lost(self) -> int:
        """Rows that were neither kept nor named; 0, or something is wrong."""
        return self.read - self.kept - self.malformed.total() - self.dropped.total()

    def table(self) -> pa.Table:
        """The counts as FUNNEL, in the order of the steps; reasons that struck nothing are left out."""
        rows: list[tuple[str, str | None, int]] = [("read", None, self.read)]
        rows += [("malformed", what, self.malformed[what]) for what in FAULTS if self.malformed[what]]
        rows += [("dropped", reason, self.dropped[reason]) for reason in REASONS if self.dropped[reason]]
        rows += [("kept", None, self.kept)]
        return pa.Table.from_pylist(
            [
                {
                    "language": self.language,
                    "stage": stage,
                    "reason": reason,
                    "pairs": count,
                    "share": count / self.read if self.read else 0.0,
                }
                for stage, reason, count in rows
            ],
            schema=FUNNEL,
        )

    def as_json(self) -> dict[str, Any]:
        """The counts and the examples of faults."""
        return {
            "language": self.language,
            "read": self.read,
            "malformed": {what: self.malformed[what] for what in FAULTS if self.malformed[what]},
            "examples": self.examples,
            "dropped": {reason: self.dropped[reason] for reason in REASONS if self.dropped[reason]},
            "kept": self.kept,
        }


def dropped_rows(pairs: pa.RecordBatch, judged: Judged) -> pa.RecordBatch:
    """A row of DROPPED for each pair that the chain dropped.

    `detail` is a JSON object with where upstream found the sides, if it says so.
    """
    out = pa.array(~judged.kept)
    urls = [pairs.column(pairs.schema.get_field_index(name)).filter(out) for name in ("url_source", "url_target")]
    count = len(urls[0])
    details = [
        None if source is None and target is None else json.dumps({"url_source": source, "url_target": target})
        for source, target in zip(*(each.to_pylist() for each in urls), strict=True)
    ]
    return pa.RecordBatch.from_arrays(
        [
            pairs.column(pairs.schema.get_field_index("id")).filter(out),
            pa.repeat(pa.scalar(FILTER), count),
            pc.cast(judged.reason.filter(out), pa.string()),
            pa.array(judged.value).filter(out),
            pa.array(judged.threshold).filter(out),
            pa.array(details, pa.string()),
        ],
        schema=DROPPED,
    )


def malformed_rows(malformed: Iterable[Malformed], file: PairFile) -> pa.RecordBatch:
    """A row of DROPPED for each row of a file that holds no pair; `detail` says what was found."""
    found = list(malformed)
    return pa.RecordBatch.from_pylist(
        [
            {
                "id": f"{file.source}:{file.name}:{each.row}",
                "filter": FILTER,
                "reason": f"malformed_{each.what}",
                "value": None,
                "threshold": None,
                "detail": each.detail,
            }
            for each in found
        ],
        schema=DROPPED,
    )
