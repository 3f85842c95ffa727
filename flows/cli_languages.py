"""`babelmix languages`: the registered languages, and adding one."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Code = Annotated[str, typer.Argument(help="ISO 639-3 and ISO 15924: ell_Grek.")]

app = typer.Typer(help="The registered languages: one file each.", no_args_is_help=True)


def register(main: typer.Typer) -> None:
    """Adds this file's commands to `main`."""
    main.add_typer(app, name="languages")


@app.command(name="list")
def list_languages(as_json: Json = False) -> None:
    """List the registered languages."""
    from sources.language import languages

    found = languages()
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in found.values()], ensure_ascii=False))
        return
    table = Table(title=f"{len(found)} languages", title_justify="left", title_style="bold")
    for column in ("code", "name", "native name", "family", "since", "lid.176", "GlotLID", "words"):
        table.add_column(column)
    for code, each in found.items():
        since = f"{each.introduced.model} stage {each.introduced.stage}" if each.introduced else "·"
        known = (each.identifiers.fasttext176, each.identifiers.glotlid)
        labels = [f"{item.label} ≥ {item.threshold}" if item else "·" for item in known]
        table.add_row(code, each.name, each.native_name, each.family, since, *labels, each.segmentation.rule)
    Console().print(table)


@app.command()
def show(code: Code, as_json: Json = False) -> None:
    """Print what is declared of one language."""
    import yaml

    from sources.language import language

    found = language(code).model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(yaml.safe_dump(found, allow_unicode=True, sort_keys=False, default_flow_style=None), nl=False)


@app.command()
def check() -> None:
    """Check every language's file, alone and together with the others."""
    from sources.check_languages import check_languages
    from sources.language import languages

    problems = check_languages()
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{len(languages())} languages: all files are right.")


@app.command()
def add(
    code: Code,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where to write the file instead; name the folder in BABELMIX_LANGUAGES too."),
    ] = None,
) -> None:
    """Write a new language's file from what is known, and say what to fill in."""
    from sources.new_language import add_language

    path, notes = add_language(code, folder)
    here = Path.cwd()
    typer.echo(f"Wrote {path.relative_to(here) if path.is_relative_to(here) else path}. Look at:")
    for note in notes:
        typer.echo(f"  {note}")
