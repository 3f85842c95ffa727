import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture_in_folder import BUCKETS, END, write_mixture

from mixtures.packed import PackedReader
from mixtures.reader import MixtureReader
from sources.errors import BabelmixError


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mixture(tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def row(mixture: Path) -> np.ndarray:
    """All documents of the order, one after the other, as the plain reader gives them."""
    reader = MixtureReader(mixture, 1)
    return np.concatenate([reader.document(entry) for entry in range(reader.order.documents)])


@given(data=st.data(), kind=st.sampled_from([np.uint32, np.int32, np.int64]))
@settings(max_examples=80, deadline=None)
def test_any_stretch_is_what_the_plain_reader_gives(
    mixture: Path, row: np.ndarray, data: st.DataObject, kind: type
) -> None:
    start = data.draw(st.integers(0, len(row)))
    out = np.empty(data.draw(st.integers(0, len(row) - start)), dtype=kind)
    begins = PackedReader(mixture).fill(start, out)
    expected = row[start : start + len(out)]
    assert out.tolist() == expected.tolist()
    assert begins.tolist() == [0, *(np.flatnonzero(expected[:-1] == END) + 1)]


def test_stretches_in_any_order_over_many_blocks(tmp_path: Path) -> None:
    large = write_mixture(tmp_path, buckets=(("a/b/eng_Latn", (3000, 2500), 250_000), ("c/d/eng_Latn", (9,), 900)))
    plain = MixtureReader(large, 1000)
    expected = [(each.tokens.tolist(), each.boundaries.tolist()) for each in plain]
    reader = PackedReader(large)
    assert reader.order.documents > 3 * 2048  # several blocks
    for number in np.random.default_rng(1).permutation(len(expected)):
        out = np.empty(1000, dtype=np.uint32)
        begins = reader.fill(int(number) * 1000, out)
        assert (out.tolist(), begins.tolist()) == expected[number]


def test_documents_come_with_their_bucket_and_number(mixture: Path) -> None:
    reader = PackedReader(mixture)
    seen = 0
    for block in reader.blocks():
        for at in range(len(block.lengths)):
            first = int(reader.document(block, at)[0])
            assert first == 1000 * (int(block.buckets[at]) + 1) + int(block.documents[at])
            seen += 1
    assert seen == reader.order.documents


def test_another_process_may_take_it(mixture: Path) -> None:
    reader = PackedReader(mixture)
    one, other = np.empty(100, dtype=np.int64), np.empty(100, dtype=np.int64)
    reader.fill(7, one)
    pickle.loads(pickle.dumps(reader)).fill(7, other)
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("start", [-1, 10**9])
def test_tokens_that_are_not_there_are_one_line(mixture: Path, start: int) -> None:
    with pytest.raises(BabelmixError, match="are asked for; it has"):
        PackedReader(mixture).fill(start, np.empty(3, dtype=np.uint32))


def damage(prefix: Path, field: str, value: int) -> None:
    """Overwrites the length or offset of the shard's second document."""
    with Path(f"{prefix}.idx").open("r+b") as file:
        documents = struct.unpack("<Q", file.read(26)[18:])[0]
        file.seek(34 + (4 if field == "length" else 4 * documents + 8))
        file.write(struct.pack("<i" if field == "length" else "<q", value))


@pytest.mark.parametrize(
    ("field", "value"), [("length", -5), ("length", 10**6), ("offset", -8), ("offset", 1 << 40)]
)
def test_an_index_that_points_outside_its_file_is_one_line(tmp_path: Path, field: str, value: int) -> None:
    folder = write_mixture(tmp_path)
    damage(tmp_path / "tokens" / BUCKETS[0][0] / "00000", field, value)
    with pytest.raises(BabelmixError, match="is missing or outside its file"):
        PackedReader(folder).fill(0, np.empty(3000, dtype=np.uint32))


def test_tokens_that_were_made_anew_are_one_line(tmp_path: Path) -> None:
    folder = write_mixture(tmp_path)
    damage(tmp_path / "tokens" / BUCKETS[0][0] / "00000", "length", 1)
    with pytest.raises(BabelmixError, match="others than those it was ordered by"):
        PackedReader(folder).fill(0, np.empty(3000, dtype=np.uint32))


def test_a_shard_that_is_gone_is_one_line(tmp_path: Path) -> None:
    folder = write_mixture(tmp_path)
    (tmp_path / "tokens" / BUCKETS[1][0] / "00001.idx").unlink()
    with pytest.raises(BabelmixError, match="cannot be read"):
        PackedReader(folder).fill(0, np.empty(3, dtype=np.uint32))
