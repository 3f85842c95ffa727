import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.indexed import IndexedWriter
from mixtures.order import OrderBucket, write_order
from mixtures.reader import MixtureReader
from sources.errors import BabelmixError

END = 99


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture of three buckets, the second of two shards; each document's first token is its own."""
    workspace = tmp_path_factory.mktemp("workspace")
    draw = np.random.default_rng(0)
    buckets, rows = [], []
    first = 1000
    for name, shards, tokens in (("a", (30,), 900), ("b", (11, 7), 2500), ("c", (5,), 60)):
        sizes: list[int] = []
        for number, documents in enumerate(shards):
            (workspace / "tokens" / name).mkdir(parents=True, exist_ok=True)
            with IndexedWriter(str(workspace / "tokens" / name / f"{number:05d}")) as writer:
                for size in draw.integers(1, 60, documents):
                    writer.add(np.array([first, *range(int(size)), END], dtype=np.uint32))
                    first += 1
                    sizes.append(int(size) + 2)
        buckets.append(OrderBucket(name, np.array(sizes, dtype=np.int32), tokens))
        rows.append({"shards": [f"tokens/{name}/{number:05d}" for number in range(len(shards))]})
    folder = workspace / "mixtures" / "model" / "stage1" / "0123"
    folder.mkdir(parents=True)
    write_order(buckets, 4, folder)
    (folder / "manifest.json").write_text(json.dumps({"totals": {"buckets": rows}}))
    return folder


def row_of_tokens(folder: Path) -> np.ndarray:
    """All documents of the order, one after the other."""
    reader = MixtureReader(folder, 1)
    return np.concatenate([reader.document(entry) for entry in range(reader.order.documents)])


@given(length=st.integers(1, 700), ranks=st.integers(1, 9), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_number_of_ranks_reads_the_same_tokens_from_any_sequence(
    mixture: Path, length: int, ranks: int, data: st.DataObject
) -> None:
    whole = row_of_tokens(mixture)
    count = len(whole) // length
    rank = data.draw(st.integers(0, ranks - 1))
    reader = MixtureReader(mixture, length, rank, ranks)
    own = list(range(rank, count, ranks))
    assert (reader.sequences, len(reader)) == (count, len(own))
    start = data.draw(st.integers(0, len(own) + 1))
    found = list(reader.read(start))
    assert [sequence.number for sequence in found] == own[start:]
    for sequence in found:
        expected = whole[sequence.number * length : (sequence.number + 1) * length]
        assert sequence.tokens.tolist() == expected.tolist()
        # A document begins after each end of one; the first entry stands for whatever comes first.
        begins = [0, *(np.flatnonzero(expected[:-1] == END) + 1)]
        assert sequence.boundaries.tolist() == begins


def test_all_ranks_together_read_each_sequence_once(mixture: Path) -> None:
    numbers = [sequence.number for rank in range(4) for sequence in MixtureReader(mixture, 64, rank, 4)]
    assert sorted(numbers) == list(range(MixtureReader(mixture, 64).sequences))


def test_tokens_are_found_wherever_the_workspace_has_gone(mixture: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in mixture.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    reader = MixtureReader(moved, 32, workspace=mixture.parents[3])
    assert next(iter(reader)).tokens.tolist() == next(iter(MixtureReader(mixture, 32))).tokens.tolist()


@pytest.mark.parametrize(("length", "rank", "ranks"), [(0, 0, 1), (8, 2, 2), (8, -1, 2)])
def test_impossible_ranks_are_one_line(mixture: Path, length: int, rank: int, ranks: int) -> None:
    with pytest.raises(BabelmixError, match="rank counts from 0"):
        MixtureReader(mixture, length, rank, ranks)


def test_no_mixture_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="name the folder that"):
        MixtureReader(tmp_path, 8)
