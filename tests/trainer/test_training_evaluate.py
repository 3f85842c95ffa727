"""Held-out losses are those of the documents alone, whatever they are packed with."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError
from trainer.model.transformer import Transformer
from trainer.training.data import Bucket
from trainer.training.distributed import Ranks
from trainer.training.evaluate import HeldOutDocuments, run_tasks

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
    with pytest.raises(TrainerError, match="pip install 'lm-eval"):
        run_tasks(tmp_path, ["arc_easy"])
