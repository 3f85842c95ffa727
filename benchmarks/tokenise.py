"""Qwen3's tokens a second: ours beside tiktoken, `tokenizers` and, where it is installed, gigatoken.

    python benchmarks/tokenise.py [--data FOLDER] [--rounds N]

`--data` holds `*.jsonl.gz` with a `text` a line (default ../shared/data/documents). One thread. Each round begins
with nothing remembered, so that every text is seen for the first time; compiling and the loading of tables are
left out on all sides. The ids of all are compared. A second time over the same texts is printed for ours too.
"""

import argparse
import gzip
import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import pyarrow as pa
import tiktoken

from mixtures.bpe import BytePairs
from mixtures.tokenizer import QWEN3_SPLIT, qwen3_ranks

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "documents"
BATCH = 200


def _texts(folder: Path) -> list[str]:
    found = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            found += [unicodedata.normalize("NFC", json.loads(line)["text"]) for line in lines]
    return found


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def _ours(pairs: BytePairs, batches: list[pa.Array]) -> np.ndarray:
    return np.concatenate([pairs.encode(batch)[0] for batch in batches])


def main() -> None:
    """Prints tokens a second of each, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from curation import _tokenizers

    texts = _texts(options.data)
    batches = [pa.array(texts[at : at + BATCH], pa.large_string()) for at in range(0, len(texts), BATCH)]
    ranks = qwen3_ranks()
    BytePairs(ranks).encode(batches[0][:1])
    theirs = tiktoken.Encoding("qwen", pat_str=QWEN3_SPLIT, mergeable_ranks=ranks, special_tokens={})
    slow = _tokenizers()
    taken: dict[str, list[float]] = {"ours": [], "ours again": [], "tiktoken": [], "tokenizers": []}
    for number in range(options.rounds):
        pairs = BytePairs(ranks)
        seconds, ids = _timed(lambda pairs=pairs: _ours(pairs, batches))
        taken["ours"].append(seconds)
        taken["ours again"].append(_timed(lambda pairs=pairs: _ours(pairs, batches))[0])
        seconds, reference = _timed(lambda: np.concatenate([theirs.encode_to_numpy(text) for text in texts]))
        taken["tiktoken"].append(seconds)
        assert (ids == reference).all(), "the ids are not tiktoken's"
        if number == 0:
            seconds, lists = _timed(lambda: [slow.encode(text).ids for text in texts])
            taken["tokenizers"].append(seconds)
            assert (ids == np.concatenate([np.array(each, np.uint32) for each in lists])).all(), (
                "not tokenizers' ids"
            )
    print(f"{len(texts):,} texts, {len(ids):,} tokens, {options.rounds} rounds, the same ids from all")
    for name, seconds in taken.items():
        rates = sorted(len(ids) / each / 1e6 for each in seconds)
        ratio = median(taken["ours"]) / median(seconds)
        print(
            f"{name:11} {median(rates):6.2f} M tokens/s ({rates[0]:.2f} to {rates[-1]:.2f}), {ratio:.2f} of ours"
        )


if __name__ == "__main__":
    main()
