"""What was trained is served by vLLM as it is: the same greedy tokens as our model, of the same probability."""

import io
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from command_line import CommandLine
from real_vllm import real_vllm
from training_mixture import END, TOKENIZER, build_mixture

from synth.engine.server import VllmServer
from tests.synth.tiny_models import write_tokenizer
from trainer.hugging_face import load_model
from trainer.model.transformer import Transformer
from trainer.training.run import train

pytestmark = pytest.mark.vllm

DENSE: dict[str, Any] = {
    "vocab_size": 264,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 4096,
    "bos_token_id": None,
    "eos_token_id": END,
}
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
TOKENS = 24
# One token, a training document's beginning, a long one, and what no document has.
PROMPTS = ([5], [3, 4, 5, 6], [10, 17, 24, 31, 38], [(7 * n) % END for n in range(200)], [200, 1, 150, 263, 40])


@dataclass(frozen=True, slots=True)
class Said:
    """Greedy tokens and the log-probability of each."""

    tokens: list[int]
    logarithms: list[float]


def trained(folder: Path, mixture: Path, model: dict[str, Any], tokens: int, start_from: Path | None) -> Path:
    """The last checkpoint of a short run."""
    folder.mkdir()
    (folder / "model.yaml").write_text(yaml.safe_dump(model))
    content = {
        "model": "model.yaml",
        "tokenizer": TOKENIZER,
        "threads": 1,
        "stages": [{"name": "only", "tokens": tokens, "schedule": {"peak": 0.01}}],
        "batch": {"sequence_length": 64, "sequences": 4, "micro_sequences": 4},
        "evaluation": {"every_steps": 0},
    }
    if start_from:
        content["start_from"] = str(start_from)
    (folder / "run.yaml").write_text(yaml.safe_dump(content))
    run = train(folder / "run.yaml", mixture, folder / "run", io.StringIO())
    return max(run.checkpoints.glob("step-*"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A dense model that was trained from scratch, and experts that were made of it and trained on."""
    folder = tmp_path_factory.mktemp("published")
    babelmix, mixture = CommandLine(folder), build_mixture(folder / "workspace")
    write_tokenizer(folder / "tokenizer")
    float32 = ("--dtype", "float32", "--tokenizer", folder / "tokenizer")

    dense = trained(folder / "first", mixture, DENSE, 5120, None)
    babelmix("publish", dense, "--output", folder / "qwen3", *float32).done()
    (folder / "experts.yaml").write_text(yaml.safe_dump(DENSE | EXPERTS))
    made = ("--model", folder / "experts.yaml", "--output", folder / "upcycled", "--dtype", "float32")
    babelmix("upcycle", folder / "qwen3", *made).done()
    experts = trained(folder / "second", mixture, DENSE | EXPERTS, 2560, folder / "upcycled")
    babelmix("publish", experts, "--output", folder / "qwen3-moe", *float32).done()
    return {name: folder / name for name in ("qwen3", "qwen3-moe")}


@pytest.fixture(scope="module", params=["qwen3", "qwen3-moe"])
def served(request: pytest.FixtureRequest, published: dict[str, Path]) -> Iterator[tuple[Transformer, VllmServer]]:
    folder = published[request.param]
    with real_vllm(folder, request.param) as server:
        yield load_model(folder), server


def ours(model: Transformer, prompt: list[int]) -> Said:
    tokens, logarithms = list(prompt), []
    for _ in range(TOKENS):
        with torch.no_grad():
            said = model.logits(torch.tensor([tokens]))[0, -1].log_softmax(dim=-1)
        tokens.append(int(said.argmax()))
        logarithms.append(float(said.max()))
    return Said(tokens[len(prompt) :], logarithms)


def theirs(server: VllmServer, prompts: list[list[int]]) -> list[Said]:
    """What the server completes the prompts with, all in one request; tokens are named by their ids."""
    asked = {
        "model": server.model, "prompt": prompts, "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True,
        "logprobs": 1, "return_tokens_as_token_ids": True,
    }  # fmt: skip
    content = json.dumps(asked).encode()
    request = urllib.request.Request(f"{server.url}/v1/completions", content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        choices = sorted(json.load(answer)["choices"], key=lambda each: each["index"])
    said = [each["logprobs"] for each in choices]
    return [
        Said([int(each.removeprefix("token_id:")) for each in one["tokens"]], one["token_logprobs"])
        for one in said
    ]


def test_the_greedy_tokens_are_ours_and_as_probable(served: tuple[Transformer, VllmServer]) -> None:
    model, server = served
    completed = theirs(server, [list(each) for each in PROMPTS])
    assert len(completed) == len(PROMPTS)
    seen = set()
    for prompt, found in zip(PROMPTS, completed, strict=True):
        expected = ours(model, list(prompt))
        assert found.tokens == expected.tokens
        torch.testing.assert_close(
            torch.tensor(found.logarithms), torch.tensor(expected.logarithms), rtol=1e-4, atol=1e-4
        )
        seen |= set(found.tokens)
    # A model that always says the same would agree with anything.
    assert len(seen) > 10
