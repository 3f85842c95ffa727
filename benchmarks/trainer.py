"""Training steps a second: our loop beside transformers' and torchtitan's Qwen3-MoE in the same loop.

    python benchmarks/trainer.py                  on a GPU Marco-Nano at full size in bfloat16, on a CPU `tiny`
    python benchmarks/trainer.py --layers 7       on a GPU a quarter of Nano's layers, to try it out

Same sizes, random weights, tokens, optimiser and precision for all; a step is forward, backward, clipping and
update. Every run has a process of its own, one after the other; what most depends on comes first, and on a GPU all
are done, or left out and said so, within `--budget` seconds (9 minutes). Each is a line of JSON in `--output` as
soon as it is measured. `balanced` routing deals tokens out to the experts in turn, which flatters; `natural` is
what the random router does. Median of the steps after the warm-up. The floor is what the FLOPs of a token take at
80% of the device's peak, the most that large products reach. Other optimisers than the configuration's are runs
of ours, for their memory. For torchtitan see `benchmarks/trainer_torchtitan.py`. On a CPU ours keeps freed memory,
as our loop does (`trainer/training/cpu_memory.py`).
"""

import argparse
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

# Python puts this file's own folder first, where it would be taken for the package of the same name.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from trainer.configuration import ModelConfig, load_model_config  # noqa: E402
from trainer.hugging_face_config import config_json  # noqa: E402
from trainer.model.router import Routing  # noqa: E402
from trainer.training.building import build_model  # noqa: E402
from trainer.training.cpu_memory import keep_freed_memory  # noqa: E402
from trainer.training.distributed import Ranks  # noqa: E402
from trainer.training.flops import peak_flops, token_cost  # noqa: E402
from trainer.training.gradients import GradientSums  # noqa: E402
from trainer.training.optimizer import Optimizer  # noqa: E402
from trainer.training.settings import (  # noqa: E402
    BalanceSettings,
    OptimizerSettings,
    TrainSettings,
    load_settings,
)

CONFIGS: Final = Path(__file__).parents[1] / "trainer" / "configs"


@dataclass(frozen=True, slots=True)
class Run:
    """What is measured: an implementation, its routing, torch.compile, and the optimiser's memory options."""

    name: str
    routing: str = "natural"
    compiled: bool = False
    optimizer: str = ""
    """`update/moments/gradients` of bfloat16 weights; empty: the configuration's."""

    @property
    def title(self) -> str:
        return f"{self.name}{' compiled' if self.compiled else ''}{f' {self.optimizer}' if self.optimizer else ''}"


GPU_RUNS: Final = (
    Run("ours", compiled=True),
    Run("transformers grouped_mm"),
    Run("ours", "balanced", compiled=True),
    Run("transformers grouped_mm", "balanced"),
    Run("ours", compiled=True, optimizer="stochastic/8-bit/bfloat16"),
    Run("ours", compiled=True, optimizer="master/bfloat16/bfloat16"),
    Run("torchtitan", "balanced", compiled=True),
    Run("torchtitan", compiled=True),
    Run("ours"),
    Run("ours", compiled=True, optimizer="master/float32/bfloat16"),
)
CPU_RUNS: Final = (Run("ours"), Run("transformers grouped_mm"), Run("transformers eager"))
# Of the peak, what large bfloat16 products reach on Hopper.
REACHABLE: Final = 0.8
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def in_turn(tokens: int, per_token: int, experts: int, device: torch.device) -> torch.Tensor:
    """(tokens, per token) experts, each as often as any other."""
    return torch.arange(tokens * per_token, device=device).view(tokens, per_token) % experts


def ours(settings: TrainSettings, config: ModelConfig, device: torch.device, balanced: bool) -> tuple[Any, Loss]:
    """Our model, and its loss of a batch as the training loop takes it."""
    model = build_model(config, settings, Ranks(0, 1, device))
    for name, parameter in model.named_parameters():
        torch.nn.init.ones_(parameter) if parameter.ndim == 1 else torch.nn.init.normal_(parameter, 0.0, 0.02)
        assert parameter.device.type == device.type, name
    if balanced:
        for layer in model.model.layers:
            block: Any = layer.mlp
            gate: Any = block.gate
            gate.forward = lambda x, gate=gate: _our_turns(gate, x)

    def loss(tokens: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        parts = model.loss(tokens, labels)
        balance = settings.balance
        total: torch.Tensor = parts.cross_entropy / parts.labelled
        return total + balance.auxiliary * parts.balance + balance.z * parts.z

    return model, loss


def _our_turns(gate: Any, x: torch.Tensor) -> Routing:
    logits = torch.nn.functional.linear(x.float(), gate.weight.float())
    chosen = in_turn(len(logits), gate.per_token, logits.shape[1], x.device)
    weights = logits.softmax(dim=-1).gather(1, chosen)
    return Routing(logits, chosen, weights / weights.sum(dim=-1, keepdim=True))


def theirs(
    settings: TrainSettings, config: ModelConfig, device: torch.device, balanced: bool, experts: str
) -> tuple[Any, Loss]:
    """transformers' model, and its loss with labels given, as its Trainer asks for it."""
    from transformers import AutoModelForCausalLM, Qwen3MoeConfig

    dtype = torch.bfloat16 if settings.optimizer.weights == "bfloat16" else torch.float32
    content = {
        key: value for key, value in config_json(config, dtype).items() if key not in ("torch_dtype", "dtype")
    }
    make: Any = AutoModelForCausalLM.from_config
    stock_config = Qwen3MoeConfig(**(content | {"output_router_logits": True, "router_aux_loss_coef": 1e-3}))
    with torch.device(device):
        model = make(stock_config, attn_implementation="sdpa", experts_implementation=experts, dtype=dtype)
    model.train()
    if settings.recompute:
        model.gradient_checkpointing_enable()
    if balanced:
        for layer in model.model.layers:
            layer.mlp.gate.forward = _their_turns(layer.mlp.gate)

    def loss(tokens: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = model(tokens, labels=labels, shift_labels=labels, use_cache=False).loss
        return result

    return model, loss


def _their_turns(gate: Any) -> Callable[[torch.Tensor], tuple[torch.Tensor, ...]]:
    plain = gate.forward

    def forward(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits, scores, chosen = plain(x)
        turns = in_turn(len(chosen), chosen.shape[1], logits.shape[1], x.device)
        weights = logits.float().softmax(dim=-1).gather(1, turns)
        return logits, (weights / weights.sum(dim=-1, keepdim=True)).to(scores.dtype), turns

    return forward


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """One implementation's steps, in this process."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings, config, length, rows, batches = set_up(arguments, device)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    balanced = arguments.routing == "balanced"
    if arguments.run == "ours":
        settings = settings.model_copy(update={"compile": arguments.compile})
        if device.type == "cpu":
            keep_freed_memory()
        model, loss = ours(settings, config, device, balanced)
    elif arguments.run == "torchtitan":
        sys.path.append(str(Path(__file__).parent))
        from trainer_torchtitan import torchtitan_model

        dtype = torch.bfloat16 if settings.optimizer.weights == "bfloat16" else torch.float32
        model, loss = torchtitan_model(config, length, dtype, device, balanced)
    else:
        model, loss = theirs(settings, config, device, balanced, arguments.run.split()[1])
    optimizer = Optimizer(model.named_parameters(), settings.optimizer)
    summed = settings.optimizer.gradients == "float32" and settings.optimizer.weights == "bfloat16"
    sums = GradientSums(model) if summed else None  # for all alike, as the optimiser
    if device.type == "cuda":
        optimizer.compile()  # for both alike
    draw = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, config.vocab_size, (batches, rows, length + 1), generator=draw).to(device)

    def step() -> float:
        total = 0.0
        for batch in tokens:
            part = loss(batch[:, :-1].contiguous(), batch[:, 1:].contiguous()) / batches
            torch.autograd.backward(part)
            total += float(part.detach())
        if sums is not None:
            sums.finish()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.optimizer.clip_norm)
        optimizer.step(1e-4)
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return total

    begin = time.monotonic()
    losses = [step() for _ in range(arguments.warmup)]
    seconds: list[float] = []
    work: list[float] = []
    while len(seconds) < arguments.steps and (not seconds or time.monotonic() - begin < arguments.seconds):
        at, worked = time.perf_counter(), time.process_time()
        losses.append(step())
        seconds.append(time.perf_counter() - at)
        work.append(time.process_time() - worked)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else _resident_peak()
    median = statistics.median(seconds)
    return {
        "tokens_per_second": batches * rows * length / median,
        "seconds": median,
        "spread": [min(seconds), max(seconds)],
        "processor_seconds": statistics.median(work),
        "steps": len(seconds),
        "peak_gib": peak / 2**30,
        "first_loss": losses[0],
    }


def _resident_peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def set_up(
    arguments: argparse.Namespace, device: torch.device
) -> tuple[TrainSettings, ModelConfig, int, int, int]:
    """Settings, model, and the batch: tokens a sequence, sequences a batch, batches a step."""
    name = "marco-nano" if device.type == "cuda" else "tiny"
    # transformers' 1e-3 with 8 experts a token is our 8e-3; it has no z-loss.
    balance = BalanceSettings(auxiliary=8e-3, z=0.0)
    settings = load_settings(CONFIGS / f"{name}.yaml").model_copy(update={"balance": balance})
    config = load_model_config(settings.model)
    if arguments.optimizer:
        update, moments, gradients = arguments.optimizer.split("/")
        chosen = {"weights": "bfloat16", "update": update, "moments": moments, "gradients": gradients}
        settings = settings.model_copy(update={"optimizer": OptimizerSettings.model_validate(chosen)})
    if arguments.layers:
        config = config.model_copy(update={"num_hidden_layers": arguments.layers})
    if device.type == "cuda":
        return settings, config, 4096, arguments.sequences or 4, arguments.batches or 4
    return settings, config, 256, arguments.sequences or 4, arguments.batches or 1


def compare(arguments: argparse.Namespace) -> None:
    """Every run in a process of its own, and the table."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings, config, length, rows, batches = set_up(arguments, device)
    cost, peak = token_cost(config, length), peak_flops(device)
    optimizer = settings.optimizer
    print(f"{time.strftime('%Y-%m-%d')}  torch {torch.__version__}  {_machine(device)}")
    print(
        f"{config.parameters().total:,} parameters, {config.parameters().active:,} active; a step is {batches} x"
        f" {rows} x {length} tokens; weights {optimizer.weights}, update {optimizer.update}, moments"
        f" {optimizer.moments}, gradients {optimizer.gradients}, recomputation"
        f" {'on' if settings.recompute else 'off'}"
    )
    print(f"{cost.formula}; MFU = tokens/s x that / {f'{peak[1] / 1e12:.0f} TFLOP/s' if peak else 'unknown peak'}")
    if peak:
        print(f"floor: {REACHABLE * peak[1] / cost.flops:,.0f} tokens/s at {REACHABLE:.0%} of the peak", end="; ")
        print("published for such models: 38,500 (SonicMoE, 7B), 27,100 (ScatterMoE), each on an H100")
    print(f"{'run':42}{'routing':10}{'tokens/s':>10}{'MFU':>8}{'s/step':>9}{'(from-to)':>16}", end="")
    print(f"{'CPU s':>8}{'GiB':>7}{'loss':>9}")
    until = time.monotonic() + arguments.budget if device.type == "cuda" else math.inf
    speeds: dict[tuple[str, str], float] = {}
    with arguments.output.open("a", encoding="utf-8") as lines:
        for run in GPU_RUNS if device.type == "cuda" else CPU_RUNS:
            found = _in_a_process(arguments, run, min(until - time.monotonic(), arguments.seconds + 120))
            told = {"error": found} if isinstance(found, str) else found
            lines.write(json.dumps({"machine": _machine(device), **asdict(run), **told}) + "\n")
            lines.flush()
            if isinstance(found, str):
                print(f"{run.title:42}{run.routing:10}  {found}", flush=True)
                continue
            speed = found["tokens_per_second"]
            if not run.optimizer:
                name = (run.name, run.routing)
                speeds[name] = max(speed, speeds.get(name, 0.0))
            mfu = f"{speed * cost.flops / peak[1]:.1%}" if peak else "-"
            spread = "({:.3f}-{:.3f})".format(*found["spread"])
            print(
                f"{run.title:42}{run.routing:10}{speed:10,.0f}{mfu:>8}{found['seconds']:9.3f}{spread:>16}"
                f"{found['processor_seconds']:8.2f}{found['peak_gib']:7.1f}{found['first_loss']:9.4f}",
                flush=True,
            )
    for (name, routing), speed in speeds.items():
        if name != "ours" and ("ours", routing) in speeds:
            print(f"ours is {speeds['ours', routing] / speed:.2f} times as fast as {name}, {routing} routing")


def _in_a_process(arguments: argparse.Namespace, run: Run, seconds: float) -> dict[str, Any] | str:
    """The figures of a run that may take `seconds`, or why there are none."""
    if seconds < 30:
        return "left out: the budget is used up"
    command = [sys.executable, __file__, "--run", run.name, "--routing", run.routing, "--optimizer", run.optimizer]
    command += ["--compile"] if run.compiled else []
    for name in ("layers", "sequences", "batches", "threads", "steps", "warmup"):
        if (value := getattr(arguments, name)) is not None:
            command += [f"--{name}", str(value)]
    command += ["--seconds", str(arguments.seconds)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"failed: not done in {seconds:.0f} s"
    if ended.returncode:
        return "failed: " + (ended.stderr.strip().splitlines() or [f"exit {ended.returncode}"])[-1][:150]
    result: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return result


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def main() -> None:
    """Compares all, or with `--run` measures one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, help="fewer layers than the configuration's")
    parser.add_argument("--sequences", type=int, help="computed at once")
    parser.add_argument("--batches", type=int, help="accumulated in a step")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=25.0, help="for the steps of one run, the last one over")
    parser.add_argument("--budget", type=float, default=540.0, help="seconds for all runs on a GPU")
    parser.add_argument("--output", type=Path, default=Path("trainer_runs.jsonl"), help="JSON lines, added to")
    parser.add_argument("--optimizer", default="", help=argparse.SUPPRESS)
    parser.add_argument("--run", choices=sorted({run.name for run in (*GPU_RUNS, *CPU_RUNS)}))
    parser.add_argument("--routing", choices=["natural", "balanced"], default="natural")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(measure(arguments)))
    else:
        compare(arguments)


if __name__ == "__main__":
    main()
