"""A training checkpoint becomes a model that transformers opens, and a run can start from one."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from training_mixture import TOKENIZER, VOCABULARY, build_mixture
from transformers import AutoModelForCausalLM

from trainer.errors import TrainerError
from trainer.hugging_face import load_model
from trainer.training.exporting import export_checkpoint
from trainer.training.run import Trained, train

torch.set_num_threads(1)
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
    "bos_token_id": 63,
    "eos_token_id": 63,
}


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = build_mixture(tmp_path_factory.mktemp("workspace"))
    return folder


def trained(folder: Path, mixture: Path, model: dict[str, Any] = MODEL, **changes: Any) -> Trained:
    (folder / "model.yaml").write_text(yaml.safe_dump(model))
    config = folder / "small.yaml"
    content: dict[str, Any] = {
        "model": "model.yaml",
        "tokenizer": TOKENIZER,
        "threads": 1,
        "stages": [{"name": "only", "tokens": 2048, "schedule": {"peak": 0.01}}],
        "batch": {"sequence_length": 64, "sequences": 4, "micro_sequences": 4},
        "evaluation": {"every_steps": 8, "documents": 2},
    }
    config.write_text(yaml.safe_dump(content | changes))
    return train(config, mixture, folder / "run", io.StringIO())


def held_out(run: Trained) -> list[dict[str, float]]:
    rows = [yaml.safe_load(line) for line in run.metrics.read_text().splitlines()]
    return [row["losses"] for row in rows if row["kind"] == "held_out"]


def test_exported_it_has_the_same_logits_in_transformers_and_training_goes_on_from_it(
    mixture: Path, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    first = trained(tmp_path / "first", mixture)
    export_checkpoint(first.checkpoints / "step-00000008", tmp_path / "exported", dtype=torch.float32)
    tokens = torch.randint(0, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(0))
    load: Any = AutoModelForCausalLM.from_pretrained
    with torch.no_grad():
        theirs = load(tmp_path / "exported", dtype=torch.float32)(tokens).logits
        ours = load_model(tmp_path / "exported").logits(tokens)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    (tmp_path / "second").mkdir()
    second = trained(tmp_path / "second", mixture, start_from=str(tmp_path / "exported"))
    assert held_out(second)[0] == held_out(first)[-1]


def test_a_model_of_another_configuration_is_one_line(mixture: Path, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    first = trained(tmp_path / "first", mixture, evaluation={"every_steps": 0})
    exported = tmp_path / "exported"
    export_checkpoint(first.checkpoints / "step-00000008", exported, dtype=torch.float32)
    (tmp_path / "second").mkdir()
    with pytest.raises(TrainerError, match=r"moe_intermediate_size is 16, .* says 8"):
        trained(tmp_path / "second", mixture, MODEL | {"moe_intermediate_size": 8}, start_from=str(exported))
    with pytest.raises(TrainerError, match="is there already"):
        export_checkpoint(first.checkpoints / "step-00000008", exported)


def test_a_bias_that_transformers_has_no_place_for_is_one_line(mixture: Path, tmp_path: Path) -> None:
    run = trained(tmp_path, mixture, balance={"bias": 0.01}, evaluation={"every_steps": 0})
    with pytest.raises(TrainerError, match=r"train with balance\.bias 0"):
        export_checkpoint(run.checkpoints / "step-00000008", tmp_path / "exported")
