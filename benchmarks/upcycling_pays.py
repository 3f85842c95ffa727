"""Does upcycling pay? A small dense model, upcycled and trained on through four stages, against one from scratch.

    python benchmarks/upcycling_pays.py [--documents FOLDER] [--output FOLDER]

Trains on the bytes of real text (`<language>.jsonl.gz` files with a `text`), so that minutes of a CPU show
something. A dense Qwen3 is trained from scratch on four languages; its feed-forward layers become 32 experts by
`upcycle`. That model, the same without weight scaling, the same with nothing dropped, and one of random weights
then see the same tokens in the same order: four stages, the third of which adds two languages. Writes a table
(Markdown) and a plot (SVG). One seed each: differences under 0.02 mean nothing, and nothing here tells of billions
of tokens.
"""

import argparse
import gzip
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

# Python puts this file's own folder first, where another file has the name of a package.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixtures.indexed import IndexedWriter  # noqa: E402
from mixtures.order import OrderBucket, write_order  # noqa: E402
from trainer.configuration import ModelConfig  # noqa: E402
from trainer.training.exporting import export_checkpoint  # noqa: E402
from trainer.training.run import Trained, run  # noqa: E402
from trainer.training.settings import TrainSettings  # noqa: E402
from trainer.upcycle.conversion import upcycle  # noqa: E402
from trainer.upcycle.options import UpcycleOptions  # noqa: E402

ROOT: Final = Path(__file__).resolve().parents[1]
FIRST: Final = ("eng_Latn", "fra_Latn", "deu_Latn", "rus_Cyrl")
ADDED: Final = ("ell_Grek", "tha_Thai")
# One past the bytes ends a document.
END: Final = 256
LENGTH: Final = 256
# Of few tokens, so that there are many.
STEP: Final = 4 * LENGTH
EVALUATED: Final = 50
DENSE: Final = {
    "vocab_size": 264,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "bos_token_id": END,
    "eos_token_id": END,
}
# 8 slices of 32 in 4 copies; the 8 that a token meets are as wide as the dense layer, as in Marco-Nano.
SPARSE: Final = DENSE | {"num_experts": 32, "num_experts_per_tok": 8, "moe_intermediate_size": 32}
LABELS: Final = {
    "upcycled": "upcycled (N^1/3, drop 0.5)",
    "whole": "upcycled (N^1/3, nothing dropped)",
    "unscaled": "upcycled, no weight scaling (drop 0.5)",
    "scratch": "from scratch",
}


@dataclass(frozen=True, slots=True)
class Curve:
    """Held-out loss in nats a byte: by step, over the first languages and by language."""

    steps: list[int]
    first: list[float]
    languages: list[dict[str, float]]


def write_mixtures(documents: Path, workspace: Path, tokens: int) -> list[Path]:
    """A mixture a stage: two of the first languages, the second with more English; two of all."""
    sizes = {}
    for language in (*FIRST, *ADDED):
        folder = workspace / "tokens" / "multilingual" / "bytes" / language
        folder.mkdir(parents=True, exist_ok=True)
        with (
            gzip.open(documents / f"{language}.jsonl.gz", "rt", encoding="utf-8") as lines,
            IndexedWriter(str(folder / "00000")) as writer,
        ):
            texts = [json.loads(line)["text"].encode()[:2000] for line in lines]
            for text in texts:
                writer.add(np.array([*text, END], dtype=np.uint32))
        sizes[language] = np.array([len(text) + 1 for text in texts], dtype=np.int32)
    more = {"eng_Latn": 2.0}
    every = (*FIRST, *ADDED)
    stages = [dict.fromkeys(FIRST, 1.0), dict.fromkeys(FIRST, 1.0) | more, dict.fromkeys(every, 1.0) | more]
    return [
        _mixture(workspace, number, shares, sizes, tokens)
        for number, shares in enumerate([*stages, dict.fromkeys(every, 1.0)], 1)
    ]


def _mixture(workspace: Path, stage: int, shares: dict[str, float], sizes: dict[str, Any], tokens: int) -> Path:
    folder = workspace / "mixtures" / "bytes" / f"stage{stage}" / "0"
    folder.mkdir(parents=True, exist_ok=True)
    whole = sum(shares.values())
    planned = {language: int(tokens * share / whole) for language, share in shares.items()}
    write_order(
        [OrderBucket(f"multilingual/bytes/{each}", sizes[each], planned[each]) for each in shares], 0, folder
    )
    rows = [
        {
            "category": "multilingual",
            "source": "bytes",
            "language": each,
            "documents": len(sizes[each]),
            "tokens_planned": planned[each],
            "fingerprint": each,
            "shards": [f"tokens/multilingual/bytes/{each}/00000"],
        }
        for each in shares
    ]
    manifest = {"fingerprint": f"stage{stage}", "totals": {"buckets": rows, "tokenizer": "bytes"}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def settings_of(model: Path, stages: list[tuple[str, int, float, float]], start: Path | None) -> TrainSettings:
    """A run of stages (name, steps, first rate, last rate) that evaluates every 50 steps."""
    written = [
        {
            "name": name,
            "tokens": steps * STEP,
            "max_passes": 100,
            "schedule": {"kind": "cosine", "peak": first, "start": first, "final": last},
        }
        for name, steps, first, last in stages
    ]
    return TrainSettings.model_validate(
        {
            "model": model,
            "start_from": start,
            "tokenizer": "bytes",
            "stages": written,
            "batch": {"sequence_length": LENGTH, "sequences": 4, "micro_sequences": 4},
            "checkpoint": {"every_steps": 10_000, "keep_last": 1},
            "evaluation": {"every_steps": EVALUATED, "documents": 6, "tokens_per_document": LENGTH},
            "threads": 1,
        }
    )


def curve_of(trained: Trained) -> Curve:
    rows = [json.loads(line) for line in trained.metrics.read_text(encoding="utf-8").splitlines()]
    held_out = {row["step"]: row for row in rows if row["kind"] == "held_out"}
    languages = [
        {
            name.removeprefix("language/"): loss
            for name, loss in row["losses"].items()
            if name.startswith("language/")
        }
        for row in held_out.values()
    ]
    first = [sum(losses[each] for each in FIRST) / len(FIRST) for losses in languages]
    return Curve(list(held_out), first, languages)


def table(curves: dict[str, Curve], dense: Curve, steps: int) -> str:
    """Markdown: the ablation at equal tokens, and the loss by language around the third stage."""
    shown = [0, EVALUATED, steps, 2 * steps, 3 * steps, 4 * steps]
    heads = ["tokens", *(f"{step * STEP:,}" for step in shown)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for name, curve in curves.items():
        by_step = dict(zip(curve.steps, curve.first, strict=True))
        lines.append(_row([LABELS[name], *(f"{by_step[step]:.3f}" for step in shown)]))
    lines += [
        "",
        f"The dense seed had {dense.first[-1]:.3f} after {dense.steps[-1] * STEP:,} tokens of its own.",
        "",
    ]
    moments, losses = around_stage_3(curves["upcycled"], steps)
    lines += [_row(["upcycled, loss of", *moments]), _row(["---"] * (len(moments) + 1))]
    for language, found in losses.items():
        name = language + (" (added in stage 3)" if language in ADDED else "")
        lines.append(_row([name, *(f"{loss:.3f}" for loss in found)]))
    return "\n".join(lines) + "\n"


def around_stage_3(curve: Curve, steps: int) -> tuple[dict[str, int], dict[str, list[float]]]:
    """Moments and their steps, and each language's loss at them."""
    moments = {"at the start": 0, "before stage 3": 2 * steps, "after stage 3": 3 * steps, "at the end": 4 * steps}
    by_step = dict(zip(curve.steps, curve.languages, strict=True))
    return moments, {each: [by_step[step][each] for step in moments.values()] for each in (*FIRST, *ADDED)}


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


# Told apart without seeing red and green.
COLOURS: Final = ("#0072b2", "#56b4e9", "#d55e00", "#555555", "#009e73", "#cc79a7")
WIDTH: Final = 760
PANEL: Final = 420


def plot(curves: dict[str, Curve], steps: int) -> str:
    """Two panels of SVG: the ablation at equal tokens, and each language's loss around the third stage."""
    runs = {LABELS[name]: list(zip(curve.steps, curve.first, strict=True)) for name, curve in curves.items()}
    moments, losses = around_stage_3(curves["upcycled"], steps)
    languages = {
        name + (" (added in stage 3)" if name in ADDED else ""): list(zip(moments.values(), found, strict=True))
        for name, found in losses.items()
    }
    return (
        "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * PANEL}"'
                ' font-family="sans-serif" font-size="13">',
                '<rect width="100%" height="100%" fill="white"/>',
                *_panel("Held-out loss of the first four languages, nats a byte", runs, steps, 0, 1.6),
                *_panel("Upcycled: held-out loss by language, nats a byte", languages, steps, PANEL, math.inf),
                "</svg>",
            ]
        )
        + "\n"
    )


def _panel(
    title: str, lines: dict[str, list[tuple[int, float]]], steps: int, down: int, most: float
) -> Iterator[str]:
    """A panel that begins `down` and shows losses up to `most` above the least; what is higher is cut off."""
    left, right, top, bottom = 60, WIDTH - 20, down + 30, down + PANEL - 50
    losses = [loss for points in lines.values() for _, loss in points]
    low = min(losses) - 0.05
    high = min(max(losses) + 0.05, low + most)
    last = 4 * steps

    def across(step: float) -> float:
        return round(left + (right - left) * step / last, 1)

    def height(loss: float) -> float:
        return round(bottom - (bottom - top) * (min(loss, high) - low) / (high - low), 1)

    yield f'<text x="{left}" y="{down + 18}" font-size="15">{title}</text>'
    for number in range(5):
        loss = low + (high - low) * number / 4
        yield f'<line x1="{left}" x2="{right}" y1="{height(loss)}" y2="{height(loss)}" stroke="#dddddd"/>'
        yield f'<text x="{left - 8}" y="{height(loss) + 4}" text-anchor="end">{loss:.2f}</text>'
    for stage, name in enumerate(("foundation", "optimisation", "+ two languages", "all alike")):
        x = across(stage * steps)
        yield f'<line x1="{x}" x2="{x}" y1="{top}" y2="{bottom}" stroke="#bbbbbb" stroke-dasharray="3 3"/>'
        yield f'<text x="{x + 6}" y="{bottom + 18}" fill="#666666">{name}</text>'
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawn = " ".join(f"{across(step)},{height(loss)}" for step, loss in points)
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"/>'
        y = top + 16 + 18 * number
        yield f'<text x="{right}" y="{y}" text-anchor="end" fill="{colour}">{name}</text>'
    tokens = f"{last * STEP:,} tokens"
    yield f'<text x="{right}" y="{bottom + 42}" text-anchor="end" fill="#666666">{tokens}</text>'


def main() -> None:
    """Trains all of them and writes table and plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=Path, default=ROOT.parent / "shared" / "data" / "documents")
    parser.add_argument("--output", type=Path, default=Path("upcycling_pays"))
    parser.add_argument("--dense-steps", type=int, default=1500)
    parser.add_argument("--stage-steps", type=int, default=150, help="a multiple of 50")
    parser.add_argument("--runs", nargs="+", choices=list(LABELS), default=list(LABELS))
    arguments = parser.parse_args()
    output: Path = arguments.output
    mixtures = write_mixtures(arguments.documents, output / "workspace", 1_000_000)
    models = {name: output / f"{name}.yaml" for name in ("dense", "sparse")}
    for name, sizes in (("dense", DENSE), ("sparse", SPARSE)):
        models[name].write_text("".join(f"{key}: {value}\n" for key, value in sizes.items()))
    begin = time.monotonic()
    seed_settings = settings_of(models["dense"], [("seed", arguments.dense_steps, 3e-3, 3e-4)], None)
    dense = run(seed_settings, mixtures[:1], output / "dense")
    if not (output / "seed").exists():
        export_checkpoint(sorted(dense.checkpoints.glob("step-*"))[-1], output / "seed", dtype=_float32())
    steps = arguments.stage_steps
    stages = [("foundation", steps, 1e-3, 1e-3), ("optimisation", steps, 1e-3, 5e-4)]
    stages += [("languages", steps, 1e-3, 1e-3), ("synthetic", steps, 5e-4, 1e-4)]
    options: dict[str, dict[str, Any]] = {"upcycled": {}, "whole": {"drop": 0.0}, "unscaled": {"scale": "none"}}
    curves = {}
    for name in arguments.runs:
        start = None
        if name in options:
            start = output / f"{name}-start"
            if not start.exists():
                made = UpcycleOptions.model_validate(options[name])
                upcycle(output / "seed", start, ModelConfig.model_validate(SPARSE), made, dtype=_float32())
        curves[name] = curve_of(run(settings_of(models["sparse"], stages, start), mixtures, output / name))
    written = table(curves, curve_of(dense), steps)
    (output / "upcycling_pays.md").write_text(written, encoding="utf-8")
    (output / "upcycling_pays.svg").write_text(plot(curves, steps), encoding="utf-8")
    print(f"\n{written}\n{time.monotonic() - begin:.0f} s; {output / 'upcycling_pays.svg'}")


def _float32() -> Any:
    import torch

    return torch.float32


if __name__ == "__main__":
    main()
