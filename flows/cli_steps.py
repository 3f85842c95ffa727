"""`babelmix collect`, `curate` and `tokenise`: one step alone, on the workspace or on files of one's own."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from flows.cli_mix import ExecutorOption, Json, Model, Profile, Stage, WorkspaceOption
from sources.errors import BabelmixError
from sources.shown_text import shown_in_terminal

if TYPE_CHECKING:
    from pipelines.curate import Funnel
    from sources.source import Category

Input = Annotated[
    list[str] | None,
    typer.Option("--input", help="Files of your own instead: paths, globs or URLs; may be given again."),
]
Output = Annotated[str | None, typer.Option(help="Where the result of --input goes.")]
Code = Annotated[str | None, typer.Option("--language", help="The language of --input: ell_Grek.")]
CategoryOption = Annotated[
    str, typer.Option("--category", help="What --input holds; decides which filters it meets.")
]
Workers = Annotated[int, typer.Option(help="How many files of --input are worked on at once.", min=1)]


def register(app: typer.Typer) -> None:
    """Adds this file's commands to `app`."""
    app.command()(collect)
    app.command()(curate)
    app.command()(tokenise)


def collect(
    stage: Stage = "stage4",
    model: Model = "marco-mini",
    profile: Profile = "sample",
    workspace: WorkspaceOption = "workspace",
    executor: ExecutorOption = "local",
    input: Input = None,  # noqa: A002 - the option's name
    language: Code = None,
    output: Output = None,
    category: CategoryOption = "multilingual",
    as_json: Json = False,
) -> None:
    """Read sources into the one schema: what a stage needs, or --input FILES --language CODE --output DIR."""
    if input:
        here_only(executor)
        from pipelines.collect import collect_files
        from sources.language import language as registered

        code, place = _required(language=language, output=output)
        totals = collect_files(input, registered(code), place, _category(category))
        _print_totals({place: totals}, as_json)
    else:
        _of_input_only(language=language, output=output)
        _print_totals(_as_far_as("collect", stage, model, profile, workspace, executor, as_json), as_json)


def curate(
    stage: Stage = "stage4",
    model: Model = "marco-mini",
    profile: Profile = "sample",
    workspace: WorkspaceOption = "workspace",
    executor: ExecutorOption = "local",
    input: Input = None,  # noqa: A002
    language: Code = None,
    output: Output = None,
    category: CategoryOption = "multilingual",
    identifier: Annotated[
        str, typer.Option(help="Language identifier for --input: fasttext176 (bundled) or glotlid.")
    ] = "fasttext176",
    workers: Workers = 1,
    as_json: Json = False,
) -> None:
    """Keep or drop documents and say why: a stage's, or --input FILES --language CODE --output DIR."""
    if not input:
        from pipelines.curation_page import FOLDER, PAGE
        from pipelines.funnel import funnel, funnel_table

        _of_input_only(language=language, output=output)
        totals = _as_far_as("curate", stage, model, profile, workspace, executor, as_json, also="report")
        if as_json:
            _print_totals(totals, as_json)
        else:
            Console().print(funnel_table(funnel(totals)))
            Console().print(f"Report  {workspace.rstrip('/')}/{FOLDER}/{PAGE}", soft_wrap=True, highlight=False)
        return
    from filters.settings import CurationSettings
    from pipelines.curate_files import curate_files
    from sources.language import language as registered

    here_only(executor)
    if identifier not in ("fasttext176", "glotlid"):
        raise BabelmixError(f"--identifier {identifier}: unknown; write fasttext176 or glotlid")
    code, place = _required(language=language, output=output)
    # A folder of one's own is a mirror: no expectation of how much may be removed, but never everything.
    settings = CurationSettings.for_profile(place).model_copy(update={"identifier": identifier})
    found = curate_files(input, registered(code), place, settings, _category(category), workers)
    if as_json:
        typer.echo(json.dumps({"output": place, "language": code, **found.as_dict()}, ensure_ascii=False))
        return
    console = Console()
    console.print(_funnel_table(code, found))
    for note in found.notes:
        console.print(shown_in_terminal(f"Note: {note}."), soft_wrap=True, highlight=False, markup=False)
    console.print(f"Report  {place.rstrip('/')}/report.html", soft_wrap=True, highlight=False)


def tokenise(
    stage: Stage = "stage4",
    model: Model = "marco-mini",
    profile: Profile = "sample",
    workspace: WorkspaceOption = "workspace",
    executor: ExecutorOption = "local",
    input: Annotated[  # noqa: A002
        str | None, typer.Option("--input", help="A folder of curated documents instead.")
    ] = None,
    output: Output = None,
    category: CategoryOption = "multilingual",
    tokenizer: Annotated[str, typer.Option(help="The tokenizer for --input.")] = "Qwen/Qwen3-0.6B-Base",
    as_json: Json = False,
) -> None:
    """Turn curated documents into tokens: what a stage needs, or --input FOLDER --output DIR."""
    if input:
        here_only(executor)
        from pipelines.tokenise import tokenise as tokenise_folder

        (place,) = _required(output=output)
        _print_totals({place: tokenise_folder(input, _category(category), tokenizer, place)}, as_json)
    else:
        _of_input_only(output=output)
        _print_totals(_as_far_as("tokenise", stage, model, profile, workspace, executor, as_json), as_json)


def _as_far_as(
    kind: str,
    stage: str,
    model: str,
    profile: str,
    workspace: str,
    executor: str,
    as_json: bool,
    also: str | None = None,
) -> dict[str, Mapping[str, Any]]:
    """Runs a stage's build up to the steps of `kind`, or of `also` after it; the totals of `kind`, by name."""
    from dataclasses import replace

    from flows.terminal import run_in_terminal
    from mixtures.recipe import load_recipe
    from pipelines.build import build
    from pipelines.removals import removal_settings
    from pipelines.workspace import Workspace

    place = Workspace(workspace)
    plan = build(load_recipe(model, stage), profile, None, 0, removal_settings(place))
    part = replace(plan, steps=plan.as_far_as(also or kind))
    totals, made = run_in_terminal(part, place, Console(stderr=True), executor)
    if not made and not as_json:
        typer.echo(f"Nothing was recomputed: all {len(part.steps)} steps were complete.", err=True)
    return {step.name: totals[step.name] for step in part.steps if step.kind == kind}


def here_only(executor: str) -> None:
    """Raises BabelmixError where files of one's own are to be worked on elsewhere."""
    if executor != "local":
        raise BabelmixError(f"--executor {executor} goes with a stage; files of --input are worked on here")


def _required(**options: str | None) -> tuple[str, ...]:
    for name, value in options.items():
        if not value:
            raise BabelmixError(f"--input needs --{name} too; `--help` says what it is")
    return tuple(value for value in options.values() if value)


def _of_input_only(**options: str | None) -> None:
    for name, value in options.items():
        if value:
            raise BabelmixError(f"--{name} goes with --input; name the files, or leave it out")


def _category(name: str) -> "Category":
    from typing import get_args

    from sources.loading import nearest
    from sources.source import Category

    found: Category | None = next((each for each in get_args(Category) if each == name), None)
    if found is None:
        raise BabelmixError(
            f"--category {name}: unknown{nearest(name, get_args(Category))}; "
            f"write one of {', '.join(get_args(Category))}"
        )
    return found


def _print_totals(totals: Mapping[str, Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    numbers = ("documents", "tokens", "bytes")
    table = Table()
    table.add_column("folder")
    shown = [name for name in numbers if any(name in found for found in totals.values())]
    for name in shown:
        table.add_column(name, justify="right")
    for place, found in totals.items():
        table.add_row(place, *(f"{found[name]:,}" if name in found else "" for name in shown))
    Console().print(table)


def _funnel_table(code: str, funnel: "Funnel") -> Table:
    table = Table(title=f"Documents of {code}", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("reason")
    table.add_column("documents", justify="right")
    table.add_row("in", "", f"{funnel.documents:,}")
    for row in funnel.dropped:
        table.add_row(f"dropped by {row['filter']}", row["reason"], f"{row['documents']:,}")
    table.add_row("kept", "", f"{funnel.kept:,}", style="bold")
    for kind, count in funnel.redacted.items():
        table.add_row("redacted in kept", kind, f"{count:,}")
    return table
