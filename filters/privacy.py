"""Redacts e-mail and IP addresses with datatrove's patterns (its `PIIFormatter`, which FineWeb-2 runs)."""

from collections.abc import Iterator
from typing import Final

from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.formatters import PIIFormatter

# One replacement and not a list in turn: the result must not depend on the documents before. Both are reserved
# for documentation (RFC 2606, RFC 5737).
EMAIL: Final = "email@example.com"
ADDRESS: Final = "192.0.2.1"


class Privacy(PipelineStep):
    """Replaces the addresses and counts them in `privacy.emails` and `privacy.ips`; drops nothing."""

    type = "✂️ - FORMAT"
    name = "📞 Privacy"

    def __init__(self) -> None:
        super().__init__()
        pii = PIIFormatter(only_remove_public_ips=False)
        self._emails, self._ips = pii.emails_replacer.regex, pii.ip_replacer.regex

    def run(self, data: DocumentsPipeline, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, redacted."""
        for document in data or ():
            scores = document.metadata["scores"]
            document.text, scores["privacy.emails"] = self._emails.subn(EMAIL, document.text)
            document.text, scores["privacy.ips"] = self._ips.subn(ADDRESS, document.text)
            self.stat_update("emails", value=scores["privacy.emails"])
            self.stat_update("ips", value=scores["privacy.ips"])
            yield document
