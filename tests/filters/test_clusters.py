import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.clusters import clusters

ALL = np.ones


def _by_definition(
    bands: npt.NDArray[np.uint64], exact: npt.NDArray[np.uint64], near: npt.NDArray[np.bool_]
) -> list[int]:
    """The smallest index that is reached over equal keys, by asking every pair until nothing changes."""
    labels = list(range(len(exact)))
    for _ in labels:
        before = list(labels)
        for i in range(len(labels)):
            for k in range(i):
                agree = near[i] and near[k] and bool((bands[i] == bands[k]).any())
                if agree or exact[i] == exact[k]:
                    labels[i] = labels[k] = min(labels[i], labels[k])
        if labels == before:
            break
    return labels


@st.composite
def _signatures(
    draw: st.DrawFn,
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    count, width = draw(st.integers(0, 12)), draw(st.integers(1, 4))
    # Few values, so that keys meet; the largest and smallest of 64 bits are among them.
    keys = st.sampled_from([0, 1, 2, 3, 1 << 63, (1 << 64) - 1, *range(100, 116)])
    bands = draw(st.lists(st.lists(keys, min_size=width, max_size=width), min_size=count, max_size=count))
    exact = draw(st.lists(keys, min_size=count, max_size=count))
    near = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return (
        np.array(bands, dtype=np.uint64).reshape(count, width),
        np.array(exact, dtype=np.uint64),
        np.array(near, dtype=np.bool_),
    )


# The first example compiles.
@settings(deadline=None)
@given(_signatures(), st.integers(1, 6))
def test_labels_are_the_connected_components(
    signatures: tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.bool_]], threads: int
) -> None:
    assert clusters(*signatures, threads=threads).tolist() == _by_definition(*signatures)


def test_equal_keys_in_different_bands_are_no_match() -> None:
    bands = np.array([[5, 6], [6, 5]], dtype=np.uint64)
    exact = np.array([1, 2], dtype=np.uint64)
    assert clusters(bands, exact, ALL(2, dtype=np.bool_)).tolist() == [0, 1]


def test_a_document_that_is_not_near_is_found_by_its_hash_alone() -> None:
    bands = np.full((4, 14), 7, dtype=np.uint64)
    exact = np.array([1, 2, 1, 3], dtype=np.uint64)
    assert clusters(bands, exact, np.array([True, False, False, True])).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("threads", [1, 2, 3, 20])
def test_one_long_chain_is_one_cluster_whatever_the_threads(threads: int) -> None:
    """Each document meets the next in one band, in an order that makes union-find work."""
    count = 50_000
    order = np.random.default_rng(3).permutation(count)
    bands = np.arange(2 * count, dtype=np.uint64).reshape(count, 2) + np.uint64(count)
    for link in range(count - 1):
        bands[order[link], link % 2] = bands[order[link + 1], link % 2] = link
    exact = np.arange(count, dtype=np.uint64)
    assert not clusters(bands, exact, ALL(count, dtype=np.bool_), threads=threads).any()


def test_a_memory_map_in_columns(tmp_path: object) -> None:
    random = np.random.default_rng(1)
    bands = random.integers(0, 3_000, (2_000, 3), dtype=np.uint64)
    exact = random.integers(0, 1 << 60, 2_000, dtype=np.uint64)
    near = random.random(2_000) < 0.9
    mapped = np.memmap(f"{tmp_path}/bands", dtype=np.uint64, mode="w+", shape=bands.shape, order="F")
    mapped[:] = bands
    assert np.array_equal(clusters(mapped, exact, near), clusters(bands, exact, near))


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="not of the same documents"):
        clusters(np.zeros((2, 14), dtype=np.uint64), np.zeros(3, dtype=np.uint64), ALL(3, dtype=np.bool_))
