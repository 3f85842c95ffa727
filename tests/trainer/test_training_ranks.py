"""Several ranks train as one does, go on from each other's checkpoints, and say when one of them is gone."""

import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from training_mixture import TOKENIZER, VOCABULARY, build_mixture

from sources.errors import BabelmixError
from trainer.training.run import train
from trainer.training.settings import TrainSettings
from trainer.training.sharding import shard

torch.set_num_threads(1)
TESTS = Path(__file__).parents[1]

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
RUN: dict[str, Any] = {
    "model": "model.yaml",
    "tokenizer": TOKENIZER,
    "threads": 1,
    "stages": [{"name": "only", "tokens": 6144, "schedule": {"peak": 0.01, "warmup_tokens": 1000}}],
    # One batch a rank, with four ranks as with one: the balance is then measured against the same load.
    "batch": {"sequence_length": 64, "sequences": 4, "micro_sequences": 4},
    "balance": {"bias": 0.001},
    "checkpoint": {"every_steps": 8, "keep_last": 9},
    "evaluation": {"every_steps": 12, "documents": 2},
    "rank_timeout_minutes": 1,
}


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = build_mixture(tmp_path_factory.mktemp("workspace"))
    return folder


def write_config(folder: Path, **changes: Any) -> Path:
    (folder / "model.yaml").write_text(yaml.safe_dump(MODEL))
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(RUN | changes))
    return path


def launch(
    config: Path, output: Path, mixture: Path, ranks: int = 1, **environment: str
) -> list[subprocess.CompletedProcess[str]]:
    """Trains with `ranks` processes, as torchrun starts them; how each ended."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, str(TESTS / "training_process.py"), str(config), str(output), str(mixture)]
    shared = {"PYTHONPATH": str(TESTS.parent), "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    shared |= {"MASTER_PORT": str(port), "WORLD_SIZE": str(ranks), **environment}
    running = []
    for rank in range(ranks):
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        running.append(
            subprocess.Popen(
                command, env=os.environ | shared | own, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        )
    ended = []
    for each in running:
        said, errors = each.communicate(timeout=180)
        ended.append(subprocess.CompletedProcess(command, each.returncode, said, errors))
    return ended


def figures(output: Path) -> list[tuple[float, ...]]:
    """Losses, norms and held-out losses of every step: what a difference between runs would show in."""
    found = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    steps = [(row["step"], row["loss"], row["norm"], row["balance"]) for row in found if row["kind"] == "step"]
    held_out = [(row["step"], *row["losses"].values()) for row in found if row["kind"] == "held_out"]
    return steps + held_out


def assert_near(found: list[tuple[float, ...]], expected: list[tuple[float, ...]]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.fixture(scope="module")
def alone(mixture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one rank."""
    folder = tmp_path_factory.mktemp("alone")
    train(write_config(folder), mixture, folder / "run", io.StringIO())
    return folder / "run"


def test_two_ranks_that_share_the_experts_train_as_one_does_and_one_goes_on_from_them(
    mixture: Path, alone: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path, expert_parallel=2)
    ended = launch(config, tmp_path / "run", mixture, 2)
    assert [each.returncode for each in ended] == [0, 0], ended[0].stderr
    assert ended[1].stdout == ""
    assert_near(figures(tmp_path / "run"), figures(alone))
    assert len(list((tmp_path / "run" / "checkpoints" / "step-00000016").glob("*.safetensors"))) == 2
    # As if it had been stopped after step 16; one rank with all of the experts goes on.
    for path in (tmp_path / "run" / "checkpoints").glob("step-0000002*"):
        path.rename(path.with_name(path.name + ".writing"))
    said = io.StringIO()
    assert train(write_config(tmp_path), mixture, tmp_path / "run", said).finished
    assert "step-00000016" in said.getvalue()
    assert_near(figures(tmp_path / "run"), figures(alone))


@pytest.mark.slow
@pytest.mark.parametrize("expert_parallel", [1, 2, 4])
def test_four_ranks_train_as_one_does_and_go_on_from_one(
    mixture: Path, alone: Path, tmp_path: Path, expert_parallel: int
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.jsonl").write_bytes((alone / "metrics.jsonl").read_bytes())
    shutil.copytree(alone / "checkpoints" / "step-00000008", run / "checkpoints" / "step-00000008")
    ended = launch(write_config(tmp_path, expert_parallel=expert_parallel), run, mixture, 4)
    assert [each.returncode for each in ended] == [0] * 4, ended[0].stderr
    assert "step-00000008" in ended[0].stdout
    assert_near(figures(run), figures(alone))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "first", "later"),
    [
        ({"moments": "8-bit"}, 1e-5, 1e-3),
        # Weights of 8 bits part ways as soon as a sum is taken in another order.
        ({"weights": "bfloat16", "update": "master", "moments": "8-bit"}, 1e-3, 0.1),
    ],
)
def test_moments_in_8_bits_go_on_from_one_rank_to_four(
    mixture: Path, tmp_path: Path, optimizer: dict[str, str], first: float, later: float
) -> None:
    """Blocks are parts of rows, so a code means the same on any number of ranks."""
    train(write_config(tmp_path, optimizer=optimizer), mixture, tmp_path / "alone", io.StringIO())
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.jsonl").write_bytes((tmp_path / "alone" / "metrics.jsonl").read_bytes())
    shutil.copytree(tmp_path / "alone" / "checkpoints" / "step-00000008", run / "checkpoints" / "step-00000008")
    ended = launch(write_config(tmp_path, optimizer=optimizer, expert_parallel=2), run, mixture, 4)
    assert [each.returncode for each in ended] == [0] * 4, ended[0].stderr
    for ours, theirs in zip(figures(run), figures(tmp_path / "alone"), strict=True):
        assert ours == pytest.approx(theirs, rel=later)
    assert figures(run)[8] == pytest.approx(figures(tmp_path / "alone")[8], rel=first)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_at_a_random_step_and_started_again_it_goes_on_to_the_last_bit(
    mixture: Path, tmp_path: Path, ranks: int
) -> None:
    config = write_config(tmp_path)
    whole = launch(config, tmp_path / "whole", mixture, ranks)
    assert [each.returncode for each in whole] == [0] * ranks, whole[0].stderr
    step = random.randrange(9, 23)
    killed = launch(config, tmp_path / "killed", mixture, ranks, DIE_AT_STEP=str(step))
    assert {each.returncode for each in killed} == {-9}
    again = launch(config, tmp_path / "killed", mixture, ranks)
    assert [each.returncode for each in again] == [0] * ranks, again[0].stderr
    assert "goes on from" in again[0].stdout
    assert figures(tmp_path / "killed") == figures(tmp_path / "whole"), f"killed at step {step}"


@pytest.mark.slow
def test_a_lost_rank_is_one_line_and_what_is_saved_is_whole(mixture: Path, alone: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path)
    ended = launch(config, tmp_path / "run", mixture, 2, DIE_AT_STEP="18", DIE_ON_RANK="1")
    assert [each.returncode for each in ended] == [1, -9]
    lines = [line for line in ended[0].stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "rank 0 of 2: another rank is gone" in lines[0]
    assert "Traceback" not in ended[0].stderr
    assert train(config, mixture, tmp_path / "run", io.StringIO()).finished
    assert_near(figures(tmp_path / "run"), figures(alone))


@pytest.mark.slow
def test_more_ranks_than_sequences_is_one_line(mixture: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path, batch={"sequence_length": 64, "sequences": 1})
    ended = launch(config, tmp_path / "run", mixture, 2)
    for each in ended:
        assert each.returncode == 1
        assert "1 sequences cannot be shared out to 2 ranks" in each.stderr and "Traceback" not in each.stderr


def test_experts_that_cannot_be_shared_out_are_one_line() -> None:
    from trainer.configuration import ModelConfig
    from trainer.model.transformer import Transformer
    from trainer.training.distributed import Ranks

    settings = TrainSettings.model_validate(RUN | {"expert_parallel": 3})
    with torch.device("meta"):
        model = Transformer(ModelConfig.model_validate(MODEL))
    with pytest.raises(BabelmixError, match="3 does not divide 6 ranks and 8 experts"):
        shard(model, settings, Ranks(0, 6, torch.device("cpu")))
