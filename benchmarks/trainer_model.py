"""Forward and backward of one batch: our model beside transformers' Qwen3MoeForCausalLM, same weights.

    python benchmarks/trainer_model.py                  the tiny configuration, Qwen's whole vocabulary
    python benchmarks/trainer_model.py --nano-layers 1  layers of Marco-Nano, with a vocabulary of 4,096

Rounds alternate between the implementations; the table has each one's median, and its loss, which must agree.
Processor seconds are what a busy machine changes least.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, Qwen3MoeConfig

# Python puts this file's own folder first, where another file has the name of a package.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from trainer.configuration import ModelConfig, load_model_config  # noqa: E402
from trainer.hugging_face_config import config_json  # noqa: E402
from trainer.model.transformer import Transformer  # noqa: E402

CONFIGS = Path(__file__).parents[1] / "trainer/configs/models"
Step = Callable[[], float]


def ours(model: Transformer, tokens: torch.Tensor, labels: torch.Tensor) -> Step:
    def step() -> float:
        model.zero_grad()
        parts = model.loss(tokens, labels)
        loss = parts.cross_entropy / parts.labelled
        torch.autograd.backward(loss)
        return loss.item()

    return step


def theirs(model: Transformer, experts: str, tokens: torch.Tensor, labels: torch.Tensor) -> Step:
    """transformers' model with the same weights; its loss shifts the labels itself, ours are shifted already."""
    content = config_json(model.config, torch.float32)
    config = Qwen3MoeConfig(**{key: value for key, value in content.items() if key != "torch_dtype"})
    make: Any = AutoModelForCausalLM.from_config
    stock = make(config, attn_implementation="sdpa", experts_implementation=experts, dtype=torch.float32)
    weights: Any = {name: weight for name, weight in model.state_dict().items() if "balance_bias" not in name}
    stock.load_state_dict(weights | {"lm_head.weight": model.head.detach()})
    stock.train()

    def step() -> float:
        stock.zero_grad()
        loss = stock(tokens, labels=labels, shift_labels=labels, use_cache=False).loss
        loss.backward()
        return float(loss.detach())

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nano-layers", type=int, default=0)
    parser.add_argument("--vocabulary", type=int, help="another vocabulary than the configuration's")
    parser.add_argument("--sequences", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--without", nargs="*", default=[], help="implementations to leave out")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.nano_layers:
        nano = load_model_config(CONFIGS / "marco-nano.yaml")
        config = nano.model_copy(update={"num_hidden_layers": arguments.nano_layers})
    else:
        config = load_model_config(CONFIGS / "tiny-model.yaml")
    vocabulary = arguments.vocabulary or (4096 if arguments.nano_layers else config.vocab_size)
    measure(config.model_copy(update={"vocab_size": vocabulary}), arguments)


def measure(config: ModelConfig, arguments: argparse.Namespace) -> None:
    model = Transformer(config)
    model.initialise(0)
    shape = (arguments.sequences, arguments.length + 1)
    tokens = torch.randint(0, config.vocab_size, shape, generator=torch.Generator().manual_seed(1))
    inputs, labels = tokens[:, :-1], tokens[:, 1:].contiguous()
    steps: dict[str, Step] = {"ours": ours(model, inputs, labels)}
    for experts in ("grouped_mm", "eager"):
        if experts not in arguments.without:
            steps[f"transformers {experts}"] = theirs(model, experts, inputs, labels)
    taken: dict[str, list[float]] = {name: [] for name in steps}
    worked: dict[str, list[float]] = {name: [] for name in steps}
    losses = {name: step() for name, step in steps.items()}
    for _ in range(arguments.rounds):
        for name, step in steps.items():
            begun, work_begun = time.perf_counter(), time.process_time()
            step()
            worked[name].append(time.process_time() - work_begun)
            taken[name].append(time.perf_counter() - begun)
    count = inputs.numel()
    print(f"{config.parameters().total:,} parameters, {count} tokens a step, float32, {arguments.threads} threads")
    first = statistics.median(taken["ours"])
    for name, seconds in taken.items():
        middle, work = statistics.median(seconds), statistics.median(worked[name])
        print(
            f"{name:24} {count / middle:8.0f} tokens/s  {middle:7.3f} s ({min(seconds):.3f}-{max(seconds):.3f})"
            f"  {work:7.3f} processor s  ours is {middle / first:.2f} times as fast  loss {losses[name]:.6f}"
        )


if __name__ == "__main__":
    main()
