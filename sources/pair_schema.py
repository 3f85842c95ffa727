"""The Arrow schema of translation pairs as they are read and judged, and what is said of rows that are none."""

from dataclasses import dataclass

import pyarrow as pa

PAIR = pa.schema(
    [
        # "<source>:<file>:<row>", rows counted from 1.
        pa.field("id", pa.string(), nullable=False),
        # The language that is not English, a FineWeb-2 code.
        pa.field("language", pa.string(), nullable=False),
        pa.field("source_text", pa.string(), nullable=False),  # English
        pa.field("target_text", pa.string(), nullable=False),
        # LASER's ratio margin, about 1.04 to 1.25 in what was published.
        pa.field("margin", pa.float64()),
        # What upstream's identifier said of either side: a probability.
        pa.field("source_lid_score", pa.float64()),
        pa.field("target_lid_score", pa.float64()),
        pa.field("url_source", pa.string()),
        pa.field("url_target", pa.string()),
        # The name in the catalog.
        pa.field("source", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A row that holds no pair."""

    # Counted from 1, over the lines of the file.
    row: int
    # One of sources.readers.pair_batches.FAULTS.
    what: str
    # What was found instead, in a few words.
    detail: str


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Some rows of a file: those that are pairs, and those that are not."""

    pairs: pa.RecordBatch  # PAIR
    malformed: tuple[Malformed, ...]

    @property
    def rows(self) -> int:
        """How many rows were read."""
        return int(self.pairs.num_rows) + len(self.malformed)
