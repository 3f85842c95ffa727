"""How often a document is read for the copies of it that were dropped: FineWeb-2's rehydration.

FineWeb-2 found that documents with a middling number of duplicates pass its filters more often than those with
none or very many, and repeats them up to ten times, by a table for each language (Penedo et al. 2025). The tables
are in `rehydration.yaml` beside this file. A language without a table, English among them, repeats nothing.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import yaml

_TABLES: Final = Path(__file__).with_name("rehydration.yaml")
# What FineWeb-2 publishes with a document: the size of its cluster over all of Common Crawl.
_UPSTREAM: Final = "minhash_cluster_size"


def weight(language: str, cluster_size: int) -> int:
    """How often a document of the language, a FineWeb-2 code, is read whose cluster has so many documents.

    The document itself is one of them. A size that the table does not list has the weight of the next smaller one.
    """
    return int(_weights(language, np.array([cluster_size], dtype=np.int64))[0])


def weights(
    language: str, scores: Sequence[float | None], metadata: Sequence[str | None]
) -> npt.NDArray[np.int64]:
    """How often each document is read, of shape (documents,).

    `scores` are the sizes of the clusters that were found here (the score `duplicates.cluster_size`), `metadata`
    the documents' JSON. Upstream's own size counts where it is larger: what FineWeb-2 has dropped cannot be found
    again.
    """
    sizes = [max(int(score or 1), _upstream(held)) for score, held in zip(scores, metadata, strict=True)]
    return _weights(language, np.array(sizes, dtype=np.int64))


def _weights(language: str, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    limits, repeats = _table(language)
    places = np.searchsorted(limits, sizes, side="right") - 1
    return repeats[np.maximum(places, 0)]


def _upstream(metadata: str | None) -> int:
    # Most documents have none; parsing each one's JSON would take longer than anything else here.
    if not metadata or _UPSTREAM not in metadata:
        return 1
    found = json.loads(metadata).get(_UPSTREAM)
    return found if isinstance(found, int) else 1


@cache
def _table(language: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sizes from which on a weight holds, and the weights; the first size is 1."""
    listed = _tables().get(language, {1: 1})
    return np.array(list(listed), dtype=np.int64), np.array(list(listed.values()), dtype=np.int64)


@cache
def _tables() -> dict[str, dict[int, int]]:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    tables: dict[str, dict[int, int]] = yaml.load(_TABLES.read_text(encoding="utf-8"), loader)
    return tables
