from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.bitext.memory import Memory, Seen
from sources.errors import BabelmixError


def keys(count: int, seed: int = 1) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).integers(0, 1 << 64, size=count, dtype=np.uint64)


@given(numbers=st.lists(st.integers(0, 20), max_size=200))
@settings(max_examples=100, deadline=None)
def test_it_counts_as_a_dictionary_does(numbers: list[int]) -> None:
    seen = Seen(1 << 10)
    spread = keys(21)
    wanted = [numbers[:at].count(number) for at, number in enumerate(numbers)]
    assert seen.meet(spread[numbers] if numbers else spread[:0]).tolist() == wanted


def test_nothing_is_forgotten_until_it_is_nearly_full() -> None:
    places = 1 << 16
    seen = Seen(places)
    new = keys(int(0.7 * places))
    assert seen.meet(new).sum() == 0
    assert (seen.meet(new) == 1).all()


def test_too_many_are_forgotten_and_never_taken_for_others() -> None:
    seen = Seen(1 << 12)
    table = seen.table
    many = keys(100 << 12)
    # 24 bits in sixteen places: one in a million is taken for another.
    assert seen.meet(many).sum() <= 3
    assert seen.table is table and seen.table.nbytes == 4 << 12
    assert Seen(1 << 12).meet(many[:100]).sum() == 0


def test_what_is_met_often_is_not_forgotten() -> None:
    seen = Seen(1 << 10)
    often = keys(100, seed=2)
    for _ in range(5):
        seen.meet(often)
    seen.meet(keys(1 << 14))
    assert (seen.meet(often) == 5).mean() > 0.95


def test_a_count_stops_at_255() -> None:
    seen = Seen(16)
    assert seen.meet(np.full(300, 7, dtype=np.uint64))[-1] == 255


def test_it_is_written_and_read(tmp_path: Path) -> None:
    seen = Seen(1 << 8)
    some = keys(20)
    seen.meet(some)
    seen.write(tmp_path / "across.npy")
    assert (Seen.read(tmp_path / "across.npy").meet(some) == 1).all()
    (tmp_path / "across.npy").write_bytes(b"no array")
    with pytest.raises(BabelmixError, match="no memory of sentences"):
        Seen.read(tmp_path / "across.npy")
    np.save(tmp_path / "other.npy", np.zeros(100, dtype=np.float32))
    with pytest.raises(BabelmixError, match="float32"):
        Seen.read(tmp_path / "other.npy")


def test_a_language_has_four_of_them() -> None:
    memory = Memory.of(100)
    assert {each.table.size for each in (memory.pairs, memory.near, memory.english, memory.target)} == {128}
