"""A checkpoint that is on disk: what it says of itself, and its tensors read back."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
from torch.distributed.checkpoint.state_dict_loader import load

from trainer.errors import TrainerError
from trainer.training.distributed import Ranks

STATE_FILE: Final = "state.json"
FORMAT: Final = 1
# torch's own is no Exception.
FAULTS: Final = (Exception, CheckpointException)

# One process is meant to be one process.
warnings.filterwarnings("ignore", message="torch.distributed is disabled")


@dataclass(frozen=True, slots=True)
class Saved:
    """A complete checkpoint: its folder, its step, what the loop noted, and its tensors' shapes and types."""

    folder: Path
    step: int
    facts: dict[str, Any]
    shapes: dict[str, list[int]]
    types: dict[str, str]


def read_saved(folder: Path) -> Saved:
    """What the checkpoint in `folder` says of itself.

    Raises:
        TrainerError: it is half-written, damaged, or no checkpoint.
    """
    path = folder / STATE_FILE
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        files = state["files"]
        saved = Saved(folder, state["step"], state["facts"], state["tensors"], state["types"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainerError(f"{path}: no whole checkpoint ({type(error).__name__})") from error
    if state.get("format") != FORMAT:
        raise TrainerError(f"{path}: format {state.get('format')}, only {FORMAT} is read")
    for name, size in files.items():
        found = (folder / name).stat().st_size if (folder / name).is_file() else None
        if found != size:
            what = "missing" if found is None else f"{found} bytes"
            raise TrainerError(f"{folder / name}: {what}, should be {size} bytes; the checkpoint is damaged")
    return saved


def load_tensors(saved: Saved, tensors: Mapping[str, torch.Tensor], ranks: Ranks) -> None:
    """Fills `tensors` in place from the checkpoint, whatever number of ranks wrote it.

    Raises:
        TrainerError: a tensor is missing or has another shape, or a file cannot be read.
    """
    for name, tensor in tensors.items():
        found = saved.shapes.get(name)
        if found != list(tensor.shape):
            what = "is not there" if found is None else f"has shape {found}"
            raise TrainerError(
                f"{saved.folder}: {name} {what}, this run needs {list(tensor.shape)}; use the configuration that"
                " the checkpoint was made with"
            )
        # Codes of 8 bits are read as codes only, or numbers would come of them that mean nothing.
        if (saved.types[name] == "uint8") != (tensor.dtype == torch.uint8):
            raise TrainerError(
                f"{saved.folder}: {name} is {saved.types[name]}, this run keeps it in"
                f" {str(tensor.dtype).removeprefix('torch.')}; use the `moments` that the checkpoint was made with"
            )
    try:
        reader = HuggingFaceStorageReader(str(saved.folder))
        load(dict(tensors), storage_reader=reader, process_group=ranks.saving, no_dist=ranks.count == 1)
    except FAULTS as error:
        raise TrainerError(f"{saved.folder}: cannot be read ({reason_of(error)})") from error


def reason_of(error: BaseException) -> str:
    """The innermost cause in a few words; torch wraps it in the tracebacks of all ranks."""
    failures = getattr(error, "failures", None)
    if failures:
        inner = next(iter(failures.values()))
        error = inner[0] if isinstance(inner, tuple) else inner
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
