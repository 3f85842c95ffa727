"""Which languages are routed alike: Pearson correlation, and a tree of languages from it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage, to_tree

from trainer.signatures.routing import Shares


@dataclass(frozen=True, slots=True)
class Merge:
    """Two branches that join at `height`, 1 minus their mean correlation; see `Tree`."""

    left: int
    right: int
    height: float


@dataclass(frozen=True, slots=True)
class Tree:
    """A hierarchical clustering of n languages.

    `order` is the languages from left to right, neighbours as alike as the tree allows. `merges` has n - 1
    entries; a branch under n is a language, branch n + k the k-th merge.
    """

    order: tuple[int, ...]
    merges: tuple[Merge, ...]


def correlations(shares: Shares) -> Shares:
    """(languages, languages): Pearson's correlation over all experts of all layers.

    Of each expert's share its layer's mean is not taken away first: a layer's shares have the same sum in every
    language. Where a language is routed quite evenly, and so has no pattern, it is 0.
    """
    flat = shares.reshape(len(shares), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    size = np.sqrt((flat**2).sum(axis=1))
    unit = flat / np.where(size > 1e-12, size, np.inf)[:, None]
    found: Shares = np.clip(unit @ unit.T, -1, 1)
    np.fill_diagonal(found, 1.0)
    return found


def cluster(correlation: Shares) -> Tree:
    """The tree by average linkage on 1 minus the correlation."""
    count = len(correlation)
    if count == 1:
        return Tree((0,), ())
    distances: npt.NDArray[np.float64] = 1 - correlation[np.triu_indices(count, 1)]
    merged = linkage(np.maximum(distances, 0), "average", optimal_ordering=True)
    return Tree(
        tuple(int(leaf) for leaf in to_tree(merged).pre_order()),
        tuple(Merge(int(left), int(right), float(height)) for left, right, height, _ in merged),
    )
