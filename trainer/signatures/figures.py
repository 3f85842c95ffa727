"""The figures of the signatures' page, as SVG."""

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from trainer.signatures.clustering import Tree
from trainer.signatures.labels import Label
from trainer.signatures.picture import colour, png
from trainer.signatures.routing import Routed, Shares

CELL: Final = 13
TREE_WIDTH: Final = 170
LABEL_WIDTH: Final = 172
# An expert that takes 4 times the mean share of a language's tokens, or a quarter, has the full colour.
FULL: Final = 2.0


def relation_figure(correlation: Shares, tree: Tree, labels: Sequence[Label]) -> str:
    """The tree, the languages' names, and the matrix of correlations in the tree's order."""
    count = len(labels)
    left = TREE_WIDTH + LABEL_WIDTH
    width, height = left + count * CELL + 8, count * CELL + 8
    low = _lowest(correlation)
    cells = []
    for row, one in enumerate(tree.order):
        for column, other in enumerate(tree.order):
            value = float(correlation[one, other])
            red, green, blue = colour((value - low) / (1 - low) if low < 1 else 1.0)
            cells.append(
                f"<rect x='{left + column * CELL}' y='{row * CELL}' width='{CELL}' height='{CELL}'"
                f" fill='#{red:02x}{green:02x}{blue:02x}'>"
                f"<title>{escape(labels[one].name)} and {escape(labels[other].name)}: {value:.3f}</title></rect>"
            )
    return (
        f"<svg class='relation' viewBox='0 0 {width} {height}' style='min-width:{width * 0.75:.0f}px' role='img'"
        f" aria-label='Tree and correlations of {count} languages'>{_tree(tree, count)}"
        f"{_names(tree.order, labels, TREE_WIDTH + 8)}{''.join(cells)}</svg>"
    )


def correlation_legend(correlation: Shares) -> str:
    """The colours of `relation_figure`, from its lowest correlation to 1."""
    low = _lowest(correlation)
    stops = "".join("<i style='background:rgb({},{},{})'></i>".format(*colour(step / 10)) for step in range(11))
    return f"<div class='scale'><span>{low:.2f}</span>{stops}<span>1</span></div>"


def _lowest(correlation: Shares) -> float:
    return float(np.floor(correlation.min() * 20) / 20)


def _tree(tree: Tree, count: int) -> str:
    """Brackets that join at their height, the root at the left."""
    tallest = max((merge.height for merge in tree.merges), default=0.0) or 1.0
    place = {leaf: (TREE_WIDTH - 2.0, (row + 0.5) * CELL) for row, leaf in enumerate(tree.order)}
    lines = []
    for number, merge in enumerate(tree.merges):
        (x1, y1), (x2, y2) = place[merge.left], place[merge.right]
        x = 4 + (TREE_WIDTH - 6) * (1 - merge.height / tallest)
        lines.append(
            f"<path d='M{x1:.1f} {y1:.1f}H{x:.1f}V{y2:.1f}H{x2:.1f}'>"
            f"<title>joined at a mean correlation of {1 - merge.height:.3f}</title></path>"
        )
        place[count + number] = (x, (y1 + y2) / 2)
    return f"<g class='tree'>{''.join(lines)}</g>"


def _names(order: Sequence[int], labels: Sequence[Label], x: int) -> str:
    return "".join(
        f"<g><circle cx='{x + 3}' cy='{(row + 0.5) * CELL:.1f}' r='3.5' fill='{labels[leaf].colour}'/>"
        f"<text x='{x + 11}' y='{(row + 0.5) * CELL + 3.5:.1f}'>{escape(labels[leaf].name)}</text>"
        f"<title>{escape(labels[leaf].code)}, {escape(labels[leaf].family)}</title></g>"
        for row, leaf in enumerate(order)
    )


def parting_figure(routed: Routed) -> str:
    """A bar a layer: how far it parts the languages."""
    parting = routed.parting
    highest = float(parting.max()) or 1.0
    step = 720 / len(parting)
    bars = "".join(
        f"<rect x='{layer * step + 1:.1f}' y='{110 - 95 * value / highest:.1f}' width='{step - 2:.1f}'"
        f" height='{95 * value / highest:.1f}'><title>layer {layer}: {value:.3f}</title></rect>"
        f"<text x='{(layer + 0.5) * step:.1f}' y='{106 - 95 * value / highest:.1f}'>{value:.2f}</text>"
        f"<text x='{(layer + 0.5) * step:.1f}' y='124'>{layer}</text>"
        for layer, value in enumerate(parting)
    )
    return (
        "<svg class='parting' viewBox='0 0 720 130' role='img' aria-label='How each layer parts the languages'>"
        f"{bars}</svg>"
    )


def layer_pictures(routed: Routed, order: Sequence[int]) -> list[str]:
    """For each layer a PNG: languages in `order` down, experts across, how much more than the mean each takes.

    Experts stand in the order of the language, by `order`, that they lean to most.
    """
    pictures = []
    for layer in range(routed.shares.shape[1]):
        leaning = leanings(routed, layer)[list(order)]
        lean_most = np.lexsort((-leaning.max(axis=0), leaning.argmax(axis=0)))
        pictures.append(png(leaning[:, lean_most] / FULL))
    return pictures


def leanings(routed: Routed, layer: int) -> Shares:
    """(languages, experts): log2 of a language's share of an expert over the mean of all languages.

    Where the mean is 0 nobody takes the expert: 0.
    """
    shares = routed.shares[:, layer]
    mean = shares.mean(axis=0)
    # So many tokens that one token more or less would not make a leaning.
    floor = 1 / routed.tokens[:, None]
    found: Shares = np.log2((shares + floor) / (mean + floor))
    return found


def layers_figure(routed: Routed, order: Sequence[int], labels: Sequence[Label], shown: int) -> str:
    """All layers' pictures on one place, the layer `shown` in sight, with the languages' names at the left."""
    count, experts = len(labels), routed.shares.shape[2]
    width = 900
    images = "".join(
        f"<image class='layer' href='{picture}' x='{LABEL_WIDTH}' y='0' width='{width}' height='{count * CELL}'"
        f" preserveAspectRatio='none'{'' if layer == shown else ' hidden'}/>"
        for layer, picture in enumerate(layer_pictures(routed, order))
    )
    return (
        f"<svg class='experts' viewBox='0 0 {LABEL_WIDTH + width + 8} {count * CELL + 4}' role='img'"
        f" aria-label='{experts} experts by {count} languages'>{_names(order, labels, 0)}{images}</svg>"
    )
