"""Where documents lie by their ids: sorted hashes beside the rows that they stand in, mapped into memory.

Made when a folder is first asked about and kept under `index/` (`Workspace.kept`), by the fingerprint of what it
is made from, so that it is never of other documents. 16 bytes a document. A hash only says where to look: the row
is read before it is believed.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import fsspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from pipelines.workspace import Workspace
from sources.errors import BabelmixError

INDEX: Final = "index"
# Raised when the same documents give other bytes.
_VERSION: Final = 1
_ROW_BITS: Final = np.uint64(32)
_Rows = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a folder of Parquet files: the number of the file in their order, and the row in it."""

    file: int
    row: int


class DocumentIndex:
    """The rows of a complete folder of the workspace by a column of names.

    `column` is `id`, or `detail` for what was dropped in favour of another document.
    """

    def __init__(self, workspace: Workspace, folder: str, column: str, fingerprint: str) -> None:
        self._folder = workspace.at(folder)
        self._column = column
        self._path = _path(workspace, folder, column, fingerprint)
        self._hashes, self._rows = self._read() or self._make()

    @staticmethod
    def stands(workspace: Workspace, folder: str, column: str, fingerprint: str) -> bool:
        """Whether the index has been made, so that asking it takes no time."""
        path = _path(workspace, folder, column, fingerprint)
        return path.is_file()

    def __len__(self) -> int:
        return len(self._hashes)

    def find(self, name: str) -> list[Place]:
        """The rows whose column may hold `name`, in their order."""
        wanted = np.uint64(_hash(name))
        start = int(np.searchsorted(self._hashes, wanted, side="left"))
        stop = int(np.searchsorted(self._hashes, wanted, side="right"))
        return [Place(int(each >> _ROW_BITS), int(each) & 0xFFFF_FFFF) for each in np.sort(self._rows[start:stop])]

    def _read(self) -> tuple[_Rows, _Rows] | None:
        if not self._path.is_file():
            return None
        count = self._path.stat().st_size // 16
        if not count:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        both = np.memmap(self._path, dtype="<u8", mode="r", shape=(2, count))
        return both[0], both[1]

    def _make(self) -> tuple[_Rows, _Rows]:
        hashes, rows = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
        for number, row, names in _columns(self._folder, self._column):
            hashes.append(np.fromiter(map(_hash, names), np.uint64, len(names)))
            rows.append((np.uint64(number) << _ROW_BITS) + np.arange(row, row + len(names), dtype=np.uint64))
        every, places = np.concatenate(hashes), np.concatenate(rows)
        order = np.argsort(every, kind="stable")
        every, places = every[order], places[order]
        # Where nothing can be written it is made anew each time.
        with contextlib.suppress(OSError):
            self._keep(every, places)
        return every, places

    def _keep(self, hashes: _Rows, rows: _Rows) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for old in self._path.parent.glob(f"{self._column}-*.bin"):
            old.unlink(missing_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._path.parent, suffix=".part", delete=False) as file:
            file.write(hashes.tobytes())
            file.write(rows.tobytes())
        Path(file.name).replace(self._path)


def _path(workspace: Workspace, folder: str, column: str, fingerprint: str) -> Path:
    return workspace.kept(INDEX) / folder / f"{column}-{_VERSION}-{fingerprint[:16]}.bin"


def _hash(name: Any) -> int:
    return xxhash.xxh3_64_intdigest(name or "")


def _columns(folder: str, column: str) -> Iterator[tuple[int, int, list[Any]]]:
    """Number of the file, first row and values of each row group's column."""
    for number in range(len(_files(folder)[1])):
        row = 0
        with _opened(folder, number) as parquet:
            for group in range(parquet.num_row_groups):
                values = parquet.read_row_group(group, [column])[column].to_pylist()
                yield number, row, values
                row += len(values)


def read_row(folder: str, place: Place, columns: list[str] | None = None) -> dict[str, Any]:
    """One row of a folder of Parquet files; no row group but its own is read.

    Raises:
        BabelmixError: the file cannot be read.
    """
    row = place.row
    with _opened(folder, place.file) as parquet:
        for group in range(parquet.num_row_groups):
            count = parquet.metadata.row_group(group).num_rows
            if row < count:
                table: pa.Table = parquet.read_row_group(group, columns).slice(row, 1)
                found: dict[str, Any] = table.to_pylist()[0]
                return found
            row -= count
    raise IndexError(f"{folder}: no row {place.row} in file {place.file}")


def nth_of_category(folder: str, file: int, category: str, number: int) -> Place:
    """The row of the `number`-th document of a category in one file; its text is not read.

    Raises IndexError where the file has fewer.
    """
    row = 0
    with _opened(folder, file) as parquet:
        for group, own in _of_category(parquet, category):
            if number < len(own):
                return Place(file, row + int(own[number]))
            number -= len(own)
            row += parquet.metadata.row_group(group).num_rows
    raise IndexError(f"{folder}: no such document of {category} in file {file}")


def category_number(folder: str, place: Place, category: str) -> int:
    """How many documents of a category come before a row in its file."""
    row = before = 0
    with _opened(folder, place.file) as parquet:
        for group, own in _of_category(parquet, category):
            before += int(np.searchsorted(own, place.row - row))
            row += parquet.metadata.row_group(group).num_rows
            if row > place.row:
                break
    return before


def _of_category(parquet: pq.ParquetFile, category: str) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """The number of each row group, and its rows of a category."""
    column = parquet.schema_arrow.names.index("category")
    for group in range(parquet.num_row_groups):
        held = parquet.metadata.row_group(group)
        statistics = held.column(column).statistics
        if statistics is not None and statistics.has_min_max and statistics.min == statistics.max:
            yield group, np.arange(held.num_rows if statistics.min == category else 0)
        else:
            values = parquet.read_row_group(group, ["category"])["category"]
            # By a list: pyarrow's own comparison imports pandas first, which takes half a second.
            listed = enumerate(values.to_pylist())
            yield group, np.array([row for row, each in listed if each == category], dtype=np.int64)


def _files(folder: str) -> tuple[Any, list[str]]:
    """The filesystem of a folder, and its Parquet files in the order of `document_files`."""
    # Not by datatrove, which takes a quarter of a second to import: a question should not wait for that.
    fs, root = fsspec.core.url_to_fs(folder)
    return fs, sorted(name for name in fs.ls(root, detail=False) if name.endswith(".parquet"))


@contextlib.contextmanager
def _opened(folder: str, number: int) -> Iterator[pq.ParquetFile]:
    fs, files = _files(folder)
    try:
        with fs.open(files[number], "rb") as file:
            yield pq.ParquetFile(file, buffer_size=4 << 20, pre_buffer=False)
    except (pa.ArrowInvalid, EOFError) as error:
        raise BabelmixError(f"{files[number]}: cannot be read as Parquet ({error}); make it again") from error
