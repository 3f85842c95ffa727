"""Cosine and ratio margin against the formula, written out pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.bitext.ranking.margin import cosines, ratio_margins
from sources.errors import BabelmixError


def unit(chance: np.random.Generator, count: int, dimension: int) -> np.ndarray:
    vectors = chance.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def by_hand(x: np.ndarray, y: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """cos(x, y) over the mean of both sides' mean cosine with their nearest, the pair itself left out."""
    x, y = (each.astype(np.float64) for each in (x, y))
    x, y = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (x, y))
    table = x @ y.T
    count = len(x)
    margins = []
    for at in range(count):
        others = [number for number in range(count) if number != at]
        of_x = sorted((table[at, number] for number in others), reverse=True)[:neighbours]
        of_y = sorted((table[number, at] for number in others), reverse=True)[:neighbours]
        around = (sum(of_x) / len(of_x) + sum(of_y) / len(of_y)) / 2
        margins.append(table[at, at] / max(around, 0.01))
    return np.diagonal(table), np.array(margins)


DEVICES = [None, "cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.mark.parametrize("device", DEVICES)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(2, 24), st.integers(1, 20))
def test_margins_are_the_formula(
    device: str | None, seed: int, count: int, dimension: int, neighbours: int
) -> None:
    if device:
        pytest.importorskip("torch")
    chance = np.random.default_rng(seed)
    x, y = unit(chance, count, dimension), unit(chance, count, dimension)
    # Some are the same, some near, so that there are ties.
    y[: count // 3] = x[: count // 3]
    x[count // 2 :] = x[0]
    own, margins = ratio_margins(x, y, neighbours, device)
    expected, expected_margins = by_hand(x, y, neighbours)
    np.testing.assert_allclose(own, expected, atol=1e-6)
    np.testing.assert_allclose(margins, expected_margins, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(own, cosines(x, y))


@pytest.mark.parametrize("device", DEVICES)
def test_a_pool_of_several_blocks(device: str | None) -> None:
    if device:
        pytest.importorskip("torch")
    chance = np.random.default_rng(1)
    x, y = unit(chance, 2_100, 6), unit(chance, 2_100, 6)
    own, margins = ratio_margins(x, y, 16, device)
    count = len(x)
    table = x.astype(np.float64) @ y.astype(np.float64).T
    np.fill_diagonal(table, -2)
    for at in (0, 1_023, 1_024, 2_047, 2_048, count - 1):
        around = (np.sort(table[at])[-16:].mean() + np.sort(table[:, at])[-16:].mean()) / 2
        assert margins[at] == pytest.approx(own[at] / around, abs=2e-3)


def test_a_hub_stands_out_less_than_its_cosine_says() -> None:
    """Of two pairs with the same cosine, the one whose sides are near to everything has the lower margin."""
    chance = np.random.default_rng(2)
    x, y = unit(chance, 50, 16), unit(chance, 50, 16)
    hub = unit(chance, 1, 16)[0]
    for side in (x, y):
        leaning = side[2:].astype(np.float32) + hub
        side[2:] = (leaning / np.linalg.norm(leaning, axis=1, keepdims=True)).astype(np.float16)
    y[0], x[1], y[1] = x[0], hub, hub
    own, margins = ratio_margins(x, y, 8)
    assert own[0] == pytest.approx(own[1], abs=1e-6)
    assert margins[1] < margins[0]


def test_one_pair_has_no_neighbours() -> None:
    x = unit(np.random.default_rng(3), 1, 4)
    assert ratio_margins(x, x, 16)[1].tolist() == [1.0]


@pytest.mark.parametrize(("value", "length"), [(np.nan, "nan"), (0, "0"), (np.inf, "inf"), (2, "4")])
@pytest.mark.parametrize("side", [0, 1])
def test_what_is_no_unit_vector_is_one_line(value: float, length: str, side: int) -> None:
    sides = [unit(np.random.default_rng(4), 5, 4) for _ in range(2)]
    sides[side][3] = value
    which = ("English", "other")[side]
    for scores in (lambda: cosines(*sides), lambda: ratio_margins(*sides, 2)):
        with pytest.raises(
            BabelmixError, match=rf"^vectors of the {which} side: row 3 has length {length}, not 1 \(1"
        ):
            scores()
