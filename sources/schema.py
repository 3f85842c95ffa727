"""The Arrow schemas of everything on disk that holds documents or verdicts.

`DOCUMENT` is the schema of `collected/`, `curated/` and `synthetic/`: a column that only one step
knows goes into `scores` (numbers) or `metadata` (JSON), so that every step reads every other step's files.
"""

import pyarrow as pa

from sources.pair_schema import PAIR

DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        # A JSON object with what else upstream says of the document.
        pa.field("metadata", pa.string()),
        # Every number that a filter computed, named `<filter>.<statistic>`.
        pa.field("scores", pa.map_(pa.string(), pa.float64())),
    ]
)

DROPPED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("filter", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("threshold", pa.float64()),
        # What the numbers cannot say: the document that was kept instead, the benchmark that was matched.
        pa.field("detail", pa.string()),
    ]
)

# Translation pairs that were mined: a language's best, the best first.
BITEXT = pa.schema(
    [
        *PAIR,
        # What the chain measured and what ranked, named `<step>.<score>`; what was not computed is left out.
        pa.field("scores", pa.map_(pa.string(), pa.float64())),
        # What gave the rank: a model and its revision, or `heuristic`.
        pa.field("ranker", pa.string(), nullable=False),
        pa.field("rank_score", pa.float64(), nullable=False),
        # Counted from 1.
        pa.field("rank", pa.int32(), nullable=False),
        # Upstream's revision and licence, where they are known.
        pa.field("revision", pa.string()),
        pa.field("licence", pa.string()),
    ]
)
