"""`babelmix mix`, `inspect` and `status`: a stage's mixture, what it would hold, and what stands of it."""

import json
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
ExecutorOption = Annotated[
    str, typer.Option(help="Where steps run: local, ray (address in RAY_ADDRESS) or slurm; see docs/cluster.md.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def register(app: typer.Typer) -> None:
    """Adds this file's commands to `app`."""
    app.command()(mix)
    app.command()(inspect)
    app.command()(status)


def parsed_tokens(text: str | None) -> int | None:
    """The option --tokens as a number; None where it was not given."""
    try:
        return None if text is None else parse_tokens(text)
    except ValueError as error:
        raise BabelmixError(f"--tokens: {error}") from error


def built(stage: str, model: str, profile: str, tokens: str | None, seed: int, workspace: "Workspace") -> "Build":
    """The steps of the stage that these options name, with the workspace's removal list."""
    from mixtures.recipe import load_recipe
    from pipelines.build import build
    from pipelines.removals import removal_settings

    return build(load_recipe(model, stage), profile, parsed_tokens(tokens), seed, removal_settings(workspace))


def mix(
    stage: Stage,
    model: Model = "marco-mini",
    profile: Profile = "sample",
    tokens: Tokens = None,
    workspace: WorkspaceOption = "workspace",
    seed: Seed = 0,
    executor: ExecutorOption = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --executor slurm: write the jobs' scripts, submit none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build a stage's mixture: collect, curate, tokenise, plan and order what its recipe asks for."""
    from flows.configured import configured_server
    from flows.synthesis_text import synthesis_lines
    from mixtures.inspect import render
    from mixtures.plan import Plan
    from pipelines.curation_page import FOLDER, PAGE
    from pipelines.funnel import funnel, funnel_table
    from pipelines.removal_changes import removal_changes, removal_table, standing_totals
    from pipelines.workspace import Workspace

    console = Console(stderr=as_json)
    place = Workspace(workspace)
    steps = built(stage, model, profile, tokens, seed, place)
    if dry_run:
        _dry_run(steps, place, executor)
        return
    before = standing_totals(steps.steps, place)
    if configured_server():
        from flows.under_prefect import run_under_prefect

        totals, made = run_under_prefect(steps, place, stage, parsed_tokens(tokens), seed, executor)
    else:
        from flows.terminal import run_in_terminal

        totals, made = run_in_terminal(steps, place, console, executor)
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


def _dry_run(steps: "Build", workspace: "Workspace", executor: str) -> None:
    """Writes the script of every job that would be submitted, and prints where; the first one in full."""
    from pipelines.slurm_pool import write_scripts

    if executor != "slurm":
        raise BabelmixError(
            "--dry-run goes with --executor slurm; `babelmix status` says what would run elsewhere"
        )
    scripts = write_scripts(steps.steps, workspace)
    for step, script in scripts:
        typer.echo(f"{script}  {step.name}")
    if not scripts:
        typer.echo(f"Nothing would be submitted: all {len(steps.steps)} steps are complete.")
        return
    typer.echo(f"\n{len(scripts)} jobs would be submitted, each when its inputs stand. The first:\n")
    typer.echo(scripts[0][1].read_text(encoding="utf-8"))


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
    html: Annotated[str | None, typer.Option(help="Write it as a page to this file instead.")] = None,
) -> None:
    """Print how many tokens of what a stage holds, and how often each is repeated, before paying for it."""
    from mixtures.inspect import render

    if html is not None and (as_json or compare is not None):
        raise BabelmixError("--html goes with neither --json nor --compare; ask for one of them")
    found = planned(stage, model, inventory, tokens, workspace)
    if html is not None:
        _write_page(found, html)
    elif compare is not None:
        _compare(planned(compare, model, inventory, tokens, workspace), found, fail_above, as_json)
    elif fail_above is not None:
        raise BabelmixError("--fail-above goes with --compare; name what the stage is held against")
    elif as_json:
        typer.echo(json.dumps(found.as_dict(), ensure_ascii=False))
    else:
        render(found, Console())


def _write_page(found: "Plan", path: str) -> None:
    from mixtures.report import write_report

    try:
        write_report(found, (), (), path)
    except OSError as error:
        raise BabelmixError(f"--html {path}: cannot be written ({error.strerror}); name another file") from error
    typer.echo(f"Plan  {path}")


def planned(stage: str, model: str, inventory: str | None, tokens: str | None, workspace: str) -> "Plan":
    """The plan of a stage or recipe file, or the one in a mixture's folder or in a file of `inspect --json`."""
    from pathlib import Path

    from mixtures.compare import read_plan
    from mixtures.ledger import read_ledger
    from mixtures.planning import plan
    from mixtures.recipe import load_recipe
    from mixtures.upstream import upstream_ledger

    if (found := read_plan(stage)) is not None:
        return found
    ledger = f"{workspace.rstrip('/')}/ledger.parquet"
    if inventory is None:
        inventory = "ledger" if "://" in workspace or Path(ledger).exists() else "upstream"
    recipe = load_recipe(model, stage)
    if inventory == "ledger":
        return plan(recipe, read_ledger(ledger), parsed_tokens(tokens), "ledger")
    if inventory == "upstream":
        return plan(recipe, upstream_ledger(), parsed_tokens(tokens), "upstream")
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
    found = statuses(built(stage, model, profile, tokens, seed, place).steps, place)
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
