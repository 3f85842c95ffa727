"""Pairs as training text and as chat records, in several forms and both directions, by a hash of their ids."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import xxhash

from filters.bitext.templates import templates
from filters.privacy import redacted
from sources.language import Language, language
from sources.profile import ENGLISH


@dataclass(frozen=True, slots=True)
class Rendered:
    """A pair as it is trained on: a row of DOCUMENT, and a chat record with `messages`."""

    document: dict[str, Any]
    chat: dict[str, Any]


def render(pairs: pa.RecordBatch, other: Language, category: str) -> Iterator[Rendered]:
    """Each pair of a batch of BITEXT in its form and direction, addresses redacted, in the batch's order."""
    english = language(ENGLISH)
    sides = [redacted(pairs.column(name)) for name in ("source_text", "target_text")]
    found = zip(
        pairs.drop_columns(["source_text", "target_text"]).to_pylist(), *(each[0] for each in sides), strict=True
    )
    for at, (row, source, target) in enumerate(found):
        drawn = xxhash.xxh3_64_intdigest(row["id"])
        turned = bool(drawn & 1)
        texts = {english.code: source, other.code: target}
        first, second = (other, english) if turned else (english, other)
        fields = {
            "from_name": first.name,
            "to_name": second.name,
            "from_native": first.native_name,
            "to_native": second.native_name,
            "from_text": texts[first.code],
            "to_text": texts[second.code],
        }
        forms, turns = templates().documents, templates().chat
        form, turn = forms[(drawn >> 1) % len(forms)], turns[(drawn >> 16) % len(turns)]
        direction = f"{first.code}-{second.code}"
        told = {"direction": direction, "ranker": row["ranker"], "rank": row["rank"]}
        scores = {
            **{f"bitext.{name}": value for name, value in row["scores"]},
            "bitext.rank_score": row["rank_score"],
            "privacy.emails": float(sum(each[1][at] for each in sides)),
            "privacy.ips": float(sum(each[2][at] for each in sides)),
        }
        yield Rendered(
            {
                "id": row["id"],
                "text": form.text.format_map(fields),
                "language": other.code,
                "source": row["source"],
                "category": category,
                "url": row["url_target"],
                "metadata": json.dumps({**told, "form": form.name}, ensure_ascii=False),
                "scores": sorted(scores.items()),
            },
            {
                "id": row["id"],
                "source": row["source"],
                "language": other.code,
                **told,
                "form": turn.name,
                "messages": [
                    {"role": "user", "content": turn.user.format_map(fields)},
                    {"role": "assistant", "content": fields["to_text"]},
                ],
            },
        )
