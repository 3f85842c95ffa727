"""`babelmix languages`: the registered languages, adding one, and fitting filters to it."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from filters.calibration import Calibration

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


@app.command()
def calibrate(
    code: Code,
    reference: Annotated[
        list[str],
        typer.Option(
            help="Good text of the language: Parquet, JSON lines or .txt with empty lines between documents."
        ),
    ],
    english: Annotated[
        list[str] | None,
        typer.Option(help="English text of the same kind; by default the sample pack's."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the new values into the language's file.")] = False,
    as_json: Json = False,
) -> None:
    """Compute a language's thresholds and stop words from good text of it, beside English text."""
    from filters import calibration
    from filters.calibrated_file import language_file, write_thresholds
    from filters.reference_text import english_sample, reference_texts
    from sources.language import language
    from sources.profile import ENGLISH

    found, beside = language(code), language(ENGLISH)
    path = language_file(code)
    own = calibration.reference(reference_texts(reference, found), found)
    given = reference_texts(english, beside) if english else english_sample()
    result = calibration.calibrate(own, calibration.reference(given, beside))
    documents, words = len(own.texts), sum(own.words.values())
    if as_json:
        shown = {
            "language": code,
            "documents": documents,
            "words": words,
            "thresholds": result.thresholds.model_dump(mode="json"),
            "carried": [
                {**asdict(each), "old": None if math.isnan(each.old) else each.old} for each in result.carried
            ],
            "kept_old": result.kept_old,
            "kept_new": result.kept_new,
        }
        typer.echo(json.dumps(shown, ensure_ascii=False))
    else:
        typer.echo(f"{code}: {documents:,} documents of {words:,} words beside {len(given):,} English documents")
        _print_calibration(result, found.thresholds.stopwords)
        if not english:
            typer.echo("The sample pack's English is short and clean; --english with text like yours fits better.")
    if write:
        write_thresholds(
            path,
            result.thresholds,
            f"Computed by `babelmix languages calibrate` from {documents:,} documents of {words:,} words, beside"
            f" {len(given):,} in English.",
        )
        typer.echo(f"Wrote {path}.", err=as_json)
    elif not as_json:
        typer.echo("Nothing was written; --write does.")


@app.command()
def train_quality(
    code: Code,
    good: Annotated[list[str], typer.Option(help="Good documents: Parquet, JSON lines or .txt.")],
    web: Annotated[list[str], typer.Option(help="Documents of the web, in the same forms.")],
    output: Annotated[Path, typer.Option(help="Where the fastText model is written; its figures beside it.")],
    as_json: Json = False,
) -> None:
    """Train a language's quality model, and say how it does on documents held out."""
    from filters.reference_text import reference_texts
    from filters.train_quality_model import train_quality_model
    from sources.language import language

    found = language(code)
    result = train_quality_model(reference_texts(good, found), reference_texts(web, found), found, output)
    if as_json:
        typer.echo(json.dumps(asdict(result)))
        return
    typer.echo(
        f"{code}: trained on {result.good:,} good documents and {result.web:,} of the web;"
        f" held out {result.held_out_good:,} and {result.held_out_web:,}"
    )
    typer.echo(
        f"AUC {result.auc:.3f}; of the {result.held_out_good:,} best scored {result.precision:.1%} are good ones"
    )
    for each in result.kept:
        typer.echo(
            f"  to keep {each.share:.0%} of the web: threshold {each.threshold:.4f}; it keeps {each.good_kept:.1%}"
            " of the good"
        )
    typer.echo(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB), SHA-256 {result.digest}.")


def _print_calibration(result: "Calibration", old_words: tuple[str, ...]) -> None:
    table = Table(box=None, title_justify="left")
    for column in ("threshold", "old", "new", "by", "old keeps", "new keeps"):
        table.add_column(column, justify="left" if column in ("threshold", "by") else "right")
    for each in result.carried:
        old = "·" if math.isnan(each.old) else f"{each.old:g}"
        table.add_row(
            each.name, old, f"{each.new:g}", each.method, f"{each.old_keeps:.1%}", f"{each.new_keeps:.1%}"
        )
    table.add_section()
    table.add_row("all rules", "", "", "", f"{result.kept_old:.1%}", f"{result.kept_new:.1%}", style="bold")
    Console().print(table)
    new_words = result.thresholds.stopwords
    typer.echo(f"stop words: {', '.join(new_words)}")
    typer.echo(f"  new: {', '.join(word for word in new_words if word not in old_words) or 'none'}")
    typer.echo(f"  gone: {', '.join(word for word in old_words if word not in new_words) or 'none'}")
