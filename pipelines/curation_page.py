"""Where the page on curation lies."""

from typing import Final

# The folder of a workspace's page on curation and of its languages' cards.
FOLDER: Final = "curation"
PAGE: Final = "report.html"
