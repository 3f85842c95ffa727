"""`babelmix mix`, `inspect` and `status`: a stage's mixture, what it would hold, and what stands of it."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mixtures.token_count import parse_tokens
from sources.errors import BabelmixError
from sources.shown_text import shown_in_terminal

if TYPE_CHECKING:
    from mixtures.plan import Plan
    from pipelines.build import Build
    from pipelines.workspace import Workspace

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


def _build(stage: str, model: str, profile: str, tokens: str | None, seed: int, workspace: "Workspace") -> "Build":
    from mixtures.recipe import load_recipe
    from pipelines.build import build
    from pipelines.removals import removal_settings

    return build(load_recipe(model, stage), profile, _tokens(tokens), seed, removal_settings(workspace))


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
    from pipelines.removal_changes import removal_changes, removal_table, standing_totals
    from pipelines.workspace import Workspace

    console = Console(stderr=as_json)
    place = Workspace(workspace)
    steps = _build(stage, model, profile, tokens, seed, place)
    before = standing_totals(steps.steps, place)
    if configured_server():
        from flows.under_prefect import run_under_prefect

        totals, made = run_under_prefect(steps, place, stage, _tokens(tokens), seed)
    else:
        from flows.terminal import run_in_terminal

        totals, made = run_in_terminal(steps, place, console)
    result = totals[steps.mix.name]
    changed = removal_changes(steps.steps, before, totals)
    if as_json:
        removed = {"removed": [each.as_dict() for each in changed]} if changed else {}
        typer.echo(json.dumps({"mixture": place.at(steps.mix.name), **result, **removed}, ensure_ascii=False))
        return
    console.print(funnel_table(funnel(totals)))
    render(Plan.from_dict(result["plan"]), console)
    for line in synthesis_lines(steps, totals):
        console.print(shown_in_terminal(line), soft_wrap=True, highlight=False, markup=False)
    if changed:
        console.print(removal_table(changed))
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
    compare: Annotated[
        str | None,
        typer.Option(help="Hold it against another stage, recipe file, mixture's folder or plan (.json)."),
    ] = None,
    fail_above: Annotated[
        float | None,
        typer.Option(help="With --compare: exit code 1 if a share moved by more percentage points.", min=0),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print how many tokens of what a stage holds, and how often each is repeated, before paying for it."""
    from mixtures.inspect import render

    found = planned(stage, model, inventory, tokens, workspace)
    if compare is not None:
        _compare(planned(compare, model, inventory, tokens, workspace), found, fail_above, as_json)
    elif fail_above is not None:
        raise BabelmixError("--fail-above goes with --compare; name what the stage is held against")
    elif as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        render(found, Console())


def planned(stage: str, model: str, inventory: str | None, tokens: str | None, workspace: str) -> "Plan":
    """The plan of a stage or recipe file, or the one in a mixture's folder or in a file of `inspect --json`."""
    from pathlib import Path

    from mixtures.compare import read_plan
    from mixtures.ledger import read_ledger
    from mixtures.plan import plan
    from mixtures.recipe import load_recipe
    from mixtures.upstream import upstream_ledger

    if (found := read_plan(stage)) is not None:
        return found
    ledger = f"{workspace.rstrip('/')}/ledger.parquet"
    if inventory is None:
        inventory = "ledger" if "://" in workspace or Path(ledger).exists() else "upstream"
    recipe = load_recipe(model, stage)
    if inventory == "ledger":
        return plan(recipe, read_ledger(ledger), _tokens(tokens), "ledger")
    if inventory == "upstream":
        return plan(recipe, upstream_ledger(), _tokens(tokens), "upstream")
    raise BabelmixError(f"--inventory {inventory}: unknown; write ledger or upstream")


def _compare(before: "Plan", after: "Plan", fail_above: float | None, as_json: bool) -> None:
    from mixtures.compare import compare, render_comparison

    found = compare(before, after)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        render_comparison(found, Console())
    moved = [] if fail_above is None else found.above(fail_above)
    if moved:
        said = ", ".join(f"{row.name} {row.moved:+.2f}" for row in moved)
        line = f"babelmix: shares that moved by more than {fail_above:g} percentage points: {said}"
        typer.echo(shown_in_terminal(line), err=True)
        raise typer.Exit(1)


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

    place = Workspace(workspace)
    found = statuses(_build(stage, model, profile, tokens, seed, place).steps, place)
    pending = [each for each in found if not each.complete]
    if as_json:
        rows: list[dict[str, Any]] = [
            {"step": each.step.name, "complete": each.complete, "reasons": list(each.reasons)} for each in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    typer.echo(f"{len(found) - len(pending)} of {len(found)} steps are complete.")
    for each in pending:
        line = f"would run {each.step.name}" + (f": {'; '.join(each.reasons)}" if why else "")
        typer.echo(shown_in_terminal(line))
