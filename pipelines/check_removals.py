"""Which documents of a removal list a mixture still holds, without building anything."""

from collections.abc import Mapping
from typing import Any, Final

from pipelines.removals import matching
from pipelines.taken_down import is_made, matching_made
from pipelines.trace import Tracer
from sources.removals import Removals

# Documents that are named one by one.
_NAMED: Final = 1000


def check_removals(tracer: Tracer, removals: Removals) -> dict[str, Any]:
    """What of `removals` is in the tracer's mixture.

    `documents` that are read at least once, the `tokens` they are read for with every repetition, `share` of the
    mixture's tokens, `buckets` with those numbers for each bucket that holds one, and `held`: the first thousand
    by name with how often each is read. Ids and URLs of all documents of the mixture are read for it.

    Raises:
        BabelmixError: documents or tokens were made again since the mixture was, so that they cannot say.
    """
    matched: dict[str, Mapping[str, str]] = {}
    buckets: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    for number, bucket in enumerate(tracer.buckets):
        if bucket.curated not in matched:
            concerned = removals.of(bucket.source, bucket.language)
            pair = (bucket.source, bucket.language)
            if is_made(tracer.workspace, pair):
                matched[bucket.curated] = matching_made(tracer.workspace, pair, concerned)
            else:
                matched[bucket.curated] = matching(bucket.folder, concerned)
        row = {"category": bucket.category, "source": bucket.source, "language": bucket.language}
        documents = tokens = 0
        for each, why in matched[bucket.curated].items():
            for numbers in bucket.find(each):
                times = int(tracer.lineage.times(number, numbers).sum())
                if not times:
                    continue
                documents += 1
                tokens += times * tracer.lineage.length(number, numbers[0])
                if len(held) < _NAMED:
                    held.append({"id": each, **row, "times": times, "because": why})
        if documents:
            buckets.append({**row, "documents": documents, "tokens": tokens})
    total = sum(each["tokens"] for each in buckets)
    return {
        "documents": sum(each["documents"] for each in buckets),
        "tokens": total,
        "share": total / tracer.lineage.tokens,
        "buckets": buckets,
        "held": held,
    }
