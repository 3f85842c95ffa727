from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixtures import order as order_module
from mixtures.order import Order, OrderBucket, OrderTotals, write_order
from sources.errors import BabelmixError

lengths = st.one_of(
    st.lists(st.integers(1, 40), min_size=1, max_size=40),
    # A few long documents among many short ones, and the other way round.
    st.lists(st.sampled_from([1, 2, 3, 5000]), min_size=1, max_size=30),
    st.lists(st.integers(1, 100_000), min_size=1, max_size=6),
)
mixtures = st.lists(st.tuples(lengths, st.integers(1, 60_000)), min_size=1, max_size=12)


def made(mixture: list[tuple[list[int], int]], seed: int, folder: Path) -> tuple[list[OrderBucket], OrderTotals]:
    buckets = [
        OrderBucket(f"bucket {number}", np.array(sizes, dtype=np.int32), min(tokens, 20 * sum(sizes)))
        for number, (sizes, tokens) in enumerate(mixture)
    ]
    folder.mkdir(exist_ok=True)
    return buckets, write_order(buckets, seed, folder)


def read(folder: Path, buckets: list[OrderBucket]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = Order(folder)
    numbers, documents = order.entries(0, order.documents)
    sizes = [buckets[bucket].lengths[document] for bucket, document in zip(numbers, documents, strict=True)]
    return numbers, documents, np.array(sizes, dtype=np.int64)


@given(mixture=mixtures, seed=st.integers(0, 2**31))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_prefix_holds_each_buckets_share(
    mixture: list[tuple[list[int], int]], seed: int, tmp_path: Path
) -> None:
    buckets, totals = made(mixture, seed, tmp_path)
    numbers, _, sizes = read(tmp_path, buckets)
    so_far = np.cumsum(sizes)
    longest_of_all = max(int(bucket.lengths.max()) for bucket in buckets)
    for number, bucket in enumerate(buckets):
        share = totals.bucket_tokens[number] / totals.tokens
        ahead = np.cumsum(np.where(numbers == number, sizes, 0)) - share * so_far
        longest = int(bucket.lengths.max())
        clocks = share * longest_of_all / 32
        assert ahead.max() <= longest + clocks + 1
        assert -ahead.min() <= longest + share * longest_of_all + clocks + 1
        if share * longest_of_all <= longest:
            assert np.abs(ahead).max() <= 2 * longest + clocks + 1


@given(mixture=mixtures, seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_epoch_ends_before_the_next_begins_and_tokens_are_as_wanted(
    mixture: list[tuple[list[int], int]], seed: int, tmp_path: Path
) -> None:
    buckets, totals = made(mixture, seed, tmp_path)
    numbers, documents, sizes = read(tmp_path, buckets)
    assert totals.documents == len(numbers)
    assert totals.tokens == sizes.sum() == sum(totals.bucket_tokens)
    for number, bucket in enumerate(buckets):
        own = documents[numbers == number].tolist()
        count = len(bucket.lengths)
        assert totals.bucket_documents[number] == len(own) >= 1
        for start in range(0, len(own), count):
            epoch = own[start : start + count]
            assert len(set(epoch)) == len(epoch)
        # As near as whole documents come: half of the longest at most, but one document at least.
        off = abs(totals.bucket_tokens[number] - bucket.tokens)
        assert off <= bucket.lengths.max() / 2 + 1 or len(own) == 1


@given(mixture=mixtures, data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_part_is_read_without_what_lies_before(
    mixture: list[tuple[list[int], int]], data: st.DataObject, tmp_path: Path
) -> None:
    buckets, _ = made(mixture, 7, tmp_path)
    numbers, documents, _ = read(tmp_path, buckets)
    start = data.draw(st.integers(0, len(numbers)))
    stop = data.draw(st.integers(start, len(numbers)))
    part = Order(tmp_path).entries(start, stop)
    assert part[0].tolist() == numbers[start:stop].tolist()
    assert part[1].tolist() == documents[start:stop].tolist()


def test_checkpoints_and_positions_of_a_long_order(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    buckets = [
        OrderBucket(f"b{number}", draw.integers(1, 9, 50_000 + number).astype(np.int32), 500_000)
        for number in range(3)
    ]
    totals = write_order(buckets, 1, tmp_path)
    assert totals.documents > 4 * order_module.CHECKPOINT
    numbers, documents, sizes = read(tmp_path, buckets)
    order = Order(tmp_path)
    before = np.concatenate([[0], np.cumsum(sizes)])
    assert order.positions.tolist() == before[:-1:1024].tolist()
    for start in (0, 65_535, 65_536, 65_537, 131_072, 200_000, totals.documents - 1):
        part = order.entries(start, start + 10)
        assert part[1].tolist() == documents[start : start + 10].tolist()
        assert part[0].tolist() == numbers[start : start + 10].tolist()


def test_more_than_256_buckets(tmp_path: Path) -> None:
    mixture = [([3, 4, 5], 20 + number % 7) for number in range(300)]
    buckets, totals = made(mixture, 2, tmp_path)
    numbers, _, sizes = read(tmp_path, buckets)
    assert set(numbers.tolist()) == set(range(300))
    assert sizes.sum() == totals.tokens


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    mixture = [([5, 9, 14, 3], 60), ([100, 30], 300), ([7] * 20, 90)]
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        made(mixture, seed, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == ["counts.bin", "order.bin", "order.json", "positions.bin"]
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    first, other = (Order(tmp_path / name).entries(0, 99)[1].tolist() for name in ("first", "other"))
    assert first != other


@pytest.mark.parametrize(
    ("buckets", "said"),
    [
        ([], "no bucket"),
        ([OrderBucket("empty", np.array([], dtype=np.int32), 5)], "bucket empty: no documents"),
        ([OrderBucket("none", np.array([4], dtype=np.int32), 0)], "bucket none: no documents or no tokens"),
    ],
)
def test_nothing_to_order_is_one_line(buckets: list[OrderBucket], said: str, tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=said):
        write_order(buckets, 0, tmp_path)


def test_a_damaged_order_is_one_line(tmp_path: Path) -> None:
    made([([5, 6], 40)], 0, tmp_path)
    path = tmp_path / "order.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BabelmixError, match=r"order\.bin: .* should be"):
        Order(tmp_path)
    (tmp_path / "order.json").write_text("{")
    with pytest.raises(BabelmixError, match=r"order\.json: no description"):
        Order(tmp_path)
