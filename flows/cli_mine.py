"""`babelmix mine`: the best translation pairs of a stage's languages, or of files of one's own."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli_mix import ExecutorOption, Json, Model, Profile, Stage, WorkspaceOption
from flows.cli_steps import Code, Output, here_only
from sources.errors import BabelmixError
from sources.shown_text import shown_in_terminal

if TYPE_CHECKING:
    from filters.bitext.mining import Mining

Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="Files of pairs instead, in NLLB's or CCMatrix's columns: paths, globs, URLs; may be given again.",
    ),
]
Top = Annotated[int | None, typer.Option(help="Pairs of --input that are kept; 10000 by default.", min=1)]
RankBy = Annotated[
    str | None,
    typer.Option(
        help="What ranks --input: a sentence-transformers model by its name on the Hub or by its folder; without"
        " it, a heuristic."
    ),
]


def register(app: typer.Typer) -> None:
    """Adds this file's command to `app`."""
    app.command()(mine)


def mine(
    stage: Stage = "stage4",
    model: Model = "marco-mini",
    profile: Profile = "sample",
    workspace: WorkspaceOption = "workspace",
    executor: ExecutorOption = "local",
    input: Input = None,  # noqa: A002 - the option's name
    language: Code = None,
    output: Output = None,
    top: Top = None,
    rank_by: RankBy = None,
    as_json: Json = False,
) -> None:
    """Find the best translation pairs: of a stage's languages, or --input FILES --language CODE --output DIR."""
    console = Console(stderr=as_json)
    if input:
        here_only(executor)
        if not language or not output:
            raise BabelmixError("--input needs --language and --output too; `--help` says what they are")
        totals: Mapping[str, Mapping[str, Any]] = {language: _own(input, language, output, top, rank_by, console)}
        made = [f"Pairs      {output.rstrip('/')}/bitext", f"Documents  {output.rstrip('/')}/documents"]
    else:
        for name, value in (("language", language), ("output", output), ("top", top), ("rank-by", rank_by)):
            if value:
                raise BabelmixError(f"--{name} goes with --input; name the files, or leave it out")
        totals, made = _stage(stage, model, profile, workspace, executor, console)
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    console.print(mining_table(totals))
    for code, found in totals.items():
        for what, examples in found.get("examples", {}).items():
            line = shown_in_terminal(f"{code}: {what}, for instance {examples[0]}")
            console.print(line, soft_wrap=True, highlight=False, markup=False)
    for line in made:
        console.print(line, soft_wrap=True, highlight=False)


def mining_table(totals: Mapping[str, Mapping[str, Any]]) -> Table:
    """What became of each language's pairs, as a table: a column for each reason that struck any."""
    reasons = list(dict.fromkeys(row["reason"] for found in totals.values() for row in found["dropped"]))
    table = Table(title="Translation pairs", title_justify="left", title_style="bold", box=None)
    if len(totals) == 1:
        # One language reads better from top to bottom.
        ((code, found),) = totals.items()
        table.add_column("")
        table.add_column(code, justify="right")
        table.add_row("in", f"{found['documents']:,}", style="bold")
        for row in found["dropped"]:
            table.add_row(row["reason"], f"{row['documents']:,}", style="dim")
        table.add_row("kept", f"{found['kept']:,}", style="bold")
        table.add_row("ranked by", Text(shown_in_terminal(found["ranker"])))
        return table
    for heading in ("language", "in", *reasons, "kept", "ranked by"):
        table.add_column(heading, justify="left" if heading in ("language", "ranked by") else "right")
    for code, found in totals.items():
        counts = {row["reason"]: row["documents"] for row in found["dropped"]}
        cells = [f"{counts[reason]:,}" if counts.get(reason) else "·" for reason in reasons]
        ranker = Text(shown_in_terminal(found["ranker"]))
        table.add_row(code, f"{found['documents']:,}", *cells, f"{found['kept']:,}", ranker)
    return table


def _own(
    files: list[str], code: str, output: str, top: int | None, rank_by: str | None, console: Console
) -> dict[str, Any]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pipelines.mine_files import mine_files
    from sources.language import language as registered

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("reading")

        def report(what: str, count: int) -> None:
            progress.update(bar, description=f"{what}: {count:,} pairs")

        return mine_files(files, registered(code), output, _mining(output, top, rank_by), report)


def _mining(output: str, top: int | None, rank_by: str | None) -> "Mining":
    from filters.bitext.mining import Mining

    # A folder of one's own is a mirror.
    found = Mining.for_profile(output)
    changed = {name: value for name, value in (("top", top), ("model", rank_by)) if value is not None}
    return found.model_copy(update={"ranking": found.ranking.model_copy(update=changed)}).pinned()


def _stage(
    stage: str, model: str, profile: str, workspace: str, executor: str, console: Console
) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    from dataclasses import replace

    from flows.terminal import run_in_terminal
    from mixtures.recipe import load_recipe
    from pipelines.build import build
    from pipelines.removals import removal_settings
    from pipelines.workspace import Workspace

    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    steps = plan.needed_for("render")
    if not steps:
        raise BabelmixError(f"profile {profile}: no pairs of any language of {stage}; name another profile")
    totals, made = run_in_terminal(replace(plan, steps=steps), place, console, executor)
    found = {step.settings["language"]: totals[step.name] for step in steps if step.kind == "render"}
    lines = [f"Pairs  {place.at('bitext')}", f"Chat   {place.at('chat')}"]
    if without := [code for code in plan.recipe.language_codes() if code not in found]:
        lines.insert(0, f"Without pairs in profile {profile}: {', '.join(without)}.")
    if not made:
        lines.insert(0, f"Nothing was recomputed: all {len(steps)} steps were complete.")
    return found, lines
