"""`report.html` of a curation run: what came in, what each filter dropped and why, on one page without network.

The page has no script, and a policy that lets it load nothing. Texts of documents are hostile input: see
`pipelines/shown_text.py`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Final

import fsspec

from filters.confusions import Recognition
from filters.fineweb2_rules import language_rules, quality_rules, repetition_rules
from filters.names import FILTERS
from filters.rules import Rule
from filters.settings import CurationSettings
from filters.statistics import STATISTICS
from pipelines.curated_places import CuratedPlace, curated_places
from pipelines.curation_sample import EXAMPLES, Example, Histogram, Sampled, sampled
from pipelines.curation_style import STYLE
from pipelines.histogram_svg import histogram_figure
from pipelines.language_card import LanguageCard, card_rows, language_cards, write_language_cards
from pipelines.step import Step
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.language import Language
from sources.shown_text import shown

# Nothing is fetched, run or sent, whatever a text holds that should have been escaped.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_EXCERPT: Final = 400
_SHORT: Final = 120

Sampling = Sequence[tuple[CuratedPlace, Sampled]]


def write_curation_report(
    workspace: Workspace,
    steps: Iterable[Step],
    path: str,
    recognised: Mapping[str, Recognition] | None = None,
    cards: str | None = None,
) -> list[LanguageCard]:
    """Writes the report of the `curate` steps among `steps` that are complete, and the languages' cards.

    Args:
        path: the page, a path or URL.
        recognised: precision and recall by code on labelled text (`language_card.recognised_languages`).
        cards: a folder for `<code>.md` and `<code>.json`; None writes the cards into the page only.

    Raises:
        BabelmixError: no step is complete, or a file cannot be read.
    """
    places = curated_places(workspace, steps)
    if not places:
        raise BabelmixError(f"workspace {workspace.url}: nothing is curated there; run `babelmix curate` first")
    return write_report_of(places, path, recognised, cards)


def write_report_of(
    places: Iterable[CuratedPlace],
    path: str,
    recognised: Mapping[str, Recognition] | None = None,
    cards: str | None = None,
) -> list[LanguageCard]:
    """As `write_curation_report`, of folders that need not be in a workspace."""
    found = [(place, sampled(place)) for place in places]
    made = language_cards(found, recognised)
    with fsspec.open(path, "w", encoding="utf-8") as file:
        file.write(_page(found, made))
    if cards is not None:
        write_language_cards(made, cards)
    return made


def _page(found: Sampling, cards: Sequence[LanguageCard]) -> str:
    ordered = sorted(found, key=lambda item: item[0].language.code)
    groups = {code: list(group) for code, group in groupby(ordered, key=lambda item: item[0].language.code)}
    body = [
        "<header><h1>Curation</h1>",
        _summary([place for place, _ in found]),
        _legend([place for place, _ in found]),
        "</header><main><section><h2>Funnel</h2>",
        _funnel([place for place, _ in ordered]),
        "</section>",
        _contamination(found),
        "<section><h2>Languages</h2>",
        *(_language(groups[card.code], card) for card in cards),
        "</section></main>",
    ]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Curation report</title><style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _summary(places: Sequence[CuratedPlace]) -> str:
    documents, kept, _ = _counts(places)
    languages, sources = len({each.language.code for each in places}), len({each.source for each in places})
    tiles = (
        (f"{documents:,}", "documents in"),
        (f"{kept:,}", f"kept ({kept / max(documents, 1):.1%})"),
        (f"{documents - kept:,}", "dropped"),
        (f"{languages}", "languages" if languages != 1 else "language"),
        (f"{sources}", "sources" if sources != 1 else "source"),
    )
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{number}</dd></div>' for number, name in tiles)}</dl>"


def _legend(places: Sequence[CuratedPlace]) -> str:
    _, _, dropped = _counts(places)
    names = ["kept", *(name for name in FILTERS if dropped[name])]
    parts = "".join(f"<span class='{_kind(name)}'>{name}</span>" for name in names)
    return f"<p class='legend'>{parts}</p>"


def _funnel(places: Sequence[CuratedPlace]) -> str:
    _, _, all_dropped = _counts(places)
    names = [name for name in FILTERS if all_dropped[name]]
    rows = [_funnel_row("all", "", places, names, "total")]
    for code, group in groupby(places, key=lambda each: each.language.code):
        of = list(group)
        link = f"<a href='#{code}'>{code}</a>"
        if len(of) == 1:
            rows.append(_funnel_row(link, escape(of[0].source), of, names, "language"))
        else:
            rows.append(_funnel_row(link, f"{len(of)} sources", of, names, "language"))
            rows += [_funnel_row(f"↳ {escape(each.source)}", "", [each], names, "source") for each in of]
    head = "".join(f"<th>{name}" for name in ("in", *names, "kept"))
    return (
        "<div class='scroll'><table><thead><tr><th class='name'>language<th class='wide name'>share"
        f"{head}<th class='name'>source</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _funnel_row(name: str, source: str, places: Sequence[CuratedPlace], names: Sequence[str], kind: str) -> str:
    documents, kept, dropped = _counts(places)
    counts = "".join(f"<td>{dropped[each]:,}" if dropped[each] else "<td class='none'>·" for each in names)
    return (
        f"<tr class='{kind}'><th class='name' scope='row'>{name}<td class='wide'>{_bar(documents, kept, dropped)}"
        f"<td>{documents:,}{counts}<td>{kept:,}<td class='name'>{source}</tr>"
    )


def _bar(documents: int, kept: int, dropped: Mapping[str, int]) -> str:
    parts = [("kept", kept), *((name, dropped.get(name, 0)) for name in FILTERS)]
    inner = "".join(
        f"<i class='{_kind(name)}' style='width:{100 * count / documents:.2f}%' title='{name} {count:,}'></i>"
        for name, count in parts
        if count
    )
    return f"<div class='bar'>{inner}</div>"


def _kind(name: str) -> str:
    """A filter's class in the style sheet."""
    return f"k{FILTERS.index(name)}" if name in FILTERS else "kept"


def _counts(places: Iterable[CuratedPlace]) -> tuple[int, int, Counter[str]]:
    documents, kept, dropped = 0, 0, Counter[str]()
    for place in places:
        documents, kept = documents + place.totals["documents"], kept + place.totals["kept"]
        for row in place.totals["dropped"]:
            dropped[row["filter"]] += row["documents"]
    return documents, kept, dropped


def _contamination(found: Sampling) -> str:
    benchmarks: dict[str, Counter[str]] = {}
    for place, sample in found:
        for name, count in sample.benchmarks.items():
            benchmarks.setdefault(name, Counter())[place.language.code] += count
    head = "<section><h2>Contamination</h2>"
    if not benchmarks:
        return f"{head}<p>No document held an item of a benchmark that was looked for.</p></section>"
    rows = "".join(
        f"<tr><th class='name' scope='row'>{shown(name, _SHORT) or '?'}<td>{by.total():,}"
        f"<td class='name'>{', '.join(f'{code} {count:,}' for code, count in by.most_common())}</tr>"
        for name, by in sorted(benchmarks.items(), key=lambda item: (-item[1].total(), item[0]))
    )
    return (
        f"{head}<div class='scroll'><table><thead><tr><th class='name'>benchmark<th>documents"
        f"<th class='name'>languages</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _language(found: Sampling, card: LanguageCard) -> str:
    documents, kept, dropped = _counts(place for place, _ in found)
    of, settings = found[0][0].language, found[0][0].settings
    share = f"{kept:,} of {documents:,} kept"
    return (
        f"<details><summary><b>{card.code}</b> {escape(card.name)} <small>{share}</small>"
        f"{_bar(documents, kept, dropped)}</summary><div id='{card.code}'>"
        f"{_card(card)}{_reasons(place for place, _ in found)}{_histograms(found, of, settings)}"
        f"{_examples([example for _, sample in found for example in sample.examples], of)}</div></details>"
    )


def _card(card: LanguageCard) -> str:
    rows = "".join(
        f"<tr><th class='name' scope='row'>{escape(name)}<td class='text'>{escape(value)}</tr>"
        for name, value in card_rows(card)
    )
    return f"<h3>Card</h3><table class='card'><tbody>{rows}</tbody></table>"


def _reasons(places: Iterable[CuratedPlace]) -> str:
    counts: Counter[tuple[str, str]] = Counter()
    notes: dict[str, None] = {}
    for place in places:
        for row in place.totals["dropped"]:
            counts[row["filter"], row["reason"]] += row["documents"]
        notes |= dict.fromkeys(place.totals.get("notes", ()))
    rows = "".join(
        f"<tr><td class='name'><span class='{_kind(name)}'>{escape(name)}</span><td class='name'>{escape(reason)}"
        f"<td>{count:,}</tr>"
        for (name, reason), count in sorted(
            counts.items(), key=lambda item: (FILTERS.index(item[0][0]), -item[1], item[0][1])
        )
    )
    said = "".join(f"<p class='note'>{escape(note)}.</p>" for note in notes)
    if not rows:
        return f"<h3>Dropped</h3><p>Nothing.</p>{said}"
    return f"<h3>Dropped</h3><div class='scroll'><table class='narrow'><tbody>{rows}</tbody></table></div>{said}"


def _histograms(found: Sampling, of: Language, settings: CurationSettings) -> str:
    merged: dict[str, Histogram] = {}
    for _, sample in found:
        for statistic, histogram in sample.histograms.items():
            merged.setdefault(statistic, Histogram()).counts += histogram.counts
    rules: dict[str, list[Rule]] = {}
    for rule in (
        *language_rules(of, settings.identifier),
        *repetition_rules(of.thresholds),
        *quality_rules(of.thresholds),
    ):
        if rule.reason != "empty":
            rules.setdefault(rule.statistic, []).append(rule)
    figures = "".join(
        histogram_figure(statistic, merged[statistic], rules.get(statistic, ()))
        for statistic in ("language.score", *STATISTICS)
        if statistic in merged and merged[statistic].counts.any()
    )
    documents = sum(sample.documents for _, sample in found)
    return (
        f"<h3>Statistics</h3><p class='note'>{documents:,} documents were looked at, those that their category"
        " spares a filter among them. Heights are square roots of counts; a line is the language's threshold.</p>"
        f"<div class='grid'>{figures}</div>"
    )


def _examples(examples: Sequence[Example], of: Language) -> str:
    if not examples:
        return ""
    parts = []
    ordered = sorted(examples, key=lambda each: (FILTERS.index(each.filter), each.reason))
    for (name, reason), group in groupby(ordered, key=lambda each: (each.filter, each.reason)):
        items = "".join(_example(each, of) for each in list(group)[:EXAMPLES])
        parts.append(f"<h4><span class='{_kind(name)}'>{escape(name)}</span> {escape(reason)}</h4>{items}")
    return f"<h3>Examples of what was dropped</h3>{''.join(parts)}"


def _example(example: Example, of: Language) -> str:
    measured = "" if example.value is None else f"value {example.value:.4g}"
    if example.threshold is not None:
        measured += f", threshold {example.threshold:.4g}"
    detail = f", {shown(example.detail, _SHORT)}" if example.detail else ""
    return (
        f"<article><p><code>{shown(example.id, _SHORT)}</code> {measured}{detail}</p>"
        f"<pre dir='auto' translate='no'>{shown(example.text, _EXCERPT)}</pre></article>"
    )
