"""Safetensors files read and written a tensor at a time.

The safetensors library writes a file from a dictionary of all its tensors. A layer of Marco-Mini takes 1.2 GB;
written from an iterator, one expert of it is in memory.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from trainer.errors import TrainerError

INDEX_FILE: Final = "model.safetensors.index.json"
SINGLE_FILE: Final = "model.safetensors"

# The format's names of types, https://huggingface.co/docs/safetensors: little-endian, row by row.
TYPES: Final[Mapping[torch.dtype, str]] = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A tensor that a file is to hold."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements."""
        size = 1
        for length in self.shape:
            size *= length
        return size


def write_shard(path: Path, planned: Sequence[Planned], tensors: Iterator[Tensor], dtype: torch.dtype) -> None:
    """The file at `path`, with the `planned` tensors taken from `tensors` in that order and cast to `dtype`.

    Raises:
        TrainerError: a tensor has another shape than planned, or the disk is full.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for each in planned:
        begin, end = end, end + each.size * dtype.itemsize
        header[each.name] = {"dtype": TYPES[dtype], "shape": list(each.shape), "data_offsets": [begin, end]}
    written = json.dumps(header, separators=(",", ":")).encode()
    # Padded as the format asks, so that the tensors begin at a multiple of 8.
    written += b" " * (-len(written) % 8)
    try:
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(written)))
            file.write(written)
            for each in planned:
                tensor = next(tensors)
                if tuple(tensor.shape) != each.shape:
                    raise TrainerError(f"{path}: {each.name} is {tuple(tensor.shape)}, planned was {each.shape}")
                file.write(as_bytes(tensor, dtype))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise TrainerError(
            f"{path}: cannot be written ({error.strerror}); free space or choose another disk"
        ) from error


def as_bytes(tensor: Tensor, dtype: torch.dtype) -> memoryview:
    """The tensor's elements as `dtype`, in the file's order; without a copy where it is so already."""
    flat = tensor.detach().to("cpu", dtype).contiguous().reshape(-1)
    elements: Any = flat.view(torch.uint8).numpy()
    return memoryview(elements)


class TensorFiles:
    """The tensors of a folder of safetensors, whichever of its files each is in; read when asked for.

    Raises:
        TrainerError: there is no such folder or no safetensors in it, or a file is missing or cut off.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = _files(folder)
        self._opened: dict[str, Any] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._where: dict[str, str] = {}
        for file in self._files:
            opened = self._open(file)
            for name in opened.keys():  # noqa: SIM118 (not a dictionary)
                self._where[name] = file
                self._shapes[name] = tuple(opened.get_slice(name).get_shape())

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Every tensor's shape, by name."""
        return self._shapes

    def read(self, name: str) -> Tensor:
        """The tensor `name`, of its own type."""
        tensor: Tensor = self._open(self._where[name]).get_tensor(name)
        return tensor

    def close(self) -> None:
        """Gives up the files; the pages that were read leave the process's memory."""
        self._opened.clear()

    def _open(self, file: str) -> Any:
        if file not in self._opened:
            path = self.folder / file
            try:
                self._opened[file] = safe_open(path, framework="pt")
            except FileNotFoundError as error:
                raise TrainerError(f"{path}: missing, though {INDEX_FILE} names it; download it again") from error
            except (SafetensorError, OSError) as error:
                raise TrainerError(f"{path}: not a whole safetensors file ({error}); write it again") from error
        return self._opened[file]


def _files(folder: Path) -> list[str]:
    index = folder / INDEX_FILE
    if index.exists():
        try:
            names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        except (ValueError, KeyError, AttributeError) as error:
            raise TrainerError(f"{index}: no JSON with a `weight_map`; download it again") from error
        files = sorted(set(names))
        # A file elsewhere is none of this checkpoint's.
        if any(Path(name).name != name for name in files):
            raise TrainerError(f"{index}: names files outside its folder; only files beside it are read")
        return files
    if (folder / SINGLE_FILE).exists():
        return [SINGLE_FILE]
    raise TrainerError(f"{folder}: holds neither {INDEX_FILE} nor {SINGLE_FILE}; name a folder of safetensors")
