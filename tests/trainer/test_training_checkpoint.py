"""Checkpoints are whole or not there, are kept by rule, and say in one line what is wrong with them."""

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.errors import TrainerError
from trainer.training.checkpoint import Checkpoints
from trainer.training.distributed import Ranks
from trainer.training.saved import load_tensors
from trainer.training.settings import CheckpointSettings

torch.set_num_threads(1)
ALONE = Ranks(0, 1, torch.device("cpu"))


def tensors_of(step: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(step)
    return {
        "model.a": torch.randn(6, 4, generator=draw),
        "exp_avg.a": torch.randn(6, 4, generator=draw).bfloat16(),
        "bias": torch.randn(3, generator=draw),
    }


class Run:
    """Checkpoints in a folder, and the lines that they reported."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.lines: list[str] = []
        given = CheckpointSettings.model_validate(settings)
        self.checkpoints = Checkpoints(folder, given, ALONE, self.lines.append)

    def save(self, *steps: int, keep: bool = False) -> None:
        for step in steps:
            self.checkpoints.save(step, tensors_of(step), {"tokens": 10 * step, "loss": 0.1 + step}, keep)
        self.checkpoints.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_loads(run: Run, step: int) -> None:
    saved = run.checkpoints.newest()
    assert saved is not None and saved.step == step
    assert saved.facts == {"tokens": 10 * step, "loss": 0.1 + step}
    found = {name: torch.zeros_like(tensor) for name, tensor in tensors_of(step).items()}
    load_tensors(saved, found, ALONE)
    for name, tensor in tensors_of(step).items():
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("asynchronous", [True, False])
def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path: Path, asynchronous: bool) -> None:
    Run(tmp_path, asynchronous=asynchronous).save(3)
    assert_loads(Run(tmp_path), 3)


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path) -> None:
    run = Run(tmp_path)
    tensors = tensors_of(1)
    run.checkpoints.save(1, tensors, {"tokens": 10, "loss": 1.1})
    for tensor in tensors.values():
        tensor.zero_()
    run.checkpoints.finish()
    assert_loads(run, 1)


def test_nothing_is_pickled(tmp_path: Path) -> None:
    Run(tmp_path).save(1)
    files = names(tmp_path / "step-00000001")
    assert all(name.endswith((".safetensors", ".json")) for name in files) and len(files) == 2


def test_the_last_are_kept_and_those_that_a_rule_keeps(tmp_path: Path) -> None:
    run = Run(tmp_path, keep_last=2, keep_every_steps=20)
    run.save(10, 20, 30)
    run.save(35, keep=True)
    run.save(50, 60, 70)
    assert names(tmp_path) == [f"step-{step:08d}" for step in (20, 35, 60, 70)]


def test_none_is_none(tmp_path: Path) -> None:
    assert Run(tmp_path).checkpoints.newest() is None


def test_a_half_written_checkpoint_is_passed_over_and_cleared_away(tmp_path: Path) -> None:
    Run(tmp_path).save(1)
    shutil.copytree(tmp_path / "step-00000001", tmp_path / "step-00000002.writing")
    run = Run(tmp_path)
    assert_loads(run, 1)
    assert names(tmp_path) == ["step-00000001"]


@pytest.mark.parametrize("harm", ["cut", "gone", "state"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_taken(tmp_path: Path, harm: str) -> None:
    Run(tmp_path).save(1, 2)
    folder = tmp_path / "step-00000002"
    shard = next(folder.glob("*.safetensors"))
    if harm == "cut":
        os.truncate(shard, 50)
    elif harm == "gone":
        shard.unlink()
    else:
        (folder / "state.json").write_text("{")
    run = Run(tmp_path)
    assert_loads(run, 1)
    assert len(run.lines) == 1 and "step-00000002" in run.lines[0] and "\n" not in run.lines[0]
    run.save(2)  # takes the damaged one's place
    assert_loads(run, 2)


def test_no_whole_checkpoint_among_several_is_an_error(tmp_path: Path) -> None:
    Run(tmp_path).save(1)
    (tmp_path / "step-00000001" / "state.json").unlink()
    with pytest.raises(TrainerError, match="none of 1 checkpoints is whole"):
        Run(tmp_path).checkpoints.newest()


def test_another_shape_or_a_tensor_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.save(1)
    saved = run.checkpoints.newest()
    assert saved is not None
    with pytest.raises(TrainerError, match=r"model\.a has shape \[6, 4\], this run needs \[6, 5\]"):
        load_tensors(saved, {"model.a": torch.zeros(6, 5)}, ALONE)
    with pytest.raises(TrainerError, match=r"model\.b is not there"):
        load_tensors(saved, {"model.b": torch.zeros(2)}, ALONE)


def test_a_file_that_is_no_safetensors_is_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.save(1)
    shard = next((tmp_path / "step-00000001").glob("*.safetensors"))
    shard.write_bytes(b"\xff" * shard.stat().st_size)
    saved = run.checkpoints.newest()
    assert saved is not None
    with pytest.raises(TrainerError, match="cannot be read") as raised:
        load_tensors(saved, tensors_of(1), ALONE)
    assert "\n" not in str(raised.value)


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    run.save(1)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    with pytest.raises(
        TrainerError, match=r"step-00000002: checkpoint not written .*last that is whole is step-0+1"
    ):
        run.save(2)
    monkeypatch.undo()
    assert_loads(run, 1)
    run.save(3)
    assert_loads(run, 3)


FULL_DISK = """
import json, resource, sys
from pathlib import Path
sys.path[:0] = {paths!r}
import test_training_checkpoint as here
run = here.Run(Path(sys.argv[1]), asynchronous={asynchronous})
run.save(1)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
run.checkpoints.save(2, here.tensors_of(2), {{}})
try:
    run.checkpoints.finish()
except here.TrainerError as error:
    print(json.dumps([run.lines, str(error)]))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
run.save(3)
"""


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_write_that_fails_halfway_leaves_what_was_saved(tmp_path: Path, asynchronous: bool) -> None:
    """The operating system refuses to let a file grow, as it does on a full disk."""
    paths = [str(Path(__file__).parent), str(Path.cwd())]
    script = FULL_DISK.format(paths=paths, asynchronous=asynchronous)
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    lines, error = json.loads(ended.stdout)
    assert lines == [error] and "step-00000002: checkpoint not written" in error and "\n" not in error
    assert names(tmp_path) == ["step-00000001", "step-00000003"]
    assert_loads(Run(tmp_path), 3)
