"""Where the pages of this room take the showing of hostile text from: `sources/shown_text.py`."""

from sources.shown_text import placeholder, shown

__all__ = ["placeholder", "shown"]
