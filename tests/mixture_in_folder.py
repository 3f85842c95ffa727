"""A small mixture in a workspace, as `babelmix mix` leaves one: tokens, order and manifest."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mixtures.indexed import IndexedWriter
from mixtures.order import OrderBucket, write_order

END = 99
# Each bucket's name, documents a shard, and tokens wanted.
BUCKETS: tuple[tuple[str, tuple[int, ...], int], ...] = (
    ("multilingual/fineweb-2/ell_Grek", (30,), 900),
    ("code/stack/eng_Latn", (11, 7), 2500),
    ("math/finemath/eng_Latn", (5,), 60),
)


def write_tokens(workspace: Path, name: str, shards: tuple[int, ...], first: int, seed: int = 0) -> list[int]:
    """A bucket's documents of 3 to 61 tokens: the first token is the document's own, the last is `END`."""
    draw = np.random.default_rng([seed, first])
    sizes: list[int] = []
    (workspace / "tokens" / name).mkdir(parents=True, exist_ok=True)
    for number, documents in enumerate(shards):
        with IndexedWriter(str(workspace / "tokens" / name / f"{number:05d}")) as writer:
            for size in map(int, draw.integers(1, 60, documents)):
                writer.add(np.array([first + len(sizes), *range(size), END], dtype=np.uint32))
                sizes.append(size + 2)
    return sizes


def write_mixture(
    workspace: Path,
    stage: int = 1,
    buckets: tuple[tuple[str, tuple[int, ...], int], ...] = BUCKETS,
    seed: int = 4,
    firsts: Mapping[str, int] | None = None,
) -> Path:
    """The folder of a mixture of `buckets`; document k of bucket b begins with the token firsts[b] + k."""
    ordered, rows = [], []
    for place, (name, shards, tokens) in enumerate(buckets):
        first = firsts[name] if firsts else 1000 * (place + 1)
        sizes = write_tokens(workspace, name, shards, first)
        ordered.append(OrderBucket(name, np.array(sizes, dtype=np.int32), tokens))
        category, source, language = name.split("/")
        rows.append(
            {
                "category": category, "source": source, "language": language,
                "documents": len(sizes), "tokens": sum(sizes), "bytes": 4 * sum(sizes), "longest": max(sizes),
                "tokens_planned": tokens, "fingerprint": name,
                "shards": [f"tokens/{name}/{number:05d}" for number in range(len(shards))],
            }
        )  # fmt: skip
    folder = workspace / "mixtures" / "model" / f"stage{stage}" / "0123"
    folder.mkdir(parents=True)
    totals = write_order(ordered, seed, folder)
    manifest = {
        "fingerprint": f"stage{stage}",
        "totals": {"buckets": rows, "documents": totals.documents, "tokens": totals.tokens, "seed": seed},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
