"""Vectors that stay: found again, never made twice, the same after a kill, and a damaged file named."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.bitext.ranking import cache as cache_module
from filters.bitext.ranking.cache import VectorCache
from sources.errors import BabelmixError

TEXTS = [f"sentence {number} {'word ' * (number % 11)}" for number in range(150)]


class Counting:
    """Stands for a loaded model: a text's vector hangs on all texts that it is embedded with, and each is counted.

    Kills its own process at the call `dies`.
    """

    def __init__(self, log: Path, dies: int | None = None, name: str = "model", dimension: int = 4) -> None:
        self.name, self.instruction, self.dtype, self.dimension = name, "{text}", "float32", dimension
        self._log, self._dies, self._calls = log, dies, 0

    def encode(self, texts: list[str]) -> np.ndarray:
        self._calls += 1
        if self._calls == self._dies:
            os.kill(os.getpid(), signal.SIGKILL)
        with self._log.open("a", encoding="utf-8") as log:
            log.writelines(json.dumps(text) + "\n" for text in texts)
        company = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        rows = [np.frombuffer(hashlib.sha256((company + text).encode()).digest(), np.uint8) for text in texts]
        return np.stack(rows)[:, : self.dimension].astype(np.float16)


def counted(log: Path) -> list[str]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def embedded(folder: Path, texts: list[str], embedder: Any) -> np.ndarray:
    return VectorCache.of(folder, embedder).embedded(texts, embedder)


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "GROUP", 16)


def test_each_text_is_embedded_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    twice = [*TEXTS, *TEXTS[::-1]]
    first = embedded(tmp_path, twice, Counting(log))
    assert sorted(counted(log)) == sorted(TEXTS)
    np.testing.assert_array_equal(first[: len(TEXTS)], first[len(TEXTS) :][::-1])
    # Another process, another order, and some that are new.
    more = [*TEXTS[::-1], "new", "newer"]
    again = embedded(tmp_path, more, Counting(log))
    np.testing.assert_array_equal(again[: len(TEXTS)], first[len(TEXTS) :])
    assert sorted(counted(log)) == sorted([*TEXTS, "new", "newer"])


def test_one_cache_sees_what_it_has_put(tmp_path: Path) -> None:
    log = tmp_path / "log"
    embedder = Counting(log)
    cache = VectorCache.of(tmp_path, embedder)
    parts = [TEXTS[begin : begin + 25] for begin in range(0, 150, 25)]
    first = [cache.embedded(part, embedder) for part in parts]
    second = [cache.embedded(part, embedder) for part in parts]
    assert len(counted(log)) == 150
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


CHILD = """
import sys
from pathlib import Path
from filters.bitext.ranking import cache
from test_bitext_ranking_cache import Counting, TEXTS, embedded
cache.GROUP = 16
embedded(Path(sys.argv[1]), TEXTS, Counting(Path(sys.argv[2]), int(sys.argv[3])))
"""


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """Killed with SIGKILL at the third, then at the sixth group: nothing that is kept is embedded again."""
    whole = embedded(tmp_path / "whole", TEXTS, Counting(tmp_path / "log of whole"))
    folder = tmp_path / "killed"
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    for number, dies in enumerate((3, 4)):
        log = tmp_path / f"log {number}"
        command = [sys.executable, "-c", CHILD, str(folder), str(log), str(dies)]
        ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False, timeout=100)
        assert ended.returncode == -signal.SIGKILL
        assert len(counted(log)) == 16 * (dies - 1)
    standing = [shard_keys for path in folder.rglob("*.npz") for shard_keys in np.load(path)["keys"].tolist()]
    # Of each run at most the group is lost that was embedded last and was not yet written.
    assert len(standing) >= 16 * 3
    log = tmp_path / "log of the rest"
    rest = embedded(folder, TEXTS, Counting(log))
    assert len(counted(log)) == len(TEXTS) - len(standing)
    np.testing.assert_array_equal(rest, whole)
    files, expected = (
        {each.name: each.read_bytes() for each in place.rglob("*.npz")} for place in (folder, tmp_path / "whole")
    )
    assert files == expected


@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=5))
def test_vectors_are_those_of_their_texts(
    tmp_path_factory: pytest.TempPathFactory, calls: list[list[int]]
) -> None:
    """Whatever is asked in whatever order, from one cache or a new one: a text keeps its first vector."""
    folder = tmp_path_factory.mktemp("any")
    embedder = Counting(folder / "log")
    cache = VectorCache.of(folder, embedder)
    known: dict[str, list[float]] = {}
    for number, call in enumerate(calls):
        texts = [f"{at}{'.' * at}" for at in call]
        if number % 2:
            cache = VectorCache.of(folder, embedder)
        vectors = cache.embedded(texts, embedder)
        assert vectors.shape == (len(texts), 4)
        for text, vector in zip(texts, vectors.tolist(), strict=True):
            assert known.setdefault(text, vector) == vector
    assert sorted(counted(folder / "log")) == sorted(known)


@pytest.mark.parametrize("field", ["name", "instruction", "dtype", "dimension"])
def test_other_models_have_other_folders(tmp_path: Path, field: str) -> None:
    log = tmp_path / "log"
    embedded(tmp_path, TEXTS[:5], Counting(log))
    other = Counting(log)
    setattr(other, field, 3 if field == "dimension" else f"other {field}")
    assert embedded(tmp_path, TEXTS[:5], other).shape == (5, other.dimension)
    assert len(counted(log)) == 10


def damaged(content: bytes, how: str) -> bytes:
    if how == "cut":
        return content[: len(content) // 2]
    if how == "empty":
        return b""
    if how == "text":
        return b"not found"
    # One bit of the vectors, near the end of the file's first half of arrays.
    at = content.rindex(b"vectors.npy", 0, content.rindex(b"vectors.npy")) + 11 + 128 + 4
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("how", ["cut", "empty", "text", "bit"])
def test_a_damaged_shard_is_one_line(tmp_path: Path, how: str) -> None:
    log = tmp_path / "log"
    embedded(tmp_path, TEXTS[:20], Counting(log))
    shard = sorted(tmp_path.rglob("*.npz"))[1]
    shard.write_bytes(damaged(shard.read_bytes(), how))
    with pytest.raises(BabelmixError) as caught:
        embedded(tmp_path, TEXTS[:20], Counting(log))
    assert str(caught.value).startswith(f"{shard}: damaged (")
    assert str(caught.value).endswith("; delete it, and its texts are embedded again")
    assert len(counted(log)) == 20
    shard.unlink()
    embedded(tmp_path, TEXTS[:20], Counting(log))
    assert 20 < len(counted(log)) < 40


@pytest.mark.parametrize(
    "arrays",
    [
        {"keys": np.ones((2, 2), np.uint64)},
        {"keys": np.ones((2, 2), np.uint64), "vectors": np.ones((2, 5), np.float16)},
        {"keys": np.ones((2, 2), np.uint64), "vectors": np.ones((3, 4), np.float16)},
        {"keys": np.ones((2, 2), np.uint64), "vectors": np.ones((2, 4), np.float64)},
        {"keys": np.ones(2, np.uint64), "vectors": np.ones((2, 4), np.float16)},
    ],
)
def test_a_shard_of_another_form_is_one_line(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    embedder = Counting(tmp_path / "log")
    cache = VectorCache.of(tmp_path, embedder)
    np.savez(cache.folder / "0.npz", **arrays)
    with pytest.raises(BabelmixError, match=r"0\.npz: damaged \("):
        cache.find(np.ones((1, 2), np.uint64), np.zeros((1, 4), np.float16))


def test_what_fails_keeps_what_was_made(tmp_path: Path) -> None:
    log = tmp_path / "log"

    class Failing(Counting):
        def encode(self, texts: list[str]) -> np.ndarray:
            if self._calls == 2:
                raise BabelmixError("model: the vector is not a number")
            return super().encode(texts)

    with pytest.raises(BabelmixError, match="not a number"):
        embedded(tmp_path, TEXTS, Failing(log))
    embedded(tmp_path, TEXTS, Counting(log))
    assert len(counted(log)) == len(TEXTS)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BabelmixError, match=r"identity\.json: cannot be written \(.*\); vectors need a folder"):
        VectorCache.of(tmp_path / "file", Counting(tmp_path / "log"))


def test_no_texts(tmp_path: Path) -> None:
    assert embedded(tmp_path, [], Counting(tmp_path / "log")).shape == (0, 4)


def test_reading_does_not_grow_with_what_others_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many shards each is looked at once, and read again only for what it holds."""
    embedder = Counting(tmp_path / "log")
    for begin in range(0, 150, 5):
        embedded(tmp_path, TEXTS[begin : begin + 5], embedder)
    read = []
    load = np.load

    def seen(path: Path, **named: Any) -> Any:
        read.append(path)
        return load(path, **named)

    monkeypatch.setattr(np, "load", seen)
    cache = VectorCache.of(tmp_path, embedder)
    for begin in range(0, 150, 5):
        cache.embedded(TEXTS[begin : begin + 5], embedder)
    assert len(read) == 30 + 30
