"""The label file: the verdict that each document of the pack should meet."""

from collections.abc import Sequence
from typing import Any

from sources.sample_pack.document import Sample


def label(source: str, language: str, document_id: str, sample: Sample) -> dict[str, Any]:
    """One line of `labels.jsonl`. `filter` is null where a document is kept; `pii` counts what is redacted."""
    return {
        "source": source,
        "language": language,
        "id": document_id,
        "verdict": "kept" if sample.filter is None else "dropped",
        "filter": sample.filter,
        "kind": sample.kind,
        "pii": {"email": sample.emails, "ip": sample.ips},
    }


def labels(source: str, language: str, ids: Sequence[str], samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The lines of one source and language, in the order of its rows."""
    return [label(source, language, document, sample) for document, sample in zip(ids, samples, strict=True)]
