"""The names of the filters, in the order in which a document meets them."""

from typing import Final

FILTERS: Final = (
    "language",
    "duplicates",
    "repetition",
    "quality",
    "contamination",
    "privacy",
    "bitext",
    "synthesis",
)
