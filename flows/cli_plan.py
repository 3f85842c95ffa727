"""`babelmix plan`: what a stage holds, and what it costs before it is run and did cost after."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.cli_mix import Json, Model, Profile, Seed, Stage, Tokens, WorkspaceOption, built, inspect, parsed_tokens
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from pipelines.build import Build
    from pipelines.cost.rates import Rates

CostFlag = Annotated[
    bool, typer.Option("--cost", help="Measure each kind of step on this machine and estimate the whole.")
]
PricesFile = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        help="With --cost: a YAML file of core_hour, gpu_hour, gb_month, gb_egress, per_million_requests.",
    ),
]
Workers = Annotated[int | None, typer.Option(help="With --cost: cores that work at once.", min=1)]
Completions = Annotated[
    float | None,
    typer.Option("--tokens-per-second", help="With --cost: completion tokens a second of one GPU.", min=1),
]
Sentences = Annotated[
    float | None,
    typer.Option("--sentences-per-second", help="With --cost: sentences that one GPU embeds a second.", min=1),
]


def register(app: typer.Typer) -> None:
    """Adds this file's command to `app`."""
    app.command()(plan)


def plan(
    stage: Stage,
    model: Model = "marco-mini",
    profile: Profile = "sample",
    tokens: Tokens = None,
    workspace: WorkspaceOption = "workspace",
    seed: Seed = 0,
    cost: CostFlag = False,
    prices: PricesFile = None,
    workers: Workers = None,
    tokens_per_second: Completions = None,
    sentences_per_second: Sentences = None,
    as_json: Json = False,
) -> None:
    """Print a stage's plan, as `inspect` does; with --cost what it takes to build it, beside what it took."""
    if not cost:
        given = {"--prices": prices, "--workers": workers, "--tokens-per-second": tokens_per_second}
        given |= {"--sentences-per-second": sentences_per_second}
        for name, value in given.items():
            if value is not None:
                raise BabelmixError(f"{name} goes with --cost; add it")
        inspect(stage, model=model, tokens=tokens, workspace=workspace, as_json=as_json)
        return
    from pipelines.cost.estimate import estimate
    from pipelines.cost.models import Throughput, measured_throughput
    from pipelines.cost.prices import load_prices
    from pipelines.cost.tables import as_dict, render
    from pipelines.cost.volumes import volumes
    from pipelines.executor_settings import ExecutorSettings
    from pipelines.workspace import Workspace

    # What a person got wrong is said before anything is measured.
    priced = load_prices(prices) if prices else None
    executor = ExecutorSettings.load()
    wanted = parsed_tokens(tokens)
    place = Workspace(workspace)
    steps = built(stage, model, profile, tokens, seed, place)
    own = Throughput()
    throughput = Throughput(
        own.completion_tokens if tokens_per_second is None else tokens_per_second,
        own.sentences if sentences_per_second is None else sentences_per_second,
    )
    if sentences_per_second is None:
        throughput = measured_throughput(steps.profile, throughput)
    rates = _measured(steps, Console(stderr=True))
    held = volumes(steps, place, rates.tokens)
    found = estimate(steps, place, rates, held, wanted, throughput, workers, executor)
    remote = place.local is None
    if as_json:
        typer.echo(json.dumps(as_dict(found, priced, remote), ensure_ascii=False))
    else:
        render(found, priced, remote, Console())


def _measured(steps: "Build", console: Console) -> "Rates":
    """Measures on this machine the scripts of the build's languages, those that have most documents first."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from mixtures.upstream import fineweb2_sizes
    from pipelines.cost.rates import measure_rates

    codes = {step.settings["language"] for step in steps.steps if "language" in step.settings}
    sizes = fineweb2_sizes()
    most_first = sorted(codes, key=lambda code: (-sizes[code].utf8_bytes if code in sizes else 0, code))
    columns = (SpinnerColumn(), TextColumn("measuring {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("")
        return measure_rates(most_first, lambda what: progress.update(bar, description=what))
