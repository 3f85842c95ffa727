"""`babelmix train` at the prompt and under torchrun: mistakes are one line, and nothing that was saved is lost."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import BABELMIX, BIN, CommandLine, environment
from training_mixture import TOKENIZER, VOCABULARY, build_mixture

pytestmark = pytest.mark.slow

MODEL = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
}
STAGE: dict[str, Any] = {"name": "only", "tokens": 6144, "schedule": {"peak": 0.01, "warmup_tokens": 1000}}
RUN: dict[str, Any] = {
    "model": "model.yaml",
    "tokenizer": TOKENIZER,
    "threads": 1,
    "stages": [STAGE],
    "batch": {"sequence_length": 64, "sequences": 4, "micro_sequences": 4},
    "checkpoint": {"every_steps": 8, "keep_last": 2},
    "evaluation": {"every_steps": 0},
    "rank_timeout_minutes": 1,
}


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = build_mixture(tmp_path_factory.mktemp("workspace"))
    return folder


@pytest.fixture(scope="module")
def done(mixture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 24 steps from beginning to end."""
    folder = tmp_path_factory.mktemp("done")
    command(folder)(*train(folder, mixture)).done()
    return folder


def train(folder: Path, mixture: Path, model: dict[str, Any] = MODEL, **changes: Any) -> list[str | Path]:
    """The arguments of a run in `folder`, whose configuration is written there."""
    (folder / "model.yaml").write_text(yaml.safe_dump(model))
    (folder / "small.yaml").write_text(yaml.safe_dump(RUN | changes))
    return ["train", "--config", folder / "small.yaml", "--mixture", mixture, "--output", folder / "run"]


def command(folder: Path) -> CommandLine:
    return CommandLine(folder)


def torchrun(ranks: int, logs: Path, arguments: list[str | Path]) -> "subprocess.Popen[str]":
    """The command by torchrun, what each rank writes in a file of its own under `logs`."""
    start = [BIN / "torchrun", "--standalone", "--nproc-per-node", str(ranks)]
    start += ["--log-dir", logs, "--redirects", "3", "--no-python", BABELMIX, *arguments]
    return subprocess.Popen(
        start, env=environment(), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def written(logs: Path, rank: int, what: str) -> str:
    (found,) = logs.glob(f"*/attempt_0/{rank}/{what}.log")
    return found.read_text()


def losses(folder: Path) -> dict[int, float]:
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    return {row["step"]: row["loss"] for row in rows if row["kind"] == "step"}


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "run" / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"tokenizer": "Qwen/Qwen3-0.6B-Base"},
            "made with tokenizer 'test/tokenizer', the model's is",
        ),
        ({"optimiser": {}}, "optimiser: unknown key; did you mean 'optimizer'"),
        ({"optimizer": {"moment": "8-bit"}}, "optimizer.moment: unknown key; did you mean 'moments'"),
        ({"optimizer": {"moments": "4-bit"}}, "optimizer.moments"),
        ({"optimizer": {"kind": "muon", "moments": "8-bit"}}, "moments 8-bit are AdamW's"),
        ({"stages": [STAGE | {"schedule": {"peak": 1e30}}], "spikes": {"most_in_a_row": 3}}, "4 steps in a row"),
    ],
)
def test_a_mistake_is_one_line(mixture: Path, tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    assert told in command(tmp_path)(*train(tmp_path, mixture, **changes)).mistake()


def test_a_checkpoint_of_another_shape_is_one_line_and_stays(done: Path, mixture: Path, tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(done / "run")
    before = checkpoints(done)
    arguments = train(tmp_path, mixture, MODEL | {"hidden_size": 48})
    assert "this run needs" in command(tmp_path)(*arguments).mistake()
    arguments = train(tmp_path, mixture, optimizer={"moments": "8-bit"})
    assert "is float32, this run keeps it in uint8" in command(tmp_path)(*arguments).mistake()
    assert checkpoints(done) == before


def test_a_half_written_checkpoint_is_told_and_the_one_before_it_is_taken(mixture: Path, tmp_path: Path) -> None:
    arguments = train(tmp_path, mixture)
    command(tmp_path)(*arguments).done()
    whole = losses(tmp_path)
    names = checkpoints(tmp_path)
    assert names == ["step-00000016", "step-00000024"]
    for path in (tmp_path / "run" / "checkpoints" / names[1]).glob("*.safetensors"):
        os.truncate(path, 1000)
    said = command(tmp_path)(*arguments).done()
    assert "step-00000024" in said and "the checkpoint is damaged; the one before it is tried" in said
    assert losses(tmp_path) == whole
    for name in names:
        (tmp_path / "run" / "checkpoints" / name / "state.json").unlink()
    assert "none of 2 checkpoints is whole" in command(tmp_path)(*arguments).mistake()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that holds one checkpoint of 0.4 MB, but not two."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_one_line_and_once_there_is_room_it_goes_on(
    done: Path, mixture: Path, small_disk: Path
) -> None:
    arguments = train(small_disk, mixture)
    ended = command(small_disk)(*arguments)
    told = ended.mistake()
    assert "step-00000024: checkpoint not written" in told and "the last that is whole is step-00000008" in told
    assert "step-00000016: checkpoint not written" in ended.out
    assert checkpoints(small_disk) == ["step-00000008"]
    subprocess.run(["mount", "-o", "remount,size=20m", small_disk], check=True)
    assert "goes on from" in command(small_disk)(*arguments).done()
    assert losses(small_disk) == losses(done)


def test_loss_that_stays_no_number_takes_the_place_of_no_good_checkpoint(mixture: Path, tmp_path: Path) -> None:
    """The rate leaps after 8 steps; the last weights that are sound were saved before, and stay."""
    stages = [
        STAGE | {"name": "sound", "tokens": 8 * 256},
        STAGE | {"name": "wild", "tokens": 16 * 256, "schedule": {"peak": 1e30}},
    ]
    arguments = train(
        tmp_path,
        mixture,
        stages=stages,
        checkpoint={"every_steps": 2, "keep_last": 2},
        spikes={"most_in_a_row": 6},
    )
    assert "steps in a row were skipped, the last for" in command(tmp_path)(*arguments).mistake()
    assert checkpoints(tmp_path) == ["step-00000006", "step-00000008"]


def test_more_ranks_than_sequences_is_one_line_of_each(mixture: Path, tmp_path: Path) -> None:
    arguments = train(tmp_path, mixture, batch={"sequence_length": 64, "sequences": 1})
    assert torchrun(2, tmp_path / "logs", arguments).wait(180) == 1
    for rank in range(2):
        lines = written(tmp_path / "logs", rank, "stderr").splitlines()
        # torchrun may end the second before it speaks.
        assert len(lines) == 1 or (rank and not lines)
        assert all("1 sequences cannot be shared out to 2 ranks" in line for line in lines)


def test_a_rank_killed_under_torchrun_ends_the_others_and_one_rank_goes_on(mixture: Path, tmp_path: Path) -> None:
    """Four ranks that share the experts in two groups of two; rank 2 is killed, none hangs, nothing is lost."""
    stages = [STAGE | {"tokens": 150 * 256, "max_passes": 20}]
    changes = {"stages": stages, "checkpoint": {"every_steps": 5, "keep_last": 100}}
    run = torchrun(4, tmp_path / "logs", train(tmp_path, mixture, expert_parallel=2, **changes))
    try:
        metrics = tmp_path / "run" / "metrics.jsonl"
        wait_for(lambda: metrics.is_file() and metrics.read_text().count('"kind": "step"') >= 12)
        os.kill(process_of(run.pid, "2"), signal.SIGKILL)
        assert run.wait(60) == 1
    finally:
        run.kill()
    for rank in (0, 1, 3):
        lines = written(tmp_path / "logs", rank, "stderr").splitlines()
        assert len(lines) == 1 and f"rank {rank} of 4: another rank is gone" in lines[0], lines
    four = losses(tmp_path)
    said = command(tmp_path)(*train(tmp_path, mixture, **changes)).done()
    assert "goes on from" in said
    again = losses(tmp_path)
    assert sorted(again) == list(range(1, 151))
    first = min(150, max(four))
    assert [again[step] for step in range(1, first + 1)] == pytest.approx(
        [four[step] for step in range(1, first + 1)], rel=1e-3
    )


def wait_for(there: Any, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until
        time.sleep(0.05)


def process_of(parent: int, rank: str) -> int:
    """The process of a rank that torchrun started."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if status.read_text().rsplit(")", 1)[1].split()[1] != str(parent):
                continue
            if f"RANK={rank}" in (status.parent / "environ").read_text().split("\0"):
                return int(status.parent.name)
        except OSError:
            continue
    raise AssertionError(f"no process of rank {rank}")
