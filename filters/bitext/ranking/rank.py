"""The best pairs of a language: by a model of meaning among the heuristic's candidates, or by the heuristic."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from filters.bitext.ranking import heuristic, model_files
from filters.bitext.ranking.best import Best, Out, Places, Scores, content_hash
from filters.bitext.ranking.cache import VectorCache
from filters.bitext.ranking.embed import Embedder
from filters.bitext.ranking.margin import cosines, ratio_margins
from filters.bitext.ranking.settings import Ranking
from filters.bitext.settings import Margin
from sources.schema import DROPPED

# What ranks, beside the chain's scores.
HEURISTIC: Final = "rank.heuristic"
COSINE: Final = "rank.cosine"
MARGIN: Final = "rank.margin"
BELOW_FLOOR: Final = "below_floor"


@dataclass(frozen=True, slots=True)
class Ranked:
    """A language's best pairs, best first.

    `pairs` has the columns of PAIR and `scores`, a map; `ranks` are what they are ordered by, and `ranker` says
    what gave them: a model's name, or `heuristic`.
    """

    pairs: pa.Table
    ranks: Scores
    ranker: str


class Ranker:
    """Takes the chain's survivors of one language batch by batch, and gives the best of them.

    Memory is bounded by `ranking.candidates` pairs (`top` without a model) and the vectors of one pool. `cache` is
    the folder of vectors that stay for the next run.
    """

    def __init__(self, ranking: Ranking, margin: Margin, code: str, cache: Path) -> None:
        self.ranking = ranking
        self.code = code
        self._margin = margin
        self._cache = cache
        self._by_model = model_files.knows(ranking, code)
        self._best = Best(ranking, max(ranking.candidates, ranking.top) if self._by_model else None)
        self._names: tuple[str, ...] = ()

    @property
    def ranker(self) -> str:
        """What ranks this language, as outputs name it."""
        return model_files.name(self.ranking) if self._by_model else heuristic.NAME

    def add(self, pairs: pa.RecordBatch, scores: Mapping[str, Scores]) -> Iterator[pa.RecordBatch]:
        """Takes pairs that the chain kept with their scores; yields rows of DROPPED of those that are out."""
        if not pairs.num_rows:
            return
        ranks = heuristic.heuristic(scores, self._margin)
        every = {HEURISTIC: ranks, **scores}
        self._names = tuple(every)
        # A list of fixed length and no map: names need not be held a thousand times.
        values = pa.FixedSizeListArray.from_arrays(
            pa.array(np.column_stack(list(every.values())).ravel()), len(every)
        )
        table = pa.Table.from_batches([pairs]).append_column("values", values)
        out = self._best.add(table, ranks, scores["length.english_words"], _hosts(pairs))
        yield from (_dropped(each, heuristic.NAME) for each in out)

    def ranked(self) -> tuple[Ranked | None, Iterator[pa.RecordBatch]]:
        """The best pairs, None where there was no pair; and rows of DROPPED of those that are out at the end.

        Raises:
            BabelmixError: the model cannot be loaded or gives vectors that are no numbers.
        """
        candidates, ranks, out = self._best.ranked()
        dropped = [_dropped(each, heuristic.NAME) for each in out]
        if candidates is None:
            return None, iter(dropped)
        if not self._by_model:
            return self._result(candidates, ranks, {}), iter(dropped)
        best = Best(self.ranking)
        embedder = Embedder(self.ranking)
        cache = VectorCache.of(self._cache, embedder)
        words = self._names.index("length.english_words")
        columns = (COSINE, MARGIN)
        for pool in _pools(candidates, self.ranking.pool):
            rows = candidates.take(pa.array(pool)).combine_chunks()
            english, target = (
                cache.embedded(rows.column(name).to_pylist(), embedder) for name in ("source_text", "target_text")
            )
            if len(pool) >= self.ranking.least_pool:
                own, margins = ratio_margins(english, target, self.ranking.neighbours)
                by = margins
            else:
                own = by = cosines(english, target)
                margins = np.full(len(own), np.nan)
            rows = rows.append_column(columns[0], pa.array(own)).append_column(columns[1], pa.array(margins))
            floor = self.ranking.floors.get(self.code, -1.0)
            above = own >= floor
            if not above.all():
                low = Out(
                    rows.column("id").filter(pa.array(~above)), own[~above], [BELOW_FLOOR] * int((~above).sum())
                )
                dropped.append(_dropped(low, self.ranker, floor))
                rows, by = rows.filter(pa.array(above)), by[above]
            values = _matrix(rows)
            out = best.add(rows, by, values[:, words], _hosts(rows))
            dropped += [_dropped(each, self.ranker) for each in out]
        rows, ranks, out = best.ranked()
        dropped += [_dropped(each, self.ranker) for each in out]
        if rows is None:
            return None, iter(dropped)
        added = {name: rows.column(name).to_numpy() for name in columns}
        return self._result(rows.drop_columns(list(columns)), ranks, added), iter(dropped)

    def _result(self, rows: pa.Table, ranks: Scores, added: Mapping[str, Scores]) -> Ranked:
        values = np.column_stack([_matrix(rows), *added.values()])
        names = (*self._names, *added)
        return Ranked(
            rows.drop_columns(["values"]).append_column("scores", _map(names, values)), ranks, self.ranker
        )


def _matrix(rows: pa.Table) -> Scores:
    """(rows, names): the chain's scores."""
    column = rows.column("values").combine_chunks()
    found: Scores = column.flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)
    return found


def _map(names: tuple[str, ...], values: Scores) -> pa.Array:
    """A map of each row's scores in the order of their names, without those that were not computed."""
    order = sorted(range(len(names)), key=names.__getitem__)
    values = values[:, order]
    there = ~np.isnan(values)
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    keys = np.tile(np.arange(len(order), dtype=np.int32), len(values))[there.ravel()]
    sorted_names = pa.array([names[at] for at in order])
    return pa.MapArray.from_arrays(pa.array(offsets), sorted_names.take(pa.array(keys)), pa.array(values[there]))


def _pools(candidates: pa.Table, most: int) -> Iterator[Places]:
    """Rows parted by chance, by a hash of their texts, into pools of the same size, at most `most` each."""
    texts = zip(*(candidates.column(name).to_pylist() for name in ("source_text", "target_text")), strict=True)
    order = np.argsort(np.array([content_hash(*both) for both in texts], dtype=np.uint64), kind="stable")
    count = -(-len(order) // most)
    for number in range(count):
        yield order[number::count]


def _hosts(pairs: pa.RecordBatch | pa.Table) -> list[str | None]:
    """The host of the English side's address, where the source names one."""
    return [_host(url) for url in pairs.column("url_source").to_pylist()]


def _host(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _dropped(out: Out, ranker: str, threshold: float | None = None) -> pa.RecordBatch:
    count = len(out.scores)
    ids = out.ids.combine_chunks() if isinstance(out.ids, pa.ChunkedArray) else out.ids
    return pa.RecordBatch.from_arrays(
        [
            ids,
            pa.repeat(pa.scalar("bitext"), count),
            pa.array(out.reasons, pa.string()),
            pa.array(out.scores),
            pa.repeat(pa.scalar(threshold, pa.float64()), count),
            pa.repeat(pa.scalar(f"ranked by {ranker}"), count),
        ],
        schema=DROPPED,
    )
