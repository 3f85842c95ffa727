"""Vectors on disk, found by what they were made of, so that a run that was killed pays for nothing twice."""

import hashlib
import json
import uuid
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
import xxhash

from filters.bitext.ranking.embed import Embedder, Vectors
from sources.errors import BabelmixError

Keys = npt.NDArray[np.uint64]
T = TypeVar("T")

# Texts that are embedded between two writes: a kill costs these, and at most as many that are not yet written.
GROUP: Final = 1_024


class VectorCache:
    """Vectors of one model, revision, instruction, dimension and precision, in `folder/<hash of these>/`.

    A shard holds the vectors of a group of texts and is named after the group's hashes: `keys` (n, 2), the 128-bit
    hash of each text, sorted, and `vectors` (n, dimension), float16. It takes its place by a rename, so what is
    there is whole. Nothing is ever changed, so that several processes may share a folder; what others write after
    the first search is not seen. Which shard has which text is held in memory, 12 bytes a text.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        text = json.dumps(dict(identity), sort_keys=True, ensure_ascii=False)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        _put_in_place(self.folder / "identity.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        self._shards: list[Path] | None = None
        # What was there at the first search, and what came since.
        self._old = self._new = _Index.empty()
        self._waiting: list[_Index] = []

    @classmethod
    def of(cls, folder: Path, embedder: Embedder) -> "VectorCache":
        """The cache of a loaded model's vectors."""
        return cls(
            folder,
            {
                "model": embedder.name,
                "instruction": embedder.instruction,
                "dimension": embedder.dimension,
                "dtype": embedder.dtype,
            },
        )

    def find(self, keys: Keys, found: Vectors) -> npt.NDArray[np.bool_]:
        """Writes the vectors that are there into `found`, (keys, dimension); returns which are.

        Raises:
            BabelmixError: a shard is damaged.
        """
        shards = self._known()
        self._merge()
        there = np.zeros(len(keys), dtype=np.bool_)
        for index in (self._old, self._new):
            holders = index.holders(keys[:, 0])
            wanted = np.flatnonzero((holders >= 0) & ~there)
            wanted = wanted[np.argsort(holders[wanted], kind="stable")]
            starts = np.flatnonzero(np.diff(holders[wanted], prepend=-1))
            for places in np.split(wanted, starts[1:]) if len(wanted) else ():
                held, vectors = _read(shards[holders[places[0]]], found.shape[1])
                at = _places(held, keys[places])
                found[places[at >= 0]] = vectors[at[at >= 0]]
                there[places[at >= 0]] = True
        return there

    def put(self, keys: Keys, vectors: Vectors) -> None:
        """Keeps the vectors of texts that were not there."""
        shards = self._known()
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        path = self.folder / f"{xxhash.xxh3_128_hexdigest(keys[order].tobytes())}.npz"

        def write(staged: Path) -> None:
            with staged.open("wb") as file:
                np.savez(file, keys=keys[order], vectors=vectors[order])

        _put_in_place(path, write)
        self._waiting.append(_Index.of(keys[order, 0], len(shards)))
        shards.append(path)

    def embedded(self, texts: list[str], embedder: Embedder) -> Vectors:
        """The vectors of `texts`, (texts, dimension): those that are there, and the others made and kept.

        Which texts make a group depends on `texts` alone, so that a run that goes on after a kill embeds the same
        texts together, and has the same vectors to the last bit. Where other texts are there than in another run,
        those that are made meet others in their batch, which may move a vector by the rounding of half precision.
        """
        keys, first, places = np.unique(_keys(texts), axis=0, return_index=True, return_inverse=True)
        unique = [texts[at] for at in first]
        sizes = np.array([len(text.encode()) for text in unique], dtype=np.int64)
        order = np.argsort(-sizes, kind="stable")
        vectors = np.zeros((len(unique), embedder.dimension), dtype=np.float16)
        there = self.find(keys, vectors)
        # A shard is written while the next group is embedded: a GPU need not wait for a disk.
        with ThreadPoolExecutor(1) as writer:
            written: Future[None] | None = None
            for begin in range(0, len(order), GROUP):
                group = order[begin : begin + GROUP]
                missing = group[~there[group]]
                if len(missing):
                    vectors[missing] = embedder.encode([unique[at] for at in missing])
                    if written is not None:
                        written.result()
                    written = writer.submit(self.put, keys[missing], vectors[missing])
            if written is not None:
                written.result()
        result: Vectors = vectors[places.reshape(-1)]
        return result

    def _known(self) -> list[Path]:
        """The shards; the first call looks what they hold."""
        if self._shards is None:
            self._shards = sorted(self.folder.glob("*.npz"))
            halves = (_read_keys(path)[:, 0] for path in self._shards)
            self._old = _Index.joined([_Index.of(each, at) for at, each in enumerate(halves)])
        return self._shards

    def _merge(self) -> None:
        """Takes what was put into the index."""
        if self._waiting:
            self._new, self._waiting = _Index.joined([self._new, *self._waiting]), []
            # So that what is sorted again and again stays small beside what is sorted once.
            if len(self._new) > len(self._old):
                self._old, self._new = _Index.joined([self._old, self._new]), _Index.empty()


class _Index:
    """Which shard holds a text, by the first half of its hash: sorted, and the shard's number of each."""

    def __init__(self, halves: Keys, shards: npt.NDArray[np.int32]) -> None:
        self._halves, self._numbers = halves, shards

    @classmethod
    def empty(cls) -> "_Index":
        return cls(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int32))

    @classmethod
    def of(cls, halves: Keys, shard: int) -> "_Index":
        return cls(halves, np.full(len(halves), shard, dtype=np.int32))

    @classmethod
    def joined(cls, parts: "list[_Index]") -> "_Index":
        if not parts:
            return cls.empty()
        halves = np.concatenate([each._halves for each in parts])
        order = np.argsort(halves, kind="stable")
        return cls(halves[order], np.concatenate([each._numbers for each in parts])[order])

    def __len__(self) -> int:
        return len(self._halves)

    def holders(self, halves: Keys) -> npt.NDArray[np.int32]:
        """The shard's number of each, -1 where there is none."""
        if not len(self):
            return np.full(len(halves), -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(self._halves, halves), len(self) - 1)
        return np.where(self._halves[at] == halves, self._numbers[at], np.int32(-1))


def _keys(texts: list[str]) -> Keys:
    digests = b"".join(xxhash.xxh3_128_digest(text) for text in texts)
    return np.frombuffer(digests, dtype=">u8").reshape(-1, 2).astype(np.uint64)


def _places(held: Keys, wanted: Keys) -> npt.NDArray[np.int64]:
    """Where each of `wanted` stands in `held`, which is sorted; -1 where it does not."""
    # Of two that share the first half the second decides; they are as good as never more than one.
    at = np.minimum(np.searchsorted(held[:, 0], wanted[:, 0]), len(held) - 1)
    same = (held[at] == wanted).all(axis=1)
    return np.where(same, at, -1)


def _read_keys(path: Path) -> Keys:
    def keys(shard: Any) -> Keys:
        found: Keys = _shaped(shard["keys"], np.uint64, 2)
        return found

    return _opened(path, keys)


def _read(path: Path, dimension: int) -> tuple[Keys, Vectors]:
    def arrays(shard: Any) -> tuple[Keys, Vectors]:
        keys, vectors = _shaped(shard["keys"], np.uint64, 2), _shaped(shard["vectors"], np.float16, dimension)
        if len(keys) != len(vectors):
            raise ValueError(f"{len(keys)} keys for {len(vectors)} vectors")
        return keys, vectors

    return _opened(path, arrays)


def _shaped(array: Any, dtype: type, width: int) -> Any:
    if array.dtype != dtype or array.ndim != 2 or array.shape[1] != width or not len(array):
        raise ValueError(f"an array of {array.dtype} {array.shape}, not of {dtype.__name__} (n, {width})")
    return array


def _opened(path: Path, arrays: Callable[[Any], T]) -> T:
    try:
        # Reading compares the checksum of each array.
        with np.load(path, allow_pickle=False) as shard:
            return arrays(shard)
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise BabelmixError(f"{path}: damaged ({error}); delete it, and its texts are embedded again") from error


def _put_in_place(path: Path, write: Callable[[Path], Any]) -> None:
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(staged)
        staged.replace(path)
    except OSError as error:
        raise BabelmixError(
            f"{path}: cannot be written ({error.strerror}); vectors need a folder with room for them"
        ) from error
