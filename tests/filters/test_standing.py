import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from filters.priority import in_priority
from filters.standing import Newcomers, near_copies
from filters.statistics import Ragged

Array = npt.NDArray[np.uint64]


def _random(count: int, seed: int, values: int = 40) -> Array:
    return np.random.default_rng(seed).integers(0, values, (count, 3), dtype=np.uint64) << np.uint64(58)


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(0, 30), st.lists(st.integers(0, 30), max_size=3))
def test_the_pairs_are_all_that_agree_in_a_key_whatever_the_batches(
    seed: int, new: int, old: int, cuts: list[int]
) -> None:
    bands, standing = _random(new, seed), _random(old, seed + 1)
    numbers = np.arange(old) * 2 + 5
    with tempfile.TemporaryDirectory() as folder:
        newcomers = Newcomers(bands, Path(folder), most=1000)
        edges = sorted({0, old, *(min(cut, old) for cut in cuts)})
        for begin, end in pairwise(edges):
            newcomers.meet(standing[begin:end], numbers[begin:end])
        found = newcomers.pairs()
    wanted = [[a, 2 * b + 5] for a in range(new) for b in range(old) if (bands[a] == standing[b]).any()]
    assert found.tolist() == wanted


def test_a_template_that_stands_ten_thousand_times_gives_few_candidates(tmp_path: Path) -> None:
    newcomers = Newcomers(np.full((100, 14), 7, dtype=np.uint64), tmp_path, most=5)
    for first in range(0, 10_000, 1_000):
        newcomers.meet(np.full((1_000, 14), 7, dtype=np.uint64), np.arange(first, first + 1_000))
    assert newcomers.pairs().tolist() == [[new, old] for new in range(100) for old in range(5)]


def _shingles(texts: list[range]) -> Callable[[npt.NDArray[np.int64]], Ragged]:
    def shingles_of(documents: npt.NDArray[np.int64]) -> Ragged:
        parts = [np.array(texts[each], dtype=np.uint64)[::-1] for each in documents]
        return Ragged(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))

    return shingles_of


def test_a_candidate_is_a_copy_only_where_its_shingles_say_so(tmp_path: Path) -> None:
    old = [range(100), range(2, 102), range(500, 600)]
    new = [range(3, 103), range(50, 150), range(500, 600)]
    newcomers = Newcomers(np.ones((3, 14), np.uint64), tmp_path)
    newcomers.meet(np.ones((3, 14), np.uint64), np.arange(3))
    found = near_copies(newcomers.pairs(), 3, 0.8, _shingles(new), _shingles(old))
    assert found.document.tolist() == [1, -1, 2]
    assert found.similarity.tolist() == [99 / 101, 0, 1]
    assert near_copies(newcomers.pairs(), 3, 0.99, _shingles(new), _shingles(old)).document.tolist() == [-1, -1, 2]


def test_the_source_of_the_highest_priority_comes_first() -> None:
    assert in_priority(["c4", "wiki", "books", "a"], ["books", "wiki"]) == ["books", "wiki", "a", "c4"]
