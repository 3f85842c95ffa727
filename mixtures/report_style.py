"""How a mixture's report looks: one column on a phone, light or dark as its reader has it."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: #8884; --soft: #8882;
  --ink: light-dark(#1a1d21, #e6e8eb); --paper: light-dark(#fff, #14171a); --faint: light-dark(#5b6470, #9aa4b0);
  --planned: light-dark(#2f7fc1, #5aa6e6); --wanted: light-dark(#1a1d21, #f0f2f5);
  --kept: light-dark(#2f9e6e, #3fb983); --much: light-dark(#d55e00, #f0803c); --second: light-dark(#b07aa1,
  #cf9bc1); --d0: #0072b2; --d1: #e69f00; --d2: #cc79a7; --d3: #d55e00; --d4: #b03a2e; --d5: #56b4e9; --d6:
  #8a8a8a; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
h3 { font-size: .95rem; margin: 1rem 0 .3rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: .5rem 0; }
dl div { display: flex; flex-direction: column-reverse; } dt { color: var(--faint); font-size: .85rem; }
dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
a { color: inherit; text-underline-offset: 4px; }
.note, small { color: var(--faint); font-size: .85rem; margin: .3rem 0; overflow-wrap: anywhere; }
.warnings { padding-left: 1.1rem; font-size: .9rem; overflow-wrap: anywhere; } .warnings li { margin: .2rem 0; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.tall { max-height: 34rem; overflow-y: auto; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr:last-child > * { border-bottom: 0; } th { font-weight: 500; }
thead th { color: var(--faint); position: sticky; top: 0; background: var(--paper); z-index: 2; }
.name { text-align: left; } th.name { position: sticky; left: 0; background: var(--paper); z-index: 1; }
thead th.name { z-index: 3; } td.name, .licence { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; }
.total > * { font-weight: 600; } .wide { width: 26%; min-width: 9rem; text-align: left; }
.much { color: var(--much); font-weight: 600; } .none { color: var(--faint); }
.bar { position: relative; display: flex; height: .75rem; border-radius: 3px; background: var(--soft); }
.bar i { flex: none; border-radius: 3px; background: var(--planned); }
.bar b { position: absolute; top: -2px; bottom: -2px; width: 2px; margin-left: -1px; background: var(--wanted); }
.bar .over { background: var(--much); } .stack { overflow: hidden; } .stack i { border-radius: 0; }
.kept { background: var(--kept) !important; } .d0 { background: var(--d0) !important; }
.d1 { background: var(--d1) !important; } .d2 { background: var(--d2) !important; }
.d3 { background: var(--d3) !important; } .d4 { background: var(--d4) !important; }
.d5 { background: var(--d5) !important; } .d6 { background: var(--d6) !important; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .5rem 0; font-size: .85rem; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; }
.legend .tick { width: 2px; height: 1em; border-radius: 0; vertical-align: -.15em; background: var(--wanted); }
.legend .planned { background: var(--planned); } .legend .second { background: var(--second); }
figure { margin: 0; } figcaption { font-size: .82rem; } figcaption small { margin-left: .3rem; }
svg { display: block; width: 100%; height: 11rem; } .grid svg { height: 4rem; }
svg .documents { fill: var(--planned); } svg .tokens { fill: none; stroke: var(--second); stroke-width: 2;
  vector-effect: non-scaling-stroke; } svg .axis { stroke: var(--line); vector-effect: non-scaling-stroke; }
.ticks { position: relative; height: 1.2rem; color: var(--faint); font-size: .72rem; }
.ticks span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.ticks span:first-child { transform: none; } .ticks span:last-child { transform: translateX(-100%); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .8rem 1.4rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; }
details > div { padding: .3rem .9rem .8rem; } summary { padding: .4rem .9rem; cursor: pointer; }
summary small { white-space: normal; } details[open] > summary { border-bottom: 1px solid var(--line); }
article { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; padding: .5rem .7rem;
  contain: paint; }
article p { margin: 0 0 .3rem; font-size: .8rem; color: var(--faint); }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; text-align: start;
  font: .85rem/1.5 system-ui, sans-serif; max-height: 14rem; overflow: auto; }
pre i, td > i, th > i, li > i, h1 > i, summary b > i { font-style: normal; font-size: .75em; padding: 0 .2em;
  border-radius: 3px; background: #8883; }
@media (max-width: 40rem) { body { padding: .6rem; } dd { font-size: 1.2rem; } .wide { min-width: 6rem; }
  th.name { min-width: 6.2rem;
  max-width: 8.5rem; white-space: normal; overflow-wrap: anywhere; } th, td { padding: .2rem .4rem; }
  .grid { grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; }
  details > div { padding: .2rem .5rem .6rem; } svg { height: 8rem; } }
"""
