"""The tables of docs/capacity.md: what the real recipes cost, from what this machine measures now.

    python -m benchmarks.capacity

Measures every script once (`pipelines.cost.rates`), then estimates each stage with the profile `hub` in an empty
workspace, and prints Markdown. Nothing is downloaded. Processor time is counted, so that other work on the machine
slows the measuring down and changes its figures little.
"""

import math
import tempfile
from collections.abc import Iterable, Sequence
from typing import Final

from mixtures.recipe import load_recipe
from mixtures.token_count import format_tokens
from mixtures.upstream import fineweb2_sizes
from pipelines.build import build
from pipelines.cost.estimate import Cost, Estimate, chain, estimate
from pipelines.cost.interval import Interval, total
from pipelines.cost.rates import Rates, measure_rates
from pipelines.cost.tables import needed, size
from pipelines.cost.volumes import volumes
from pipelines.document_files import FILE_BYTES
from pipelines.executor_settings import ExecutorSettings, Resources
from pipelines.synthesis_steps import SYNTHESIS_VERSIONS
from pipelines.workspace import Workspace
from sources.language import languages

STAGES: Final = (
    ("marco-mini", 1), ("marco-mini", 2), ("marco-mini", 3), ("marco-mini", 4),
    ("marco-mini-global", 3), ("marco-mini-global", 4),
)  # fmt: skip
# A cluster that gives each step a whole machine.
WIDE: Final = ExecutorSettings(resources=Resources(cpus=64))
STEPS: Final = ("collect", "measure", "curate", "tokenise")
# Bytes a document in memory while a source and language is curated, and while the order is written.
CANDIDATE: Final = 26 + 33 + 20 + 8 + 16
STANDING: Final = 8 + 8 + 60
LENGTH: Final = 4
# Bytes a document of the file of signatures that is made meanwhile.
BANDS: Final = 14 * 8


def main() -> None:
    """Measures, estimates and prints."""
    sizes = fineweb2_sizes()
    codes = sorted(languages(), key=lambda code: -sizes[code].utf8_bytes if code in sizes else 0)
    rates = measure_rates(codes)
    print(f"Measured in {rates.seconds:.0f} s on {rates.machine}, {rates.cores} cores.\n")
    speeds(rates)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Workspace(folder)
        for model, stage in STAGES:
            steps = build(load_recipe(model, stage), "hub", None, 0)
            found[f"{model} {stage}"] = estimate(steps, place, rates, volumes(steps, place, rates.tokens))
    recipes(found)
    arithmetic(found["marco-mini 4"])
    models(found)
    breaks(found)


def speeds(rates: Rates) -> None:
    """Text a second of one core by script and step."""
    header("MB/s of one core", STEPS)
    for script, code in sorted(rates.sampled.items()):
        row(f"{script} ({code})", [_speed(rates.line(kind, script).each) for kind in STEPS])
    print()
    header("of one core", ["a step begins with", "then"])
    for kind, what in (("mine", "pairs"), ("render", "pairs"), ("mix", "documents")):
        line = rates.line(kind, "Latn")
        row(kind, [f"{line.start.middle:.2f} s", f"{1 / line.each.middle:,.0f} {what} a second"])
    print()


def _speed(each: Interval) -> str:
    return f"{1e-6 / each.middle:.1f} ({1e-6 / each.high:.1f} to {1e-6 / each.low:.1f})"


def recipes(found: dict[str, Estimate]) -> None:
    """One row a stage, and the stages of a model together: what they share is made once."""
    columns = (
        "tokens", "text", "core-hours", "of it needed", "stored", "network", "requests upstream", "to a store"
    )  # fmt: skip
    header("stage", columns)
    for name, each in found.items():
        row(name, [format_tokens(each.plan.tokens_planned), *figures(each.costs, _needed_hours(each))])
    for model in dict.fromkeys(model for model, _ in STAGES):
        costs: dict[str, Cost] = {}
        for name, each in found.items():
            if name.startswith(f"{model} "):
                costs |= {cost.step: cost for cost in each.costs}
        row(f"{model}, all", ["", *figures(costs.values(), "")])
    print()


def figures(costs: Iterable[Cost], need: str) -> list[str]:
    """The cells of a row of `recipes`."""
    every = list(costs)
    return [
        size(sum(cost.text for cost in every if cost.kind == "collect")),
        _hours(total(cost.processor_s for cost in every)),
        need,
        size(sum(cost.written for cost in every)),
        size(sum(cost.network for cost in every)),
        format_tokens(round(sum(cost.requests for cost in every if cost.kind not in SYNTHESIS_VERSIONS))),
        format_tokens(round(sum(cost.store_requests for cost in every))),
    ]


def _needed_hours(each: Estimate) -> str:
    return _hours(needed(each, None, False).processor_s)


def _hours(seconds: Interval) -> str:
    low, middle, high = (each / 3600 for each in seconds.as_list())
    return f"{middle:,.0f} ({low:,.0f} to {high:,.0f})"


def arithmetic(found: Estimate) -> None:
    """How a stage's core-hours come about: bytes of text over bytes a second, by script."""
    print(f"marco-mini stage 4, {format_tokens(found.plan.tokens_planned)} tokens:\n")
    header("", ["script", "text", "MB/s", "core-hours"])
    for kind in STEPS:
        for script in sorted(found.rates.sampled):
            costs = [
                cost
                for cost in found.costs
                if cost.kind == kind and cost.language and languages()[cost.language].script == script
            ]
            text = sum(cost.text for cost in costs)
            if text:
                each = found.rates.line(kind, script).each
                hours = _hours(total(cost.processor_s for cost in costs))
                row(kind, [script, size(text), f"{1e-6 / each.middle:.1f}", hours])
    print()


def models(found: dict[str, Estimate]) -> None:
    """GPU-hours of each stage."""
    header("stage", ["sentences ranked", "GPU-hours", "completions", "completion tokens", "GPU-hours"])
    for name, each in found.items():
        cells = []
        for kind, rate in (("mine", each.throughput.sentences), ("", each.throughput.completion_tokens)):
            costs = [cost for cost in each.costs if (cost.kind == "mine") == bool(kind) and cost.gpu_s.high]
            seconds = total(cost.gpu_s for cost in costs)
            if not kind:
                cells.append(format_tokens(round(sum(cost.requests for cost in costs))))
            cells += [format_tokens(round(seconds.middle * rate)), _hours(seconds)]
        row(name, cells)
    print()


def breaks(found: dict[str, Estimate]) -> None:
    """What grows, how large it becomes in each stage."""
    columns = (
        "longest chain", "64 cpus a step", "largest place", "its memory", "its scratch", "standing", "order",
        "files", "steps",
    )  # fmt: skip
    header("stage", columns)
    for name, each in found.items():
        places = each.volumes.documents
        (source, code), largest = max(places.items(), key=lambda item: item[1].documents)
        of_language: dict[str, float] = {}
        for (_, spoken), volume in places.items():
            of_language[spoken] = of_language.get(spoken, 0.0) + volume.documents * volume.kept.middle
        documents = sum(volume.documents * volume.kept.middle for volume in places.values())
        files = sum(
            math.ceil(cost.text / FILE_BYTES) * {"curate": 3, "tokenise": 2}.get(cost.kind, 1)
            for cost in each.costs
            if cost.text
        )
        row(
            name,
            [
                f"{each.chain_s.middle / 3600:,.0f} h",
                f"{chain(each.build.steps, each.costs, WIDE).middle / 3600:,.0f} h",
                f"{source} {code}, {largest.documents / 1e6:,.0f}M",
                size(largest.documents * CANDIDATE),
                size(largest.documents * BANDS),
                size(max(of_language.values()) * STANDING),
                size(documents * LENGTH),
                f"{files:,}",
                f"{len(each.build.steps)}",
            ],
        )
    print()


def header(first: str, columns: Sequence[str]) -> None:
    """The head of a Markdown table."""
    print("| " + " | ".join([first, *columns]) + " |")
    print("|---|" + "--:|" * len(columns))


def row(first: str, cells: Sequence[str]) -> None:
    """A row of a Markdown table."""
    print("| " + " | ".join([first, *cells]) + " |")


if __name__ == "__main__":
    main()
