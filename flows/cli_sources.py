"""`babelmix sources`: the upstream datasets, and what the catalog says of them."""

import json
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(help="The upstream datasets: one file each.", no_args_is_help=True)


def register(main: typer.Typer) -> None:
    """Adds this file's commands to `main`."""
    main.add_typer(app, name="sources")


@app.command(name="list")
def list_sources(as_json: Json = False) -> None:
    """List the datasets of the catalog."""
    from sources.source import sources

    found = sources()
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in found.values()], ensure_ascii=False))
        return
    table = Table(title=f"{len(found)} sources", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.caption = "babelmix sources show NAME: licence, gate, traps, files"
    table.caption_justify = "left"
    for column in ("name", "categories", "access"):
        table.add_column(column, no_wrap=True)
    for name, each in found.items():
        categories = "\n".join(dict.fromkeys(subset.category for subset in each.subsets))
        table.add_row(name, categories, "gated" if each.gated else "open")
    Console().print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name that `babelmix sources list` gives.")], as_json: Json = False
) -> None:
    """Print what the catalog says of one dataset."""
    import yaml

    from sources.source import source

    found = source(name).model_dump(mode="json", exclude_none=True)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(yaml.safe_dump(found, allow_unicode=True, sort_keys=False, width=110), nl=False)


@app.command()
def check(
    profile: Annotated[
        str, typer.Option(help="Whose files are looked at: sample, or a folder or URL that mirrors upstream.")
    ] = "sample",
) -> None:
    """Check every file of the catalog, and the first document of every file of a profile."""
    from sources.check_sources import check_sources
    from sources.profile import HUB
    from sources.source import sources

    problems = check_sources(profile)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    files = "the Hub's files are not looked at" if profile == HUB else f"so are the files of {profile}"
    typer.echo(f"{len(sources())} sources: the catalog is right; {files}.")
