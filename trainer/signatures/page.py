"""The signatures as one HTML page that needs nothing beside it."""

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from trainer.signatures.clustering import Tree
from trainer.signatures.figures import (
    correlation_legend,
    layers_figure,
    parting_figure,
    relation_figure,
)
from trainer.signatures.labels import Label, labels_of
from trainer.signatures.picture import colour
from trainer.signatures.routing import Routed, Shares

_STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: #8884;
  --ink: light-dark(#1a1d21, #e6e8eb); --paper: light-dark(#fff, #14171a); --faint: light-dark(#5b6470, #9aa4b0);
  --bar: light-dark(#6b8cae, #7d9fc2); }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .3rem; }
p { max-width: 46rem; margin: .3rem 0 .8rem; color: var(--faint); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: .5rem 0; }
dl div { display: flex; flex-direction: column-reverse; } dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; } svg { display: block; width: 100%; height: auto; }
svg text { font-size: 10px; fill: var(--ink); } .tree path { fill: none; stroke: var(--faint); stroke-width: 1.1; }
.relation rect:hover { stroke: var(--ink); stroke-width: 2; }
.parting { max-width: 46rem; } .parting rect { fill: var(--bar); }
.parting text { fill: var(--faint); text-anchor: middle; }
.experts { min-width: 46rem; } .layer { image-rendering: pixelated; } .layer[hidden] { display: none; }
.legend, .scale { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .6rem 0; font-size: .88rem; }
.legend i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }
.scale { gap: 0; align-items: center; } .scale i { width: 1.6rem; height: .8rem; } .scale span { margin: 0 .5rem; }
label { display: flex; gap: .8rem; align-items: center; margin: .4rem 0; } input { width: 22rem; max-width: 60vw; }
output { font-variant-numeric: tabular-nums; min-width: 5rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 500; color: var(--faint); } .name { text-align: left; }
"""

# The slider shows one layer's picture and hides the others.
_SCRIPT: Final = """
const slider = document.querySelector('#layer'), layers = document.querySelectorAll('.layer');
slider.addEventListener('input', () => {
  layers.forEach((each, number) => each.toggleAttribute('hidden', number !== +slider.value));
  document.querySelector('#layer-name').textContent = 'layer ' + slider.value;
});
"""


def signatures_page(name: str, routed: Routed, correlation: Shares, tree: Tree) -> str:
    """The page of the checkpoint `name`."""
    labels = labels_of(routed.languages)
    shown = int(routed.parting.argmax())
    layers, experts = routed.shares.shape[1:]
    even = " ".join(
        (
            "0 is all languages alike, 1 each language with experts of its own:",
            "half the summed difference between a language's tokens over the experts and the mean of all",
            "languages.",
        )
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Expert signatures: {escape(name)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Expert signatures of {escape(name)}</h1>{_numbers(routed)}"
        "<h2>Which languages take the same experts</h2>"
        "<p>Pearson's correlation between the shares of two languages' tokens that each expert of each layer"
        " takes, and the tree that average linkage makes of it."
        " The further right two branches join, the more alike.</p>"
        f"{_families(labels)}{correlation_legend(correlation)}"
        f"<div class='scroll'>{relation_figure(correlation, tree, labels)}</div>"
        f"<h2>How far each layer parts the languages</h2><p>{even}</p>{parting_figure(routed)}"
        "<h2>Experts by language</h2>"
        f"<p>A row a language, a column an expert: {experts} of them. Orange takes more of the language's tokens"
        " than the mean over languages, 4 times at full colour; blue takes less. Experts stand in the order of the"
        " language that they lean to most.</p>"
        f"{_leaning_legend()}"
        f"<label>Layer <input id='layer' type='range' min='0' max='{layers - 1}' value='{shown}'>"
        f"<output id='layer-name'>layer {shown}</output></label>"
        f"<div class='scroll'>{layers_figure(routed, tree.order, labels, shown)}</div>"
        f"<h2>Languages</h2><div class='scroll'>{_table(routed, correlation, tree.order, labels)}</div>"
        f"<script>{_SCRIPT}</script></body></html>\n"
    )


def _numbers(routed: Routed) -> str:
    languages, layers, experts = routed.shares.shape
    shown = {
        "languages": languages,
        "documents": int(routed.documents.sum()),
        "tokens": int(routed.tokens.sum()),
        "layers": layers,
        "experts a layer": experts,
    }
    return (
        "<dl>"
        + "".join(f"<div><dt>{name}</dt><dd>{number:,}</dd></div>" for name, number in shown.items())
        + "</dl>"
    )


def _families(labels: Sequence[Label]) -> str:
    colours = {label.family: label.colour for label in labels}
    return (
        "<div class='legend'>"
        + "".join(
            f"<span><i style='background:{shade}'></i>{escape(family)}</span>" for family, shade in colours.items()
        )
        + "</div>"
    )


def _leaning_legend() -> str:
    stops = "".join("<i style='background:rgb({},{},{})'></i>".format(*colour(step / 4)) for step in range(-4, 5))
    return f"<div class='scale'><span>a quarter of the mean</span>{stops}<span>4 times</span></div>"


def _table(routed: Routed, correlation: Shares, order: Sequence[int], labels: Sequence[Label]) -> str:
    others = correlation - 2 * np.eye(len(labels))
    rows = []
    for one in order:
        nearest = int(others[one].argmax())
        layer, expert, times = _own_expert(routed, one)
        alone = len(labels) == 1
        rows.append(
            f"<tr><td class='name'>{escape(labels[one].name)}</td><td>{routed.documents[one]:,}</td>"
            f"<td>{routed.tokens[one]:,}</td>"
            f"<td class='name'>{'' if alone else escape(labels[nearest].name)}</td>"
            f"<td>{'' if alone else f'{correlation[one, nearest]:.3f}'}</td>"
            f"<td>{layer} / {expert}</td><td>{routed.shares[one, layer, expert]:.1%}</td><td>{times:.1f}</td></tr>"
        )
    head = (
        "<tr><th class='name'>language</th><th>documents</th><th>tokens</th><th class='name'>nearest language</th>"
        "<th>correlation</th><th>its own layer / expert</th><th>of its tokens</th><th>times the mean</th></tr>"
    )
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _own_expert(routed: Routed, language: int) -> tuple[int, int, float]:
    """The layer and expert that take most of its tokens beyond the mean of all, and how many times that mean."""
    mean = routed.shares.mean(axis=0)
    beyond = routed.shares[language] - mean
    layer, expert = np.unravel_index(int(beyond.argmax()), beyond.shape)
    times = routed.shares[language, layer, expert] / mean[layer, expert] if mean[layer, expert] else 0.0
    return int(layer), int(expert), float(times)
