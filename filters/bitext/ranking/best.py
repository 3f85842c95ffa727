"""The best pairs of a stream, in memory that does not grow with it.

What is kept of two parts of a stream holds what is kept of the whole, so that neither the batches nor the order of
the rows matter: of every length its share of the best, of the others the best, and of one host not more than its
cap. Equal scores are ordered by a hash of the two texts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from filters.bitext.ranking.settings import Ranking

Scores = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

OUTRANKED: Final = "outranked"
HOST_CAP: Final = "host_cap"
# Rows that are taken in before the worst of them are looked for.
_SLACK: Final = 16_384


@dataclass(frozen=True, slots=True)
class Out:
    """Rows that are not among the best: their ids, scores, and OUTRANKED or HOST_CAP for each."""

    ids: pa.Array
    scores: Scores
    reasons: list[str]


class Best:
    """Keeps the best `top` rows of what it is given.

    It holds at most twice as many rows, and those that wait to be compared: a quarter of `top`, but at least
    `_SLACK`, and the last batch. Which rows are kept does not depend on batches and their order; whether one that
    is out is said to be outranked or above its host's cap may.

    Rows are those of tables with the columns `id`, `source_text` and `target_text` and any others.
    """

    def __init__(self, ranking: Ranking, top: int | None = None) -> None:
        self.top = top or ranking.top
        self.quotas = quotas([each.share for each in ranking.bins], self.top)
        self.bounds = np.array([each.words for each in ranking.bins[:-1]], dtype=np.float64)
        self.of_one_host = ranking.of_one_host
        self._rows: list[pa.Table] = []
        self._keys: list[_Keys] = []
        self._waiting = 0
        # By bin, the score below which a row cannot be among the best any more.
        self._hopeless = np.full(len(self.quotas), -np.inf)

    def add(self, rows: pa.Table, scores: Scores, words: Scores, hosts: list[str | None]) -> list[Out]:
        """Takes rows in; returns those that are certainly not among the best, of this call or of earlier ones.

        `scores` are finite, higher is better; `words` are the English side's; `hosts` are None where no address
        is known.
        """
        if not np.isfinite(scores).all():
            raise ValueError("a score is not finite")
        bins = np.searchsorted(self.bounds, words, side="left")
        hopeful = scores >= self._hopeless[bins]
        out = []
        if not hopeful.all():
            out.append(_out(rows.column("id").filter(pa.array(~hopeful)), scores[~hopeful], OUTRANKED))
            rows, scores, bins = rows.filter(pa.array(hopeful)), scores[hopeful], bins[hopeful]
            hosts = [host for host, stays in zip(hosts, hopeful.tolist(), strict=True) if stays]
        if rows.num_rows:
            self._rows.append(rows)
            self._keys.append(_Keys.of(rows, scores, bins, hosts))
            self._waiting += rows.num_rows
        if self._waiting >= max(_SLACK, self.top // 4):
            out += self._compact()
        return out

    def ranked(self) -> tuple[pa.Table | None, Scores, list[Out]]:
        """The best rows, best first, and their scores; and the rows that were not among them after all.

        None where no row was ever given.
        """
        out = self._compact()
        if not self._rows:
            return None, np.zeros(0), out
        (rows,), (keys,) = self._rows, self._keys
        order = keys.order()
        chosen = self._inside(keys, order)
        # What bins cannot fill goes to the best of all others.
        chosen[np.flatnonzero(~chosen)[: self.top - int(chosen.sum())]] = True
        best, rest = order[chosen], order[~chosen]
        if len(rest):
            out.append(_out(rows.column("id").take(pa.array(rest)), keys.scores[rest], OUTRANKED))
        return rows.take(pa.array(best)), keys.scores[best], out

    def _inside(self, keys: "_Keys", order: Places) -> npt.NDArray[np.bool_]:
        """Which places of `order` hold one of the best of its bin, as many as the bin's share."""
        ranks = _ranks_within(keys.bins[order])
        inside: npt.NDArray[np.bool_] = ranks < self.quotas[keys.bins[order]]
        return inside

    def _compact(self) -> list[Out]:
        if not self._keys:
            return []
        rows = pa.concat_tables(self._rows).combine_chunks()
        keys = _Keys.joined(self._keys)
        order = keys.order()
        # Hosts are capped within a bin, so that a bin's best do not depend on another's.
        groups = keys.bins[order] * (1 << 40) + keys.hosts[order]
        capped = (keys.hosts[order] >= 0) & (_ranks_within(groups) >= self.of_one_host)
        out = []
        if capped.any():
            gone = order[capped]
            out.append(_out(rows.column("id").take(pa.array(gone)), keys.scores[gone], HOST_CAP))
            order = order[~capped]
        inside = self._inside(keys, order)
        rest = order[~inside]
        if len(rest) > self.top:
            gone = rest[self.top :]
            out.append(_out(rows.column("id").take(pa.array(gone)), keys.scores[gone], OUTRANKED))
        rest = rest[: self.top]
        kept = np.sort(np.concatenate([order[inside], rest]))
        self._rows, self._keys, self._waiting = [rows.take(pa.array(kept))], [keys.taken(kept)], 0
        if len(rest) == self.top:
            worst = keys.scores[rest[-1]]
            for number, quota in enumerate(self.quotas):
                own = keys.scores[order[inside & (keys.bins[order] == number)]]
                if len(own) == quota:
                    self._hopeless[number] = min(worst, own[-1]) if quota else worst
        return out


@dataclass(frozen=True, slots=True)
class _Keys:
    """What decides over rows, one entry a row."""

    scores: Scores
    # Of the two texts, and of the id where these are the same.
    hashes: npt.NDArray[np.uint64]
    bins: Places
    # A number for each host, from its hash; -1: none is known.
    hosts: Places

    @classmethod
    def of(cls, rows: pa.Table, scores: Scores, bins: Places, hosts: list[str | None]) -> "_Keys":
        texts = zip(*(rows.column(name).to_pylist() for name in ("source_text", "target_text", "id")), strict=True)
        hashes = [(content_hash(source, target), xxhash.xxh3_64_intdigest(name)) for source, target, name in texts]
        return cls(
            scores,
            np.array(hashes, dtype=np.uint64).reshape(-1, 2),
            bins.astype(np.int64),
            np.array([-1 if host is None else xxhash.xxh3_64_intdigest(host) >> 24 for host in hosts], np.int64),
        )

    @classmethod
    def joined(cls, parts: list["_Keys"]) -> "_Keys":
        return cls(*(np.concatenate([getattr(each, name) for each in parts]) for name in cls.__slots__))

    def taken(self, places: Places) -> "_Keys":
        return _Keys(*(getattr(self, name)[places] for name in self.__slots__))

    def order(self) -> Places:
        """Places from the best to the worst."""
        return np.lexsort((self.hashes[:, 1], self.hashes[:, 0], -self.scores))


def content_hash(english: str, target: str) -> int:
    """64 bits of both texts."""
    return xxhash.xxh3_64_intdigest(f"{english}\0{target}")


def quotas(shares: list[float], top: int) -> npt.NDArray[np.int64]:
    """`top` rows shared out to whole numbers by largest remainder, ties to the earlier bin."""
    exact = np.array(shares) * top
    whole = np.floor(exact + 1e-9).astype(np.int64)
    remainders = np.argsort(-(exact - whole), kind="stable")
    whole[remainders[: top - int(whole.sum())]] += 1
    return whole


def _ranks_within(groups: Places) -> Places:
    """For each entry, how many of the same group stand before it."""
    by_group = np.argsort(groups, kind="stable")
    sorted_groups = groups[by_group]
    starts = np.flatnonzero(np.concatenate([[True], sorted_groups[1:] != sorted_groups[:-1]]))
    within = np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[by_group] = within
    return ranks


def _out(ids: pa.ChunkedArray, scores: Scores, reason: str) -> Out:
    return Out(ids, scores, [reason] * len(scores))
