"""Names and questions that were there before, in other words or other marks; in bounded memory."""

import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from synth.questions.check import Checked
from synth.questions.record import Draft
from synth.questions.wording import normalised, shingles

# Of the shingles' hashes the least under each of so many permutations, in bands: two texts with Jaccard index 0.6
# agree in all of some band with probability 1 - (1 - 0.6^3)^20, over 0.992, and are then held against one another;
# two with 0.2, as questions that begin alike have, with 0.15.
_BANDS: Final = 20
_ROWS: Final = 3
# Odd multipliers modulo 2^64, so that each orders all 64 bits of a hash anew: of small factors of small hashes the
# least would be nearly the same under all of them.
_FACTORS: Final = np.random.default_rng(20261121).integers(
    0, 1 << 64, _BANDS * _ROWS, dtype=np.uint64
) | np.uint64(1)


class Seen:
    """Texts that were seen, of which at most `most` are remembered; the oldest are forgotten first.

    A text takes 8 bytes a shingle and about 5 KB: 200,000 questions take a gigabyte.
    """

    def __init__(self, same: float, most: int) -> None:
        self.same, self.most = same, most
        self._texts: OrderedDict[str, npt.NDArray[np.uint64]] = OrderedDict()
        self._by_hash: defaultdict[tuple[int, int], list[str]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._texts)

    def like(self, text: str, id_: str) -> tuple[float, str]:
        """How like the text is to the likest that was seen, as a Jaccard index, and the id of that one.

        Where it is less like than `same`, it is remembered under `id_`.
        """
        hashes = _hashes(shingles(text))
        keys = list(enumerate(_bands(hashes)))
        best, which = 0.0, ""
        for candidate in dict.fromkeys(name for key in keys for name in self._by_hash.get(key, ())):
            likeness = _jaccard(hashes, self._texts[candidate])
            if likeness > best:
                best, which = likeness, candidate
        if best < self.same and id_ not in self._texts:
            self._remember(hashes, keys, id_)
        return best, which

    def _remember(self, hashes: npt.NDArray[np.uint64], keys: list[tuple[int, int]], id_: str) -> None:
        self._texts[id_] = hashes
        for key in keys:
            self._by_hash[key].append(id_)
        if len(self._texts) > self.most:
            oldest, forgotten = self._texts.popitem(last=False)
            for key in enumerate(_bands(forgotten)):
                self._by_hash[key].remove(oldest)
                if not self._by_hash[key]:
                    del self._by_hash[key]


def distinct(names: Iterable[str], seen: Seen, most: int) -> list[str]:
    """At most `most` of the names, in their order: those that say something and are like none that was seen."""
    kept: list[str] = []
    for name in names:
        if len(kept) == most:
            break
        if normalised(name) and seen.like(name, f"{len(seen)} {name}")[0] < seen.same:
            kept.append(name)
    return kept


def duplicate_check(draft: Draft, id_: str, seen: Seen) -> Checked:
    """`set.duplicate`: the Jaccard index of the shingles of stem and answer with the likest question before it."""
    likeness, which = seen.like(f"{draft.stem} {draft.answer}", id_)
    passed = likeness < seen.same
    return Checked("set.duplicate", likeness, seen.same, passed, "" if passed else "near_duplicate", which)


def _hashes(shingled: frozenset[str]) -> npt.NDArray[np.uint64]:
    said = (hashlib.blake2b(each.encode("utf-8", "surrogatepass"), digest_size=8).digest() for each in shingled)
    return np.unique(np.array([int.from_bytes(each, "big") for each in said], np.uint64))


def _bands(hashes: npt.NDArray[np.uint64]) -> list[int]:
    if not len(hashes):
        return []
    least = (hashes[None, :] * _FACTORS[:, None]).min(axis=1)
    return [hash(tuple(band)) for band in least.reshape(_BANDS, _ROWS).tolist()]


def _jaccard(first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64]) -> float:
    common = len(np.intersect1d(first, second, assume_unique=True))
    together = len(first) + len(second) - common
    return common / together if together else 0.0
