"""Mines a language's best translation pairs: reads its files, judges every pair, ranks what stands."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from filters.bitext.chain import Chain, Judged
from filters.bitext.funnel import Funnel, dropped_rows, malformed_rows
from filters.bitext.mining import Mining
from filters.bitext.pairs import cleaned
from filters.bitext.ranking.rank import Ranked, Ranker
from pipelines.measured_files import TableWriter
from sources.errors import BabelmixError
from sources.language import Language
from sources.pair_files import PairFile
from sources.readers.pair_batches import read_pair_batches
from sources.schema import BITEXT, DROPPED

PAIRS: Final = "00000.parquet"
# Where vectors of sentences are kept; see `Workspace.kept`.
VECTORS: Final = "vectors"
# Rows of a row group.
_GROUP: Final = 10_000

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class MinePlace:
    """Where pairs go: folders as paths or URLs, and the local folder in which vectors are kept between runs."""

    bitext: str
    dropped: str
    vectors: Path


def mine(
    files: Sequence[PairFile],
    language: Language,
    mining: Mining,
    place: MinePlace,
    revision: str | None = None,
    licence: str | None = None,
    progress: Progress = lambda what, count: None,
) -> dict[str, Any]:
    """Writes the best pairs of `files`, best first, and a row for every pair that is not among them.

    Returns the totals: `documents` (rows that were read), `dropped` (rows of filter, reason, documents), `kept`,
    `ranker`, and `examples` of malformed rows. `progress` is told what is being done and how many pairs are done.
    Memory does not grow with the files, and the same files give the same bytes.

    Raises:
        BabelmixError: a file cannot be read, the model fails, or no pair is kept.
    """
    chain = Chain(mining.chain, language)
    ranker = Ranker(mining.ranking, mining.chain.margin, language.code, place.vectors)
    funnel = Funnel(language.code)
    with _Dropped(place.dropped) as dropped:
        for file in files:
            for batch in read_pair_batches(file):
                judged = chain.judge(batch.pairs)
                funnel.add(batch, judged, file)
                dropped.add(malformed_rows(batch.malformed, file))
                dropped.add(dropped_rows(batch.pairs, judged))
                for rows in ranker.add(*_survivors(batch.pairs, judged)):
                    dropped.add(rows)
                progress("judging pairs", funnel.read)
        progress(f"ranking by {ranker.ranker}", funnel.kept)
        ranked, rest = ranker.ranked()
        for rows in rest:
            dropped.add(rows)
    if ranked is None or not ranked.pairs.num_rows:
        raise BabelmixError(_nothing(files, funnel, dropped.counts))
    with TableWriter(place.bitext, PAIRS, BITEXT) as writer:
        for table in _bitext(ranked, revision, licence):
            writer.write(table)
    kept = ranked.pairs.num_rows
    lost = funnel.read - kept - sum(dropped.counts.values())
    assert not lost, f"{lost} pairs of {language.code} have no row"
    return {
        "documents": funnel.read,
        "kept": kept,
        "dropped": [
            {"filter": "bitext", "reason": reason, "documents": count} for reason, count in dropped.counts.items()
        ],
        "ranker": ranked.ranker,
        "examples": funnel.examples,
    }


def _survivors(pairs: pa.RecordBatch, judged: Judged) -> tuple[pa.RecordBatch, dict[str, Any]]:
    kept = judged.kept
    return cleaned(pairs.filter(pa.array(kept))), {name: values[kept] for name, values in judged.scores.items()}


def _bitext(ranked: Ranked, revision: str | None, licence: str | None) -> Iterator[pa.Table]:
    count = ranked.pairs.num_rows
    columns = {
        **{name: ranked.pairs.column(name) for name in ranked.pairs.column_names},
        "ranker": pa.repeat(pa.scalar(ranked.ranker), count),
        "rank_score": pa.array(ranked.ranks),
        "rank": pa.array(np.arange(1, count + 1, dtype=np.int32)),
        "revision": pa.repeat(pa.scalar(revision, pa.string()), count),
        "licence": pa.repeat(pa.scalar(licence, pa.string()), count),
    }
    table = pa.table([columns[name] for name in BITEXT.names], schema=BITEXT)
    for begin in range(0, count, _GROUP):
        yield table.slice(begin, _GROUP).combine_chunks()


def _nothing(files: Sequence[PairFile], funnel: Funnel, counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: -item[1])[:3]
    return (
        f"{files[0].url}: none of {funnel.read:,} pairs of {funnel.language} is kept; most are dropped as"
        f" {', '.join(f'{reason} ({count:,})' for reason, count in most)}; is it the right file for the language?"
    )


class _Dropped:
    """Writes rows of DROPPED in row groups of the same size, and counts them by reason."""

    def __init__(self, folder: str) -> None:
        self._writer = TableWriter(folder, PAIRS, DROPPED)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self.counts: dict[str, int] = {}

    def __enter__(self) -> "_Dropped":
        self._writer.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._flush()
        self._writer.__exit__(kind, *rest)

    def add(self, rows: pa.RecordBatch) -> None:
        for found in rows.column("reason").value_counts().to_pylist():
            self.counts[found["values"]] = self.counts.get(found["values"], 0) + found["counts"]
        if rows.num_rows:
            self._waiting.append(rows)
            self._rows += rows.num_rows
        if self._rows >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write(pa.Table.from_batches(self._waiting, DROPPED).combine_chunks())
        self._waiting, self._rows = [], 0
