"""Vectors on disk, found by what they were made of, so that a run that was killed pays for nothing twice."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash

from filters.bitext.ranking.embed import Embedder, Vectors
from sources.errors import BabelmixError

Keys = npt.NDArray[np.uint64]

# Texts that are embedded between two writes: what a kill costs.
GROUP: Final = 1_024


class VectorCache:
    """Vectors of one model, revision, instruction and dimension, in `folder/<hash of these>/`.

    A shard holds the vectors of a group of texts and is named after the group's hashes: `keys` (n, 2), the 128-bit
    hash of each text, sorted, and `vectors` (n, dimension), float16. It takes its place by a rename, so what is
    there is whole. Nothing is ever changed, so that several processes may share a folder.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        text = json.dumps(dict(identity), sort_keys=True, ensure_ascii=False)
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(self.folder / "identity.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))

    @classmethod
    def of(cls, folder: Path, embedder: Embedder) -> "VectorCache":
        """The cache of a loaded model's vectors."""
        return cls(
            folder,
            {"model": embedder.name, "instruction": embedder.instruction, "dimension": embedder.dimension},
        )

    def find(self, keys: Keys, found: Vectors) -> npt.NDArray[np.bool_]:
        """Writes the vectors that are there into `found`, (keys, dimension); returns which are.

        Raises:
            BabelmixError: a shard is damaged.
        """
        there = np.zeros(len(keys), dtype=np.bool_)
        for path in sorted(self.folder.glob("*.npz")):
            if there.all():
                break
            try:
                with np.load(path, allow_pickle=False) as shard:
                    held = shard["keys"]
                    places = _places(held, keys)
                    new = np.flatnonzero((places >= 0) & ~there)
                    if len(new):
                        found[new] = shard["vectors"][places[new]]
                        there[new] = True
            except (OSError, ValueError, KeyError, EOFError) as error:
                raise BabelmixError(
                    f"{path}: damaged ({error}); delete it, and its texts are embedded again"
                ) from error
        return there

    def put(self, keys: Keys, vectors: Vectors) -> None:
        """Keeps the vectors of texts that were not there."""
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        name = xxhash.xxh3_128_hexdigest(keys[order].tobytes())

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, keys=keys[order], vectors=vectors[order])

        self._write(self.folder / f"{name}.npz", write)

    def _write(self, path: Path, write: Any) -> None:
        staged = path.with_name(f".{path.name}.{os.getpid()}")
        write(staged)
        staged.replace(path)

    def embedded(self, texts: list[str], embedder: Embedder) -> Vectors:
        """The vectors of `texts`, (texts, dimension): those that are there, and the others made and kept.

        Which texts make a group depends on `texts` alone, so that a run that goes on after a kill embeds the same
        texts together, and has the same vectors to the last bit.
        """
        keys, first, places = np.unique(_keys(texts), axis=0, return_index=True, return_inverse=True)
        unique = [texts[at] for at in first]
        order = np.array(
            sorted(range(len(unique)), key=lambda at: (-len(unique[at]), tuple(keys[at]))), dtype=np.int64
        )
        vectors = np.zeros((len(unique), embedder.dimension), dtype=np.float16)
        there = self.find(keys, vectors)
        for begin in range(0, len(order), GROUP):
            group = order[begin : begin + GROUP]
            missing = group[~there[group]]
            if len(missing):
                vectors[missing] = embedder.encode([unique[at] for at in missing])
                self.put(keys[missing], vectors[missing])
        result: Vectors = vectors[places.reshape(-1)]
        return result


def _keys(texts: list[str]) -> Keys:
    digests = b"".join(xxhash.xxh3_128_digest(text) for text in texts)
    return np.frombuffer(digests, dtype=">u8").reshape(-1, 2).astype(np.uint64)


def _places(held: Keys, wanted: Keys) -> npt.NDArray[np.int64]:
    """Where each of `wanted` stands in `held`, which is sorted; -1 where it does not."""
    if not len(held):
        return np.full(len(wanted), -1, dtype=np.int64)
    # Of two that share the first half the second decides; they are as good as never more than one.
    at = np.minimum(np.searchsorted(held[:, 0], wanted[:, 0]), len(held) - 1)
    same = (held[at] == wanted).all(axis=1)
    return np.where(same, at, -1)
