"""How much a filter may remove before the build stops and asks.

A wrong label, a wrong threshold or a wrong subset removes everything, or nothing, without any error. A share
outside what is expected of a source and language is an error here, with the figures.
"""

from collections.abc import Mapping

from filters.settings import REMOVAL_ENVIRONMENT, Band, Removal
from sources.errors import BabelmixError


def band(removal: Removal, source: str, language: str) -> Band:
    """What may be removed of `source` in `language`: the closest band that is declared."""
    for name in (f"{source}/{language}", source):
        if name in removal.sources:
            return removal.sources[name]
    return removal.default


def hold(
    removal: Removal, source: str, language: str, documents: int, dropped: Mapping[str, int], rows: str
) -> None:
    """Holds what was removed against its bands.

    `dropped` are documents by filter, in the filters' order; `rows` is where the row of each of them is.

    Raises:
        BabelmixError: nothing stayed, or a share is outside its band; the line gives the figures.
    """
    figures = ", ".join(f"{name} {count}" for name, count in dropped.items() if count) or "nothing"
    where = f"{source}/{language}"
    removed = sum(dropped.values())
    if removed >= documents and not removal.empty:
        raise BabelmixError(
            f"{where}: curation removed all of {documents} documents ({figures}); look at their rows in {rows} "
            "and at the language's label and thresholds, or say `empty: true` in the file that "
            f"{REMOVAL_ENVIRONMENT} names"
        )
    if documents < removal.fewest:
        return
    _within(band(removal, source, language), f"{where}: curation", removed, documents, figures, rows)
    reaching = documents
    for name, count in dropped.items():
        if name in removal.filters and reaching >= removal.fewest:
            _within(removal.filters[name], f"{where}: {name}", count, reaching, figures, rows)
        reaching -= count


def _within(expected: Band, what: str, removed: int, documents: int, figures: str, rows: str) -> None:
    share = removed / documents
    if not expected.least <= share <= expected.most:
        raise BabelmixError(
            f"{what} removed {removed} of {documents} documents, {share:.1%} ({figures}); expected are "
            f"{expected.least:.0%} to {expected.most:.0%}; look at their rows in {rows}, or widen the band "
            f"in the file that {REMOVAL_ENVIRONMENT} names"
        )
