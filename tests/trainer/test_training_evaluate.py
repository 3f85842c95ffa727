"""Held-out losses are those of the documents alone, whatever they are packed with; the harness scores as we do."""

import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from training_mixture import build_mixture

from mixtures.tokenizer import QWEN3, load_tokenizer
from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.hugging_face import load_model
from trainer.model.transformer import Transformer
from trainer.training.data import Bucket
from trainer.training.distributed import Ranks
from trainer.training.evaluate import HeldOutDocuments, run_tasks
from trainer.training.exporting import export_checkpoint
from trainer.training.run import train

torch.set_num_threads(1)
ALONE = Ranks(0, 1, torch.device("cpu"))
CONFIG = ModelConfig(
    vocab_size=40,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
    num_experts=4,
    num_experts_per_tok=2,
    moe_intermediate_size=8,
)


def test_losses_by_language_and_category_are_those_of_each_document_alone() -> None:
    model = Transformer(CONFIG)
    model.initialise(0)
    draw = np.random.default_rng(0)
    documents = {
        name: [draw.integers(0, 40, size).astype(np.uint32) for size in sizes]
        for name, sizes in {"aaa_Latn": (5, 30, 2, 1, 17), "bbb_Latn": (50,), "ccc_Latn": (9, 9)}.items()
    }
    buckets = [
        (Bucket(0, f"{category}/x/{name}", category, name, 0.1), documents[name])
        for name, category in (("aaa_Latn", "web"), ("bbb_Latn", "web"), ("ccc_Latn", "code"))
    ]
    held_out = HeldOutDocuments(buckets, 40, 2, 24, ALONE)
    found = held_out.losses(model)
    nats: dict[str, float] = {}
    count: dict[str, int] = {}
    with torch.no_grad():
        for name, each in documents.items():
            for document in each:
                ids = torch.from_numpy(document[:24].astype(np.int64))[None]
                if ids.shape[1] > 1:
                    logits = model.logits(ids)[0, :-1].log_softmax(dim=-1)
                    nats[name] = nats.get(name, 0.0) - float(logits.gather(1, ids[0, 1:, None]).sum())
                    count[name] = count.get(name, 0) + ids.shape[1] - 1
    for name in documents:
        assert found.tokens[f"language/{name}"] == count[name]
        assert found.losses[f"language/{name}"] == pytest.approx(nats[name] / count[name], rel=1e-5)
    web = (nats["aaa_Latn"] + nats["bbb_Latn"]) / (count["aaa_Latn"] + count["bbb_Latn"])
    assert found.losses["category/web"] == pytest.approx(web, rel=1e-5)
    assert found.losses["all"] == pytest.approx(sum(nats.values()) / sum(count.values()), rel=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is not None, reason="lm-evaluation-harness is installed")
def test_tasks_without_the_harness_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"babelmix\[evaluate\]"):
        run_tasks(tmp_path, ["arc_easy"])


def checkpoint_of_a_run(folder: Path) -> Path:
    """A training checkpoint of a small model with Qwen3's whole vocabulary."""
    mixture = build_mixture(folder / "workspace")
    manifest = json.loads((mixture / "manifest.json").read_text())
    manifest["totals"]["tokenizer"] = QWEN3
    (mixture / "manifest.json").write_text(json.dumps(manifest))
    (folder / "model.yaml").write_text(
        yaml.safe_dump(CONFIG.model_copy(update={"vocab_size": 151_936}).model_dump())
    )
    config = {
        "model": "model.yaml",
        "stages": [{"name": "only", "tokens": 512, "schedule": {"peak": 0.01}}],
        "batch": {"sequence_length": 64, "sequences": 4},
        "evaluation": {"every_steps": 0},
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(config))
    run = train(folder / "run.yaml", mixture, folder / "run", io.StringIO())
    return run.checkpoints / "step-00000002"


@pytest.mark.skipif(importlib.util.find_spec("lm_eval") is None, reason="lm-evaluation-harness is not installed")
def test_a_task_on_disk_is_scored_as_the_checkpoint_scores_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    checkpoint = checkpoint_of_a_run(tmp_path)
    rows = [
        {
            "question": f"Question {number}?",
            "choices": [" one", " two", " αβγ", " four"],
            "answer": number % 4,
        }
        for number in range(12)
    ]
    (tmp_path / "tasks").mkdir()
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "task": "of_ours",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(tmp_path / "rows.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc"}],
    }
    (tmp_path / "tasks" / "of_ours.yaml").write_text(yaml.safe_dump(task))
    found = run_tasks(checkpoint, ["of_ours"], tmp_path / "tasks")["results"]["of_ours"]["acc,none"]
    export_checkpoint(checkpoint, tmp_path / "model")
    model, encoder = load_model(tmp_path / "model"), load_tokenizer(QWEN3)
    right = 0
    for row in rows:
        nats = []
        for choice in row["choices"]:
            (prompt, whole) = encoder.encode_batch([row["question"], row["question"] + choice])
            tokens = torch.from_numpy(whole.astype(np.int64)).unsqueeze(0)
            with torch.no_grad():
                scores = model.logits(tokens).log_softmax(dim=-1)[0, :-1]
            nats.append(float(scores.gather(1, tokens[0, 1:, None])[len(prompt) - 1 :].sum()))
        right += int(np.argmax(nats)) == row["answer"]
    assert found == pytest.approx(right / len(rows))
    with pytest.raises(TrainerError, match="no task 'nowhere'"):
        run_tasks(tmp_path / "model", ["nowhere"], tmp_path / "tasks")
    with pytest.raises(TrainerError, match="neither a model"):
        run_tasks(tmp_path, ["of_ours"])
