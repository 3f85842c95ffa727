"""The card of a language: what is known of how well its documents are told apart, split and kept.

One Markdown and one JSON file a language, and a part of the curation report. Every figure is of the run's own
documents, but precision and recall, which need labelled text, and tokens per word, which the planner has measured.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import fsspec

from filters.code_switching import CodeSwitching, code_switching
from filters.confusions import Recognition, label_codes, recognition
from filters.identifiers import IdentifierName, identified
from filters.names import FILTERS
from pipelines.curated_places import CuratedPlace
from pipelines.curation_sample import Sampled
from sources.language import Language, languages

_TOKENS_PER_WORD: Final = files("mixtures") / "tokens_per_word.csv"
# What FineWeb-2 split the words of these languages by has no light wheel: ICU's dictionary stands in for it.
_PROXY: Final = "ICU's dictionary stands in for the word splitter that FineWeb-2's thresholds were computed with"
_CONFUSIONS: Final = 8


@dataclass(frozen=True, slots=True)
class LanguageCard:
    """What a person should know of a language before training on it. Shares are fractions of 1."""

    code: str
    name: str
    native_name: str
    documents: int
    kept: int
    # Filter to the share of all documents that it dropped.
    removed: Mapping[str, float]
    segmentation: str
    # Why the segmentation is a stand-in; None where it is the one that the thresholds were computed with.
    proxy: str | None
    identifier: str
    label: str | None
    threshold: float | None
    # On labelled text; None where there is none.
    recognition: Recognition | None
    # What the identifier said first of the run's documents, and of which share of them.
    first: tuple[tuple[str, float], ...]
    code_switching: CodeSwitching | None
    tokens_per_word: float | None

    def as_dict(self) -> dict[str, Any]:
        """The card as JSON."""
        share = self.code_switching.share if self.code_switching else None
        return {**asdict(self), "code_switch_share": share}


def language_card(
    places: Sequence[tuple[CuratedPlace, Sampled]], recognised: Recognition | None = None
) -> LanguageCard:
    """The card of one language from its places, all sources together, and what was sampled of each."""
    of, settings = places[0][0].language, places[0][0].settings
    documents, dropped, kept, first = 0, Counter[str](), 0, Counter[str]()
    for place, found in places:
        documents, kept = documents + place.totals["documents"], kept + place.totals["kept"]
        for row in place.totals["dropped"]:
            dropped[row["filter"]] += row["documents"]
        first += found.first
    codes = label_codes(languages().values(), settings.identifier)
    known = identified(of, settings.identifier)
    return LanguageCard(
        of.code,
        of.name,
        of.native_name,
        documents,
        kept,
        {name: dropped[name] / documents for name in FILTERS if dropped[name] and documents},
        _segmentation(of),
        _PROXY if of.segmentation.rule == "dictionary" else None,
        settings.identifier,
        known.label if known else None,
        known.threshold if known else None,
        recognised,
        tuple((codes.get(label, label), count / first.total()) for label, count in first.most_common(_CONFUSIONS)),
        code_switching((text for _, found in places for text in found.kept_texts), of, settings.identifier),
        tokens_per_word().get(of.code),
    )


def language_cards(
    places: Iterable[tuple[CuratedPlace, Sampled]], recognised: Mapping[str, Recognition] | None = None
) -> list[LanguageCard]:
    """A card for each language among `places`, in the order of their codes."""
    by_code: dict[str, list[tuple[CuratedPlace, Sampled]]] = {}
    for place, found in places:
        by_code.setdefault(place.language.code, []).append((place, found))
    return [language_card(by_code[code], (recognised or {}).get(code)) for code in sorted(by_code)]


def recognised_languages(
    labelled: Mapping[str, Sequence[str]], identifier: IdentifierName = "fasttext176"
) -> dict[str, Recognition]:
    """Precision and recall by code on labelled texts, for `language_cards`."""
    return recognition(labelled, languages(), identifier)


def write_language_cards(cards: Iterable[LanguageCard], folder: str) -> list[str]:
    """Writes `<code>.md` and `<code>.json` of each card into a folder or URL; returns the files' names."""
    fs, place = fsspec.core.url_to_fs(folder)
    fs.makedirs(place, exist_ok=True)
    written = []
    for card in cards:
        for name, text in (
            (f"{card.code}.md", card_markdown(card)),
            (f"{card.code}.json", json.dumps(card.as_dict(), indent=1, ensure_ascii=False) + "\n"),
        ):
            fs.pipe_file(f"{place}/{name}", text.encode())
            written.append(name)
    return written


def card_markdown(card: LanguageCard) -> str:
    """The card as a Markdown page."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in card_rows(card))
    return f"# {card.name} ({card.native_name}), {card.code}\n\n| | |\n|---|---|\n{rows}\n"


def card_rows(card: LanguageCard) -> list[tuple[str, str]]:
    """The card as names and values for a person to read."""
    identifier = (
        f"{card.identifier} calls it {card.label}, believed from {card.threshold} on"
        if card.label
        else f"{card.identifier} does not know it: script and stop words judge"
    )
    return [
        ("documents", f"{card.documents:,} in, {card.kept:,} kept ({_percent(card.kept, card.documents)})"),
        *((f"removed: {name}", f"{share:.1%}") for name, share in card.removed.items()),
        ("words", card.segmentation + (f"; a proxy: {card.proxy}" if card.proxy else "")),
        ("identifier", identifier),
        ("on labelled text", _recognised(card.recognition)),
        ("said first", ", ".join(f"{label} {share:.1%}" for label, share in card.first) or "not asked"),
        ("lines in other languages", _switched(card.code_switching)),
        ("tokens per word", "not measured" if card.tokens_per_word is None else f"{card.tokens_per_word:.2f}"),
    ]


@cache
def tokens_per_word() -> dict[str, float]:
    """Tokens of the recipes' tokenizer per word, by code, as the planner has them."""
    with _TOKENS_PER_WORD.open("r", encoding="utf-8") as file:
        return {row["language"]: float(row["tokens_per_word"]) for row in csv.DictReader(file)}


def _segmentation(of: Language) -> str:
    if of.segmentation.rule == "dictionary":
        return f"not spaced: ICU's dictionary, locale {of.segmentation.locale}"
    return f"spaced: Unicode's word boundaries (UAX #29), locale {of.segmentation.locale}"


def _recognised(found: Recognition | None) -> str:
    if found is None:
        return "none at hand"
    precision = "·" if found.precision is None else f"{found.precision:.3f}"
    return f"precision {precision}, recall {found.recall:.3f} on {found.texts:,} texts"


def _switched(found: CodeSwitching | None) -> str:
    if found is None:
        return "the identifier does not know the language"
    if found.share is None:
        return f"no line of {found.documents:,} kept documents was long enough to tell"
    labels = ", ".join(f"{label} {count}" for label, count in found.labels[:5])
    return f"{found.share:.1%} of {found.lines:,} lines of {found.documents:,} kept documents" + (
        f" ({labels})" if labels else ""
    )


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"
