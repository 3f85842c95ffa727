"""Our runner beside vLLM's own benchmark client, against one real server; and a run that finds everything stored.

    benchmarks/vllm_env.sh
    python benchmarks/synthesis.py [--model qwen3|qwen3-moe] [--concurrency 32] [--requests 600] [--rounds 3]
    python benchmarks/synthesis.py --stored 10000,100000

Both clients send the same prompts with the same sampling and the same number of requests at once to a tiny
random model, in turns. The median of the rounds counts; the best says more where the machine is busy with other
things. The server's time is mostly its overhead for each request, so that a slow client shows: a large model on a
GPU would hide it. vLLM's client can only stream, and so takes each token as a message of its own; ours asks for
the whole completion, writes it to the store and hands it on.

With `--stored`, a process opens a store with so many completions (2.5 kB of prompt, 1.8 kB of text) and finishes
as many requests from it: records a second of the clock and of its processor time, without opening and with it,
and its peak of memory beside what its imports take.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from synth.engine.http_engine import HttpEngine
from synth.engine.replay import recorded_for
from synth.engine.server import ON_CPU, VllmServer
from synth.engine.store import Store
from synth.request import Message, Request, Sampling

ROOT = Path(__file__).parent.parent
PYTHON = Path(os.environ.get("VLLM_PYTHON", ROOT / ".venv-vllm/bin/python"))
TOKENS = 64
# `vllm bench serve` without its command line, which looks up a distribution that has another name on the CPU.
CLIENT = (
    "import argparse; from vllm.benchmarks.serve import add_cli_args, main;"
    "parser = argparse.ArgumentParser(); add_cli_args(parser); main(parser.parse_args())"
)


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one round; tokens are those that were generated."""

    requests_per_s: float
    tokens_per_s: float


def requests(number: int, words: int = 40) -> Iterator[Request]:
    """Prompts that share no beginning; the sampling is that of random text, which hardly ever ends by itself."""
    for n in range(number):
        text = f"{n} " + "what is there to say about it " * (words // 7)
        yield Request(
            "benchmark@1", (Message("user", text),), Sampling(TOKENS, temperature=1.0, top_p=1.0, seed=1)
        )


def ours(server: VllmServer, number: int, concurrency: int, folder: Path) -> Rate:
    """One round of our runner into an empty store, which is on the disk at the end."""
    with Store(folder) as store:
        engine = HttpEngine(server.url, server.model, store=store, concurrency=concurrency)
        began = time.perf_counter()
        tokens = completions = 0
        for finished in engine.complete(requests(number)):
            if finished.completion is not None:
                completions += 1
                tokens += finished.completion.completion_tokens
        seconds = time.perf_counter() - began
    if completions != number:
        raise SystemExit(f"{number - completions} of {number} requests failed")
    return Rate(completions / seconds, tokens / seconds)


def theirs(server: VllmServer, model: Path, number: int, concurrency: int, folder: Path) -> Rate:
    """One round of vLLM's client, by its own clock: from its first request to its last answer."""
    prompts = folder / "prompts.jsonl"
    prompts.write_text(
        "".join(json.dumps({"prompt": each.messages[0].content}) + "\n" for each in requests(number))
    )
    words = ["--backend", "openai-chat", "--base-url", server.url, "--endpoint", "/v1/chat/completions"]
    words += ["--model", str(model), "--served-model-name", server.model, "--max-concurrency", str(concurrency)]
    words += ["--dataset-name", "custom", "--dataset-path", str(prompts), "--num-prompts", str(number)]
    words += ["--custom-output-len", str(TOKENS), "--skip-chat-template", "--disable-tqdm", "--save-result"]
    words += ["--result-dir", str(folder), "--result-filename", "result.json"]
    words += ["--temperature", "1", "--top-p", "1", "--extra-body", '{"seed": 1}']
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([PYTHON, "-c", CLIENT, *words], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"vLLM's client failed: {done.stderr.strip()[-1500:]}")
    result = json.loads((folder / "result.json").read_text())
    if result["completed"] != number:
        raise SystemExit(f"{number - result['completed']} of {number} requests of vLLM's client failed")
    return Rate(result["request_throughput"], result["output_throughput"])


def beside(kind: str, number: int, concurrency: int, rounds: int) -> None:
    """Starts the server, runs both clients in turns and prints their medians."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = folder / kind
        script = ROOT / "tests/synth/tiny_models.py"
        subprocess.run([sys.executable, script, model, kind], check=True, capture_output=True)
        arguments = [*ON_CPU, "--enforce-eager", "--max-model-len", "1024", "--max-num-seqs", str(concurrency)]
        # A round must not find the prompts of the one before in the server's cache.
        arguments += ["--no-enable-prefix-caching"]
        with VllmServer(
            PYTHON,
            str(model),
            served_name=kind,
            log=folder / "server.log",
            arguments=arguments,
            environment={"VLLM_CPU_KVCACHE_SPACE": "1"},
        ) as server:
            ours(server, 2 * concurrency, concurrency, folder / "warm")
            rates: dict[str, list[Rate]] = {"ours": [], "vLLM's": []}
            for each in range(rounds):
                rates["vLLM's"].append(theirs(server, model, number, concurrency, folder))
                rates["ours"].append(ours(server, number, concurrency, folder / f"round {each}"))
    print(f"{kind}, {number:,} requests of {TOKENS} tokens, {concurrency} at once, median of {rounds} rounds")
    print(f"{'client':8} {'requests/s':>11} {'tokens/s':>9} {'best':>9}   requests/s of the rounds")
    figures = {}
    for client, found in rates.items():
        each_round = [rate.requests_per_s for rate in found]
        tokens = statistics.median(rate.tokens_per_s for rate in found)
        figures[client] = (statistics.median(each_round), tokens, max(each_round))
        shown = ", ".join(f"{rate:.1f}" for rate in each_round)
        print(f"{client:8} {figures[client][0]:11.1f} {tokens:9.0f} {max(each_round):9.1f}   {shown}")
    ratios = [mine / other for mine, other in zip(figures["ours"], figures["vLLM's"], strict=True)]
    print(f"{'ratio':8} {ratios[0]:11.3f} {ratios[1]:9.3f} {ratios[2]:9.3f}")


def stored(number: int, folder: Path) -> None:
    """Fills a store, and measures a run over it in a process of its own."""
    with Store(folder) as store:
        for request in requests(number, 400):
            store.put(recorded_for(request, "model", "revision", "answer " * 260))
    command = [sys.executable, __file__, "--measure-stored", str(number), str(folder)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"{number:9,} {found['opened']:11,.0f} {found['running']:11,.0f} {found['both']:13,.0f}"
        f" {found['processor']:14,.0f} {found['imports']:13.0f} {found['peak']:6.0f}"
    )


def measure_stored(number: int, folder: Path) -> None:
    """In the process of its own: prints the figures as JSON."""
    imports = _mebibytes()
    began, processor = time.perf_counter(), time.process_time()
    with Store(folder) as store:
        opened = time.perf_counter()
        engine = HttpEngine("http://127.0.0.1:9", "model", "revision", store=store)
        done = sum(each.replayed for each in engine.complete(requests(number, 400)))
    ended = time.perf_counter()
    assert done == number
    figures = {
        "opened": number / (opened - began),
        "running": number / (ended - opened),
        "both": number / (ended - began),
        "processor": number / (time.process_time() - processor),
        "imports": imports,
        "peak": _mebibytes(),
    }
    print(json.dumps(figures))


def _mebibytes() -> float:
    """The peak of this process since it was started; the kernel's `ru_maxrss` would include its parent's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qwen3", choices=["qwen3", "qwen3-moe"])
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stored", help="so many completions each, such as 10000,100000")
    parser.add_argument("--measure-stored", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure_stored:
        measure_stored(int(options.measure_stored[0]), Path(options.measure_stored[1]))
    elif options.stored:
        print("   stored   opening/s   records/s  with opening  of processor  MiB: imports   peak")
        for number in map(int, options.stored.split(",")):
            with tempfile.TemporaryDirectory() as place:
                stored(number, Path(place))
    else:
        beside(options.model, options.requests, options.concurrency, options.rounds)


if __name__ == "__main__":
    main()
