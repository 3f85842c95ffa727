import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixtures.indexed import IndexedDataset, IndexedWriter
from sources.errors import BabelmixError

documents = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=50), max_size=40)


def written(prefix: Path, rows: list[list[int]]) -> str:
    with IndexedWriter(str(prefix)) as writer:
        for row in rows:
            writer.add(np.array(row, dtype=np.uint32))
    return str(prefix)


@given(rows=documents)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(rows: list[list[int]], tmp_path: Path) -> None:
    dataset = IndexedDataset(written(tmp_path / "00000", rows))
    assert len(dataset) == len(rows)
    assert dataset.lengths.tolist() == [len(row) for row in rows]
    assert [dataset.document(number).tolist() for number in range(len(rows))] == rows


def test_the_bytes_are_megatrons(tmp_path: Path) -> None:
    prefix = written(tmp_path / "00000", [[1, 2, 3], [4]])
    assert Path(f"{prefix}.bin").read_bytes() == struct.pack("<4i", 1, 2, 3, 4)
    index = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, 4, 2, 3)
    index += struct.pack("<2i", 3, 1) + struct.pack("<2q", 0, 12) + struct.pack("<3q", 0, 1, 2)
    assert Path(f"{prefix}.idx").read_bytes() == index


def test_a_url_is_written_as_a_path_is() -> None:
    import fsspec

    written_url = IndexedWriter("memory://tokens/00000")
    written_url.add(np.array([7, 8], dtype=np.uint32))
    written_url.close()
    assert fsspec.open("memory://tokens/00000.bin").open().read() == struct.pack("<2i", 7, 8)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.with_suffix(".bin").write_bytes(b"1234"), "the index says 16"),
        (lambda path: path.with_suffix(".idx").write_bytes(b"nothing"), "not the index"),
        (
            lambda path: path.with_suffix(".idx").write_bytes(path.with_suffix(".idx").read_bytes()[:-1]),
            "not what 2",
        ),
        (lambda path: path.with_suffix(".bin").unlink(), "cannot be read"),
    ],
)
def test_damage_is_one_line(damage: object, said: str, tmp_path: Path) -> None:
    written(tmp_path / "00000", [[1, 2, 3], [4]])
    damage(tmp_path / "00000.x")  # type: ignore[operator]
    with pytest.raises(BabelmixError, match=said):
        IndexedDataset(str(tmp_path / "00000"))
