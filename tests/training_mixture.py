"""A small mixture whose languages a small model can learn: each counts in steps of its own."""

import json
from pathlib import Path

import numpy as np

from mixtures.indexed import IndexedWriter
from mixtures.order import OrderBucket, write_order

END = 63
VOCABULARY = 64
TOKENIZER = "test/tokenizer"
LANGUAGES = {"aaa_Latn": 1, "bbb_Grek": 7, "ccc_Thai": 11}


def build_mixture(
    workspace: Path,
    stage: int = 1,
    languages: dict[str, int] | None = None,
    documents: int = 40,
    tokens: int = 4000,
    seed: int = 0,
) -> Path:
    """Writes the buckets' tokens and a mixture of `tokens` tokens of each bucket; returns the mixture's folder.

    A language's document is `start, start + s, start + 2 s ...` modulo 63, with the language's own s.
    """
    rows, buckets = [], []
    for name, step in (languages or LANGUAGES).items():
        draw = np.random.default_rng([step, seed])
        folder = workspace / "tokens" / "multilingual" / "fineweb-2" / name
        folder.mkdir(parents=True, exist_ok=True)
        sizes = draw.integers(4, 40, documents)
        with IndexedWriter(str(folder / "00000")) as writer:
            for size in sizes:
                ids = (draw.integers(0, END) + step * np.arange(size - 1)) % END
                writer.add(np.array([*ids, END], dtype=np.uint32))
        buckets.append(OrderBucket(f"multilingual/fineweb-2/{name}", sizes.astype(np.int32), tokens))
        rows.append(
            {
                "category": "multilingual",
                "source": "fineweb-2",
                "language": name,
                "documents": documents,
                "tokens_planned": tokens,
                "fingerprint": f"{name}-{seed}",
                "shards": [f"tokens/multilingual/fineweb-2/{name}/00000"],
            }
        )
    target = workspace / "mixtures" / "model" / f"stage{stage}" / "0123"
    target.mkdir(parents=True, exist_ok=True)
    write_order(buckets, stage, target)
    totals = {"buckets": rows, "tokenizer": TOKENIZER}
    manifest = {"fingerprint": f"mixture-{stage}-{seed}", "totals": totals}
    (target / "manifest.json").write_text(json.dumps(manifest))
    return target
