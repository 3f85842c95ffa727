"""`babelmix mix`, `inspect` and `status`: a stage's mixture, what it would hold, and what stands of it."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mixtures.token_count import parse_tokens
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from pipelines.build import Build

Stage = Annotated[str, typer.Argument(help="stage1 to stage4, or the path of a recipe file.")]
Model = Annotated[str, typer.Option(help="marco-mini, marco-nano or marco-mini-global.")]
Profile = Annotated[
    str, typer.Option(help="sample (bundled), hub, or a folder or URL that mirrors the upstream layouts.")
]
Tokens = Annotated[str | None, typer.Option(help="The mixture's size: 500G, 20M, 1048576.")]
WorkspaceOption = Annotated[str, typer.Option(help="Where everything that is made is kept: a folder or URL.")]
Seed = Annotated[int, typer.Option(help="Another seed gives another order of the same documents.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Adds this file's commands to `app`."""
    app.command()(mix)
    app.command()(inspect)
    app.command()(status)


def _tokens(text: str | None) -> int | None:
    try:
        return None if text is None else parse_tokens(text)
    except ValueError as error:
        raise BabelmixError(f"--tokens: {error}") from error


def _build(stage: str, model: str, profile: str, tokens: str | None, seed: int) -> "Build":
    from mixtures.recipe import load_recipe
    from pipelines.build import build

    return build(load_recipe(model, stage), profile, _tokens(tokens), seed)


def mix(
    stage: Stage,
    model: Model = "marco-mini",
    profile: Profile = "sample",
    tokens: Tokens = None,
    workspace: WorkspaceOption = "workspace",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Build a stage's mixture: collect, curate, tokenise, plan and order what its recipe asks for."""
    from flows.configured import configured_server
    from mixtures.inspect import render
    from mixtures.plan import Plan
    from pipelines.curation_report import FOLDER, PAGE
    from pipelines.funnel import funnel, funnel_table
    from pipelines.workspace import Workspace

    console = Console(stderr=as_json)
    steps = _build(stage, model, profile, tokens, seed)
    place = Workspace(workspace)
    if configured_server():
        from flows.under_prefect import run_under_prefect

        totals, made = run_under_prefect(steps, place, stage, _tokens(tokens), seed)
    else:
        from flows.terminal import run_in_terminal

        totals, made = run_in_terminal(steps, place, console)
    result = totals[steps.mix.name]
    if as_json:
        typer.echo(json.dumps({"mixture": place.at(steps.mix.name), **result}, ensure_ascii=False))
        return
    console.print(funnel_table(funnel(totals)))
    render(Plan.from_dict(result["plan"]), console)
    for line in synthesis_lines(steps, totals):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    if not made:
        console.print(f"Nothing was recomputed: all {len(steps.steps)} steps were complete.")
    console.print(f"Curation {place.at(FOLDER)}/{PAGE}", soft_wrap=True, highlight=False)
    console.print(f"Mixture  {place.at(steps.mix.name)}", soft_wrap=True, highlight=False)
    console.print(f"Report   {place.at(steps.mix.name)}/report.html", soft_wrap=True, highlight=False)


def synthesis_lines(steps: "Build", totals: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a model wrote of a mixture, in a line for each model; whether it was asked or replayed."""
    counts: Counter[tuple[str, bool]] = Counter()
    languages: Counter[tuple[str, bool]] = Counter()
    for step in steps.steps:
        if step.kind == "questions":
            found = totals[step.name]
            by = found["model"], found["replayed"]
            counts[by] += found["kept"]
            languages[by] += 1
    return [
        f"{count:,} regional questions in {languages[by]} languages,"
        + (f" replayed from recorded completions ({by[0]}): no model was asked" if by[1] else f" by {by[0]}")
        for by, count in counts.items()
    ]


def inspect(
    stage: Stage,
    model: Model = "marco-mini",
    inventory: Annotated[
        str | None,
        typer.Option(help="ledger: what is in the workspace; upstream: the sizes that upstream publishes."),
    ] = None,
    tokens: Tokens = None,
    workspace: WorkspaceOption = "workspace",
    as_json: Json = False,
) -> None:
    """Print how many tokens of what a stage holds, and how often each is repeated, before paying for it."""
    from pathlib import Path

    from mixtures.inspect import render
    from mixtures.ledger import read_ledger
    from mixtures.plan import plan
    from mixtures.recipe import load_recipe
    from mixtures.upstream import upstream_ledger

    ledger = f"{workspace.rstrip('/')}/ledger.parquet"
    if inventory is None:
        inventory = "ledger" if "://" in workspace or Path(ledger).exists() else "upstream"
    recipe = load_recipe(model, stage)
    if inventory == "ledger":
        planned = plan(recipe, read_ledger(ledger), _tokens(tokens), "ledger")
    elif inventory == "upstream":
        planned = plan(recipe, upstream_ledger(), _tokens(tokens), "upstream")
    else:
        raise BabelmixError(f"--inventory {inventory}: unknown; write ledger or upstream")
    if as_json:
        typer.echo(json.dumps(planned.as_dict(), ensure_ascii=False))
    else:
        render(planned, Console())


def status(
    stage: Stage = "stage4",
    model: Model = "marco-mini",
    profile: Profile = "sample",
    tokens: Tokens = None,
    workspace: WorkspaceOption = "workspace",
    seed: Seed = 0,
    why: Annotated[bool, typer.Option("--why", help="Say of each step that would run, why.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is complete in the workspace and what `babelmix mix` would run."""
    from pipelines.run import statuses
    from pipelines.workspace import Workspace

    found = statuses(_build(stage, model, profile, tokens, seed).steps, Workspace(workspace))
    pending = [each for each in found if not each.complete]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"step": each.step.name, "complete": each.complete, "reasons": list(each.reasons)} for each in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    typer.echo(f"{len(found) - len(pending)} of {len(found)} steps are complete.")
    for each in pending:
        typer.echo(f"would run {each.step.name}" + (f": {'; '.join(each.reasons)}" if why else ""))
