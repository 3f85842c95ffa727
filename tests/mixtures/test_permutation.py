from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.permutation import permutation_keys, permuted


@given(count=st.integers(1, 3000), seed=st.integers(0, 2**40))
@settings(max_examples=60, deadline=None)
def test_every_document_has_one_place(count: int, seed: int) -> None:
    places = permuted(permutation_keys(seed, "bucket", 0), count, 0, count)
    assert sorted(places.tolist()) == list(range(count))


@given(count=st.integers(2, 5000), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_part_is_the_part_of_the_whole(count: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, count))
    stop = data.draw(st.integers(start, count))
    keys = permutation_keys(3, "bucket", 1)
    assert permuted(keys, count, start, stop).tolist() == permuted(keys, count, 0, count)[start:stop].tolist()


def test_seed_bucket_and_epoch_each_give_another() -> None:
    orders = {
        tuple(permuted(permutation_keys(*names), 50, 0, 50).tolist())
        for names in ((0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "a\x1f0", 0))
    }
    assert len(orders) == 5


def test_numbers_beyond_32_bits_are_permuted() -> None:
    count = 5 * 10**9
    found = permuted(permutation_keys(0, "large", 0), count, count - 1000, count)
    assert len(set(found.tolist())) == 1000
    assert found.max() < count
    assert found.min() < count / 100 < found.max()


@pytest.mark.parametrize("count", [3, 5, 16, 100])
def test_each_document_is_as_often_in_each_place(count: int) -> None:
    # Chi-square of the first and the middle place over many seeds: within six standard deviations.
    draws = 20_000
    orders = np.array([permuted(permutation_keys(seed, "b", 0), count, 0, count) for seed in range(draws)])
    for place in (0, count // 2):
        found = Counter(orders[:, place].tolist())
        expected = draws / count
        chi_square = sum((found[number] - expected) ** 2 / expected for number in range(count))
        assert abs(chi_square - (count - 1)) < 6 * np.sqrt(2 * (count - 1))


def test_neighbours_have_nothing_to_do_with_each_other() -> None:
    count = 100_000
    places = permuted(permutation_keys(1, "x", 0), count, 0, count).astype(float)
    for distance in (1, 2, 4, 16, 256, 1024):
        correlation = np.corrcoef(places[:-distance], places[distance:])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(count)
