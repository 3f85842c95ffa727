"""How a curation report looks: one column on a phone, light or dark as its reader has it."""

from typing import Final

# What people removed, and the filters: hues of Okabe and Ito's palette, for the colour-blind too.
STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: #8884; --soft: #8881;
  --ink: light-dark(#1a1d21, #e6e8eb); --paper: light-dark(#fff, #14171a); --faint: light-dark(#5b6470, #9aa4b0);
  --kept: light-dark(#2f9e6e, #3fb983); --out: light-dark(#d55e00, #f0803c); --in: light-dark(#6b8cae, #7d9fc2);
  --k0: #4b4f9e; --k1: #0072b2; --k2: #e69f00; --k3: #cc79a7; --k4: #d55e00; --k5: #b03a2e; --k6: #56b4e9;
  --k7: #8a8a8a; --k8: #6a5acd; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; } h4 { font-size: .9rem; margin: 1rem 0 .3rem; font-weight: 600; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: .5rem 0; }
dl div { display: flex; flex-direction: column-reverse; } dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
a { color: inherit; text-underline-offset: 4px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: separate; border-spacing: 0; width: 100%;
  font-size: .88rem; font-variant-numeric: tabular-nums; }
.narrow { width: auto; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr:last-child > * { border-bottom: 0; } th { font-weight: 500; } thead th { color: var(--faint); }
.name, .text { text-align: left; } .text { white-space: normal; overflow-wrap: anywhere; }
th.name { position: sticky; left: 0; background: var(--paper); z-index: 1; } td.none { color: var(--faint); }
.card th { color: var(--faint); vertical-align: top; position: static; }
.total > * { font-weight: 600; } .source > * { color: var(--faint); } .wide { min-width: 9rem; width: 22%; }
.bar { display: flex; height: .7rem; border-radius: 3px; overflow: hidden; background: var(--soft); }
.bar i { flex: none; } .bar .kept { background: var(--kept); }
.bar .k0 { background: var(--k0); } .bar .k1 { background: var(--k1); } .bar .k2 { background: var(--k2); }
.bar .k3 { background: var(--k3); } .bar .k4 { background: var(--k4); } .bar .k5 { background: var(--k5); }
.bar .k6 { background: var(--k6); } .bar .k7 { background: var(--k7); }
.bar .k8 { background: var(--k8); }
span.kept::before, span.k0::before, span.k1::before, span.k2::before, span.k3::before, span.k4::before,
span.k5::before, span.k6::before, span.k7::before, span.k8::before { content: ""; display: inline-block;
  width: .7em; height: .7em; margin-right: .4em; border-radius: 2px; background: var(--dot); }
span.kept { --dot: var(--kept); } span.k0 { --dot: var(--k0); } span.k1 { --dot: var(--k1); }
span.k2 { --dot: var(--k2); } span.k3 { --dot: var(--k3); } span.k4 { --dot: var(--k4); }
span.k5 { --dot: var(--k5); } span.k6 { --dot: var(--k6); }
span.k7 { --dot: var(--k7); } span.k8 { --dot: var(--k8); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .8rem 0; font-size: .9rem; }
.note, small { color: var(--faint); font-size: .85rem; margin: .3rem 0; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
details > div { padding: 0 .9rem 1rem; }
summary { padding: .5rem .9rem; cursor: pointer; } summary .bar { margin-top: .3rem; height: .4rem; }
details[open] > summary { border-bottom: 1px solid var(--line); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .8rem 1.2rem; }
figure { margin: 0; } figcaption { font-size: .78rem; } figcaption span { color: var(--out); }
svg { display: block; width: 100%; height: 4.2rem; } svg .in { fill: var(--in); } svg .out { fill: var(--out); }
svg line { stroke: var(--out); stroke-width: 1.5; stroke-dasharray: 3 2; vector-effect: non-scaling-stroke; }
svg line.axis { stroke: var(--line); stroke-dasharray: none; stroke-width: 1; }
.ends { display: flex; justify-content: space-between; color: var(--faint); font-size: .72rem; }
article { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; padding: .5rem .7rem;
  contain: paint; }
article p { margin: 0 0 .3rem; font-size: .8rem; color: var(--faint); overflow-wrap: anywhere; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; text-align: start;
  font: .85rem/1.5 system-ui, sans-serif; max-height: 14rem; overflow: auto; }
pre i, p i, code i { font-style: normal; font-size: .75em; padding: 0 .2em; border-radius: 3px;
  background: #8883; }
.source > th { padding-left: 1.4rem; }
@media (max-width: 40rem) { .source > th { max-width: 9rem; white-space: normal; overflow-wrap: anywhere;
    padding-left: .8rem; } .wide { min-width: 7rem; }
  body { padding: .6rem; } dd { font-size: 1.2rem; }
  details > div { padding: 0 .5rem .8rem; }
  .grid { grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; }
  .card, .card tbody, .card tr, .card th, .card td { display: block; width: auto; }
  .card th { border: 0; padding-bottom: 0; } .card td { padding-top: 0; } }
"""
