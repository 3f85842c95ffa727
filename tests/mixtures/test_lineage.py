import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixtures.indexed import IndexedWriter
from mixtures.lineage import Lineage, Reading, document_at, place_of
from mixtures.order import OrderBucket, write_order
from mixtures.permutation import permutation_keys, permuted
from mixtures.reader import MixtureReader
from sources.errors import BabelmixError


def a_mixture(folder: Path, sizes: list[list[list[int]]], tokens: list[int], seed: int = 0) -> Path:
    """A workspace of one bucket for each entry of `sizes`, its shards' documents' lengths; every id is unlike."""
    mixture = folder / "mixtures" / "m" / "stage1" / "f"
    mixture.mkdir(parents=True)
    rows, buckets = [], []
    for number, (shards, wanted) in enumerate(zip(sizes, tokens, strict=True)):
        prefixes = [f"tokens/c/s{number}/l/{shard:05d}" for shard in range(len(shards))]
        for prefix, lengths in zip(prefixes, shards, strict=True):
            with IndexedWriter(str(folder / prefix)) as writer:
                for place, length in enumerate(lengths):
                    writer.add(np.full(length, number * 10_000 + place, dtype=np.uint32))
        every = [length for lengths in shards for length in lengths]
        buckets.append(OrderBucket(f"c/s{number}/l", np.array(every, dtype=np.int32), wanted))
        rows.append({"category": "c", "source": f"s{number}", "language": "l", "shards": prefixes})
    write_order(buckets, seed, mixture)
    (mixture / "manifest.json").write_text(json.dumps({"totals": {"buckets": rows}}))
    return mixture


buckets_of = st.lists(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=12), min_size=1, max_size=3), min_size=1, max_size=5
)


@given(sizes=buckets_of, data=st.data(), seed=st.integers(0, 2**31))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_token_is_of_the_document_that_the_reader_reads_there(
    sizes: list[list[list[int]]], data: st.DataObject, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokens = [data.draw(st.integers(1, 4 * sum(map(sum, shards)))) for shards in sizes]
    mixture = a_mixture(tmp_path_factory.mktemp("w"), sizes, tokens, seed)
    lineage, reader = Lineage(mixture), MixtureReader(mixture, 1)
    row = np.concatenate([reader.document(entry) for entry in range(reader.order.documents)])
    found = list(lineage.between(0, lineage.tokens))
    assert [each.entry for each in found] == list(range(reader.order.documents))
    assert found[0].start == 0
    assert found[-1].stop == lineage.tokens == len(row)
    for each in found:
        own = reader.bucket(each.bucket).document(each.document)
        assert (row[each.start : each.stop] == own).all()
    start = data.draw(st.integers(0, lineage.tokens - 1))
    stop = data.draw(st.integers(start + 1, lineage.tokens))
    assert list(lineage.between(start, stop)) == [e for e in found if e.start < stop and e.stop > start]


@given(sizes=buckets_of, data=st.data(), seed=st.integers(0, 2**31))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_readings_of_a_document_are_all_of_its_places_and_epochs(
    sizes: list[list[list[int]]], data: st.DataObject, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tokens = [data.draw(st.integers(1, 4 * sum(map(sum, shards)))) for shards in sizes]
    lineage = Lineage(a_mixture(tmp_path_factory.mktemp("w"), sizes, tokens, seed))
    every: dict[tuple[int, int], list[Reading]] = {}
    for each in lineage.between(0, lineage.tokens):
        every.setdefault((each.bucket, each.document), []).append(each)
    for bucket, size in enumerate(lineage.sizes):
        for document in range(size):
            wanted = every.get((bucket, document), [])
            assert lineage.readings(bucket, document) == wanted
            epochs = [each.epoch for each in wanted]
            assert epochs == sorted(set(epochs))
        times = lineage.times(bucket, range(size))
        assert int(times.sum()) == lineage.given[bucket]


def test_a_document_is_found_behind_many_checkpoints(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    shards = [[draw.integers(1, 5, 90_000).tolist()], [draw.integers(1, 5, 30_000).tolist()]]
    lineage = Lineage(a_mixture(tmp_path, shards, [2 * sum(shards[0][0]), 3 * sum(shards[1][0])]))
    assert lineage.order.documents > 3 * 65_536
    for token in (0, lineage.tokens - 1, *draw.integers(0, lineage.tokens, 20).tolist()):
        found = lineage.at(token)
        assert found.start <= token < found.stop
        readings = lineage.readings(found.bucket, found.document)
        assert found in readings
        assert len(readings) == lineage.given[found.bucket] // lineage.sizes[found.bucket]


@given(count=st.integers(1, 5000), names=st.tuples(st.integers(), st.text(max_size=5), st.integers(0, 9)))
@settings(max_examples=60)
def test_the_inverse_of_a_permutation(count: int, names: tuple[int, str, int]) -> None:
    keys = permutation_keys(*names)
    documents = permuted(keys, count, 0, count)
    for place in {0, count // 2, count - 1}:
        assert place_of(keys.tolist(), count, int(documents[place])) == place
        assert document_at(keys.tolist(), count, place) == int(documents[place])


def test_the_inverse_of_a_permutation_of_billions() -> None:
    keys = permutation_keys(1, "b", 2)
    for count in (10**9, 2**40 + 1, 3 * 10**11):
        for place, document in enumerate(permuted(keys, count, 10**8, 10**8 + 5).tolist(), start=10**8):
            assert place_of(keys.tolist(), count, document) == place


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 0), (5, 3), (0, 10**9)])
def test_tokens_that_are_not_there(tmp_path: Path, start: int, stop: int) -> None:
    lineage = Lineage(a_mixture(tmp_path, [[[3, 4]]], [7]))
    with pytest.raises(BabelmixError, match="from 0 to 7"):
        list(lineage.between(start, stop))


def test_a_sequence_that_a_document_begins_and_ends_in() -> None:
    assert Reading(0, 0, 0, 1, start=95, length=10).sequences(10) == (9, 10)
    assert Reading(0, 0, 0, 1, start=90, length=10).sequences(10) == (9, 9)


def test_tokens_that_are_not_those_of_the_mixture_are_seen(tmp_path: Path) -> None:
    mixture = a_mixture(tmp_path, [[[3, 4], [5]]], [12])
    index = tmp_path / "tokens" / "c" / "s0" / "l" / "00001.idx"
    for content, said in ((b"", "no whole number"), (index.read_bytes()[:-7], "no whole number")):
        index.write_bytes(content)
        with pytest.raises(BabelmixError, match=said):
            Lineage(mixture).at(0)
    with IndexedWriter(str(index.with_suffix(""))) as writer:
        writer.add(np.ones(2, dtype=np.uint32), times=2)
    with pytest.raises(BabelmixError, match="had 3 documents, its tokens have 4"):
        Lineage(mixture).at(0)
    index.unlink()
    with pytest.raises(BabelmixError, match=r"00001\.idx: cannot be read"):
        Lineage(mixture).at(0)
