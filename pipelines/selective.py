"""Steps that only documents of some categories meet; the others pass."""

from collections.abc import Iterator

from datatrove.data import Document, DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from filters.verdict import Drop, Judge


class ChangeOnly(PipelineStep):
    """A step that changes documents one by one, for those of `categories`; the others stay as they are."""

    type = "✂️ - FORMAT"

    def __init__(self, inner: PipelineStep, categories: tuple[str, ...]) -> None:
        self.name = inner.name
        super().__init__()
        self.inner, self.categories = inner, categories

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields every document, in their order."""
        for document in data or ():
            if document.metadata["category"] in self.categories:
                yield from self.inner.run([document], rank, world_size)
            else:
                yield document


class JudgeOnly(Judge):
    """A filter for documents of `categories`; its rows are the filter's own.

    Of the others only those without any text are dropped: no category wants them.
    """

    def __init__(self, inner: Judge, categories: tuple[str, ...]) -> None:
        self.name = inner.name
        self.filter = inner.filter  # type: ignore[misc]  # it stands in that filter's place
        super().__init__(inner.dropped)
        self.inner, self.categories = inner, categories

    def judge(self, document: Document) -> Drop | None:
        """What the filter says, or None."""
        if document.metadata["category"] in self.categories:
            return self.inner.judge(document)
        return None if document.text.strip() else Drop("empty", value=0.0, threshold=1.0)
