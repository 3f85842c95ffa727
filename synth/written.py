"""The records of documents that a model wrote: what they say, what of, by whom, and what was measured."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
import pyarrow as pa

from synth.translation.provenance import metadata

# One schema for articles, translations and paraphrases.
WRITTEN: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        # `culture`, `translation` or `rephrase`.
        pa.field("kind", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        # The document that it was made of.
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("source_licence", pa.string()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("prompts", pa.list_(pa.string()), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        # What was measured, by check.
        pa.field("checks", pa.map_(pa.string(), pa.float64()), nullable=False),
        # What the kind alone has, as JSON: topic, region, concepts and evidence, or the language of the original.
        pa.field("about", pa.string(), nullable=False),
    ]
)
_OWN: Final = frozenset({*WRITTEN.names, "request_seeds", "prompt_tokens", "completion_tokens"})


def written_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of WRITTEN of a row of DOCUMENT that `document_task.carry_out` gave."""
    held = metadata(row)
    about = {name: value for name, value in held.items() if name not in _OWN}
    return {
        **{name: held.get(name) for name in WRITTEN.names},
        "id": row["id"],
        "language": row["language"],
        "text": row["text"],
        "checks": sorted(held["checks"].items()),
        "about": orjson.dumps(about, option=orjson.OPT_SORT_KEYS).decode(),
    }
