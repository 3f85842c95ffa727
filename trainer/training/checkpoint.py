"""Checkpoints: a folder a step, written beside the training, complete or not there.

    checkpoints/
      step-00000400/
        shard-00001-model-00001-of-00001.safetensors ...   each rank's parts of all tensors
        state.json                                         the step, what the loop knows, every file's size

Tensors are written by torch.distributed.checkpoint as safetensors, so nothing is pickled, and any number of ranks
reads what any other wrote. A checkpoint is written in `step-....writing` and gets its name when all of it is on
disk; what a killed run leaves is never taken for one.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict_saver import async_save, save

from trainer.errors import TrainerError
from trainer.training.distributed import Ranks
from trainer.training.saved import FAULTS, FORMAT, STATE_FILE, Saved, read_saved, reason_of
from trainer.training.settings import CheckpointSettings

_NAME: Final = re.compile(r"step-(\d{8,})")
_WRITING: Final = ".writing"
_DELETING: Final = ".deleting"


@dataclass(frozen=True, slots=True)
class _Pending:
    step: int
    state: dict[str, Any]
    future: "Future[Any] | None"
    """None: it is written already."""


class Checkpoints:
    """The checkpoints of a run in `folder`. `report` is given a line about everything that went wrong.

    A checkpoint that cannot be written, on a full disk for example, is reported and the run goes on; the next
    is tried in its turn. Only `finish`, at the end of a run, raises.
    """

    def __init__(
        self, folder: Path, settings: CheckpointSettings, ranks: Ranks, report: Callable[[str], None]
    ) -> None:
        self._folder, self._settings, self._ranks, self._report = folder, settings, ranks, report
        self._pending: _Pending | None = None
        self._failed: str | None = None
        if ranks.first:
            _make(folder)
            for path in folder.iterdir():  # of a killed run
                if path.name.endswith((_WRITING, _DELETING)) and _NAME.match(path.name):
                    shutil.rmtree(path, ignore_errors=True)

    def save(
        self, step: int, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any], keep: bool = False
    ) -> None:
        """Begins to save; returns when `tensors` are copied, so that training can go on.

        `facts` are what a resumed run must know besides, as JSON. `keep` keeps the checkpoint for good. All ranks
        must call it.
        """
        self._complete()
        state = {"format": FORMAT, "step": step, "keep": keep, "facts": dict(facts)}
        state["tensors"] = {name: list(tensor.shape) for name, tensor in tensors.items()}
        state["types"] = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
        target = self._place(step, _WRITING)
        fault = self._ranks.from_first(self._room(tensors, target) if self._ranks.first else None)
        if fault:
            self._fail(step, fault)
            return
        options: dict[str, Any] = {
            "storage_writer": HuggingFaceStorageWriter(str(target), save_distributed=True),
            "process_group": self._ranks.saving,
            "no_dist": self._ranks.count == 1,
        }
        try:
            if self._settings.asynchronous:
                future: Any = async_save(dict(tensors), **options)
            else:
                future = None
                save(dict(tensors), **options)
        except FAULTS as error:
            self._fail(step, reason_of(error))
            return
        self._pending = _Pending(step, state, future)
        if future is None:
            self._complete()

    def finish(self) -> None:
        """Waits until all is on disk.

        Raises:
            TrainerError: the last checkpoint could not be written; names the one before it.
        """
        self._complete()
        if self._failed:
            raise TrainerError(self._failed)

    def poll(self) -> None:
        """Completes a checkpoint whose files are all written; returns at once where they are not."""
        # Ranks would not come to the same answer at the same time; only the first gives names.
        if self._pending and self._pending.future and self._pending.future.done():
            self._complete()

    def newest(self) -> Saved | None:
        """The last checkpoint that is whole; damaged ones are reported and passed over. None: there is none.

        Raises:
            TrainerError: there are checkpoints, and none is whole.
        """
        found = sorted(
            (path for path in self._all() if not path.name.endswith((_WRITING, _DELETING))), reverse=True
        )
        faults = []
        for path in found:
            try:
                return read_saved(path)
            except TrainerError as error:
                faults.append(str(error))
                if self._ranks.first:
                    self._report(f"{error}; the one before it is tried")
        if faults:
            raise TrainerError(f"{self._folder}: none of {len(found)} checkpoints is whole; first: {faults[0]}")
        return None

    def _complete(self) -> None:
        """Gives the checkpoint that is being written its name, once all ranks have written theirs."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            if pending.future is not None:
                pending.future.result()
            if self._ranks.first:
                self._name(pending)
            self._failed = None
        except FAULTS as error:
            self._fail(pending.step, reason_of(error))

    def _name(self, pending: _Pending) -> None:
        folder = self._place(pending.step, _WRITING)
        pending.state["files"] = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
        state = folder / STATE_FILE
        state.write_text(json.dumps(pending.state, indent=1) + "\n", encoding="utf-8")
        for path in (*folder.iterdir(), folder):
            _to_disk(path)
        target = self._place(pending.step)
        if target.exists():  # a damaged one that was passed over
            self._delete(target)
        folder.rename(target)
        _to_disk(self._folder)
        self._thin_out()

    def _thin_out(self) -> None:
        """Deletes what the rules do not keep."""
        last = sorted(path for path in self._all() if _NAME.fullmatch(path.name))
        for path in last[: -self._settings.keep_last]:
            step = int(path.name.removeprefix("step-"))
            every = self._settings.keep_every_steps
            if not (every and step % every == 0) and not _kept(path):
                self._delete(path)

    def _delete(self, path: Path) -> None:
        gone = path.with_name(path.name + _DELETING)
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _room(self, tensors: Mapping[str, torch.Tensor], target: Path) -> str | None:
        """Makes the folder to write in; what is wrong, if anything."""
        needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            return f"{_size(needed)} are needed, {_size(free)} are free"
        shutil.rmtree(target, ignore_errors=True)
        try:
            target.mkdir()
        except OSError as error:
            return f"{error.strerror}"
        return None

    def _fail(self, step: int, reason: str) -> None:
        if not self._ranks.first:
            self._failed = f"{self._folder}: step {step} could not be saved"
            return
        shutil.rmtree(self._place(step, _WRITING), ignore_errors=True)
        whole = sorted(path.name for path in self._all() if _NAME.fullmatch(path.name))
        last = f"the last that is whole is {whole[-1]}" if whole else "none is whole yet"
        self._failed = (
            f"{self._place(step)}: checkpoint not written ({reason}); {last}; make room, the next is tried in turn"
        )
        self._report(self._failed)

    def _place(self, step: int, end: str = "") -> Path:
        return self._folder / f"step-{step:08d}{end}"

    def _all(self) -> list[Path]:
        return [path for path in self._folder.glob("step-*") if path.is_dir()]


def _size(number: int) -> str:
    return f"{number / 1e9:.2f} GB" if number >= 1e8 else f"{number / 1e6:.2f} MB"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainerError(f"{folder}: cannot be made ({error.strerror}); give another --output") from error


def _kept(path: Path) -> bool:
    try:
        return bool(json.loads((path / STATE_FILE).read_text(encoding="utf-8"))["keep"])
    except (OSError, ValueError, KeyError):
        return False


def _to_disk(path: Path) -> None:
    """Waits until the file or folder is on disk, so that a name never stands for what a power cut lost."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
