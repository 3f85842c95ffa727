"""The names of the filters, in the order in which a document meets them."""

from typing import Final

# `removal` is no filter but a person's list of what must go.
FILTERS: Final = (
    "removal",
    "language",
    "duplicates",
    "repetition",
    "quality",
    "contamination",
    "privacy",
    "bitext",
    "synthesis",
)
