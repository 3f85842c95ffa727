"""The tokens that were trained on, by category and language, held against the mixture's plan."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.training.data import Bucket


@dataclass(frozen=True, slots=True)
class Share:
    """Of one category or language in a stage: its planned share and the share that was served, from 0 to 1."""

    name: str
    planned: float
    served: float
    tokens: int


def stage_shares(buckets: Sequence[Bucket], served: npt.NDArray[np.int64], stage: int) -> list[Share]:
    """The shares of a stage's categories and languages, such as `category/code` and `language/ell_Grek`.

    `served` are the tokens of each bucket, of shape (buckets,). Nothing is returned of a stage that has not begun.
    """
    planned: dict[str, float] = defaultdict(float)
    tokens: dict[str, int] = defaultdict(int)
    total = 0
    for bucket, count in zip(buckets, served.tolist(), strict=True):
        if bucket.stage == stage:
            total += count
            for name in (f"category/{bucket.category}", f"language/{bucket.language}"):
                planned[name] += bucket.planned
                tokens[name] += count
    return [Share(name, planned[name], tokens[name] / total, tokens[name]) for name in planned] if total else []


def served_row(step: int, stage: str, shares: Sequence[Share]) -> dict[str, Any]:
    """The shares as a row of the metrics file."""
    rows = {share.name: [round(share.planned, 6), round(share.served, 6), share.tokens] for share in shares}
    return {"kind": "served", "step": step, "stage": stage, "planned_served_tokens": rows}


def served_line(stage: str, shares: Sequence[Share]) -> str:
    """One line: how far the farthest category or language is from its plan."""
    worst = max(shares, key=lambda share: abs(share.served - share.planned))
    tokens = sum(share.tokens for share in shares if share.name.startswith("category/"))
    return (
        f"stage {stage}: {tokens:,} tokens; farthest from the plan is {worst.name}, planned {worst.planned:.2%},"
        f" served {worst.served:.2%}"
    )
