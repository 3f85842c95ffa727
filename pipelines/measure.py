"""Measures the documents of one source and language: everything that curation decides by, and no decision.

A text is repaired, identified and measured once. What is written stands beside the documents (`measured_files`),
so that other thresholds draw other verdicts without reading a text again.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from datatrove.data import Document, DocumentsPipeline
from datatrove.io import DataFolderLike
from datatrove.pipeline.base import PipelineStep

from filters.boilerplate import cut
from filters.contamination import Match, Units, benchmark_index, drop, without
from filters.identifiers import identified, identify
from filters.quality_model import load_model, scores
from filters.repair import Repair
from filters.settings import CurationSettings
from filters.statistics import BANDS, STATISTICS, Measured, measure
from pipelines.document_files import document_files
from pipelines.measured_files import MEASURED, TableWriter, document_groups
from sources.language import Language

# Bytes of text that are measured at once: what the kernel works in is many times as large.
_BYTES: Final = 4 << 20


class Measuring(PipelineStep):
    """Measures the files of `documents` into `measured`; rank r of n does every n-th file from the r-th on."""

    type = "📏 - MEASURE"
    name = "📏 Measure"

    def __init__(
        self,
        documents: DataFolderLike,
        measured: DataFolderLike,
        language: Language,
        settings: CurationSettings,
        boilerplate: npt.NDArray[np.uint64] | None = None,
    ) -> None:
        """`boilerplate` are the lines to cut (`filters.boilerplate.repeated_lines`), None for not looked for."""
        super().__init__()
        self.documents, self.measured = documents, measured
        self.language, self.settings = language, settings
        self.boilerplate = boilerplate

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Yields nothing.

        Raises:
            BabelmixError: a file cannot be read.
        """
        for name in document_files(self.documents)[rank::world_size]:
            with TableWriter(self.measured, name, MEASURED) as writer:
                for table in document_groups(self.documents, name):
                    with self.track_time():
                        parts = [self._measured(part) for part in _parts(table)]
                        writer.write(pa.concat_tables(parts) if parts else MEASURED.empty_table())
                    self.stat_update("documents", value=len(table))
        yield from ()

    def _measured(self, table: pa.Table) -> pa.Table:
        categories = table["category"]
        texts = table["text"].to_pylist()
        solid, boilerplate = self._cut(table)
        repaired = self._repaired(solid, self._meeting("repair", categories))
        found = measure(pa.array(repaired, pa.large_string()), self.language)
        asked = self._meeting("contamination", categories)
        matches = self._questions(found, asked)
        cut_off = self._without_questions(repaired, matches)
        if cut_off:
            found = measure(pa.array(repaired, pa.large_string()), self.language)
            matches = self._questions(found, asked)
        columns: dict[str, Any] = {
            "id": table["id"],
            "text": pa.array(
                [now if now != before else None for now, before in zip(repaired, texts, strict=True)], pa.string()
            ),
            **{name: found.statistics[name] for name in STATISTICS},
            **boilerplate,
            "quality.model": self._quality(repaired, self._meeting("quality", categories)),
            **self._identified(repaired, self._meeting("language", categories)),
            "duplicates.bands": pa.FixedSizeListArray.from_arrays(pa.array(found.bands.ravel()), BANDS),
            "duplicates.exact": found.exact,
            **self._contaminated(repaired, matches),
            "contamination.characters": pa.array([cut_off.get(row) for row in range(len(texts))], pa.float64()),
        }
        return pa.table({name: columns[name] for name in MEASURED.names}).cast(MEASURED)

    def _meeting(self, check: str, categories: pa.ChunkedArray) -> list[int]:
        """The rows of categories whose documents meet `check`."""
        wanted = [name for name in pc.unique(categories).to_pylist() if check in self.settings.checks_for(name)]
        return [int(row) for row in np.flatnonzero(pc.is_in(categories, pa.array(wanted, pa.string())))]

    def _cut(self, table: pa.Table) -> tuple[list[str], dict[str, Any]]:
        """The texts without their hosts' boilerplate, and how much that was."""
        if self.boilerplate is None:
            nothing = pa.nulls(len(table), pa.float64())
            return table["text"].to_pylist(), {"boilerplate.lines": nothing, "boilerplate.characters": nothing}
        found = cut(table["text"].combine_chunks(), table["url"].combine_chunks(), self.boilerplate)
        columns = {"boilerplate.lines": found.lines, "boilerplate.characters": found.characters}
        return found.texts.to_pylist(), {name: pa.array(values, pa.float64()) for name, values in columns.items()}

    def _repaired(self, texts: list[str], rows: list[int]) -> list[str]:
        repaired = list(texts)
        for row, text in zip(rows, Repair().batch([texts[row] for row in rows]), strict=True):
            repaired[row] = text
        return repaired

    def _identified(self, texts: list[str], rows: list[int]) -> dict[str, Any]:
        score, first, first_score = ([cast(Any, None)] * len(texts) for _ in range(3))
        known = identified(self.language, self.settings.identifier)
        if known and rows:
            says = identify([texts[row] for row in rows], known.label, self.settings.identifier)
            for at, row in enumerate(rows):
                score[row], first[row], first_score[row] = says.score[at], says.first[at], says.first_score[at]
        return {
            "language.score": pa.array(score, pa.float64()),
            "language.first": pa.array(first, pa.string()),
            "language.first_score": pa.array(first_score, pa.float64()),
        }

    def _quality(self, texts: list[str], rows: list[int]) -> pa.Array:
        """What the language's quality model says of the documents of `rows`, if there is one."""
        found: list[float | None] = [None] * len(texts)
        if model := self.settings.quality_models.get(self.language.code):
            loaded = load_model(model.path, model.digest)
            for row, score in zip(rows, scores([texts[row] for row in rows], loaded, self.language), strict=True):
                found[row] = float(score)
        return pa.array(found, pa.float64())

    def _questions(self, measured: Measured, rows: list[int]) -> dict[int, list[Match]]:
        """The benchmarks' questions that the documents of `rows` hold."""
        if not rows:
            return {}
        held = self.settings.contamination
        index = benchmark_index(held.lists, held.digest, Units.of(held, self.language))
        wanted = set(rows)
        return {row: found for row, found in index.matches(measured, held).items() if row in wanted}

    def _without_questions(self, texts: list[str], matches: dict[int, list[Match]]) -> dict[int, float]:
        """Cuts questions out of `texts` where that is wanted and leaves enough; returns characters cut, by row."""
        if self.settings.contamination.action == "drop":
            return {}
        cut_off = {}
        for row, found in matches.items():
            rest = without(texts[row], found)
            if 2 * len(rest.strip()) >= len(texts[row]):
                cut_off[row] = float(len(texts[row]) - len(rest))
                texts[row] = rest
        return cut_off

    def _contaminated(self, texts: list[str], matches: dict[int, list[Match]]) -> dict[str, Any]:
        settings = self.settings.contamination
        found = [
            drop(matches[row][0], text, settings, self.language) if row in matches else None
            for row, text in enumerate(texts)
        ]
        return {
            "contamination.reason": pa.array([each and each.reason for each in found], pa.string()),
            "contamination.value": pa.array([each and each.value for each in found], pa.float64()),
            "contamination.threshold": pa.array([each and each.threshold for each in found], pa.float64()),
            "contamination.detail": pa.array([each and each.detail for each in found], pa.string()),
        }


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    """The rows of a table in parts of bounded text."""
    sizes = np.cumsum(pc.binary_length(table["text"]).to_numpy())
    start = 0
    while start < len(table):
        limit = (sizes[start - 1] if start else 0) + _BYTES
        stop = max(int(np.searchsorted(sizes, limit, side="right")), start + 1)
        yield table.slice(start, stop - start)
        start = stop
