"""`babelmix synthesise questions`: regional questions of a language, by a server of one's own."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.cli_mix import Json
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from synth.settings import Synthesis

app = typer.Typer(help="Write what the web lacks, with a language model.", no_args_is_help=True)

Code = Annotated[str, typer.Option("--language", help="ell_Grek.")]
Server = Annotated[
    str | None, typer.Option(help="An OpenAI-compatible server, such as vLLM's: http://localhost:8000.")
]
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="The name by which the server serves it; found out if it has one only."),
]
Output = Annotated[str, typer.Option(help="Where the questions go; an earlier run's completions are used again.")]
Input = Annotated[
    str | None,
    typer.Option("--input", help="A folder of curated documents for the questions to stand on, else the regions."),
]
Most = Annotated[int | None, typer.Option(help="Questions that are kept at most.", min=1)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Ask nothing; say what the first requests cost, and what they lead to.")
]
Rate = Annotated[
    float, typer.Option("--tokens-per-second", help="For --dry-run: completion tokens a second of one GPU.", min=1)
]


def register(parent: typer.Typer) -> None:
    """Adds this file's commands to `parent`."""
    parent.add_typer(app, name="synthesise")


@app.command()
def questions(
    language: Code,
    output: Output,
    server: Server = None,
    model: ModelName = None,
    input: Input = None,  # noqa: A002 - the option's name
    most: Most = None,
    concurrency: Annotated[int, typer.Option(help="Requests that are with the server at once.", min=1)] = 64,
    dry_run: DryRun = False,
    tokens_per_second: Rate = 1000.0,
    as_json: Json = False,
) -> None:
    """Make multiple-choice questions about a language's regions, check them, and write them with their sources.

    The settings are those of the file that BABELMIX_SYNTHESIS names, if it is set; --server and --model take the
    place of its writer.
    """
    from sources.language import language as registered

    spoken = registered(language)
    synthesis = _synthesis(server, model, concurrency, most, dry_run)
    if dry_run:
        typer.echo(_estimate(spoken.code, synthesis, input, tokens_per_second))
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pipelines.synthesise_files import synthesise_files

    console = Console(stderr=as_json)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("waiting for the first completions")

        def report(kept: int, dropped: int) -> None:
            progress.update(bar, description=f"{kept:,} questions kept, {dropped:,} items dropped")

        totals = synthesise_files(input, spoken, output, synthesis, report)
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    _print(totals, output, console)


def _synthesis(
    server: str | None, model: str | None, concurrency: int, most: int | None, dry_run: bool
) -> "Synthesis":
    from pydantic import ValidationError

    from sources.profile import HUB
    from synth.engine.served import served_model
    from synth.engine.settings import EngineSettings
    from synth.settings import Synthesis

    found = Synthesis.for_profile(HUB) or Synthesis()
    if model is not None and server is None:
        raise BabelmixError("--model goes with --server: the address that serves it")
    if server is not None:
        try:
            writer = EngineSettings(url=server, model=model or "model", concurrency=concurrency)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise BabelmixError(f"--server {server}: {first['msg']}; write it as http://host:port") from error
        if model is None and not dry_run:
            writer = writer.model_copy(update={"model": served_model(server)})
        found = found.model_copy(update={"writer": writer})
    if found.writer is None:
        raise BabelmixError("no server: name one with --server, or a file with `writer:` in BABELMIX_SYNTHESIS")
    if most is not None:
        found = found.model_copy(update={"questions": found.questions.model_copy(update={"most": most})})
    return found


def _estimate(code: str, synthesis: "Synthesis", folder: str | None, tokens_per_second: float) -> str:
    from pipelines.synthesise_files import estimated

    return estimated(code, synthesis, folder, tokens_per_second)


def _print(totals: dict[str, Any], output: str, console: Console) -> None:
    from pipelines.synthesise import SHEET

    place = output.rstrip("/")
    for row in totals["dropped"]:
        console.print(f"{row['documents']:>8,}  {row['reason']}", highlight=False, markup=False, style="dim")
    console.print(f"{totals['kept']:>8,}  kept, by {totals['model']}", highlight=False, markup=False, style="bold")
    for warning in totals["set"]["warnings"]:
        console.print(f"! {warning}", highlight=False, markup=False)
    console.print(f"Questions  {place}/questions", soft_wrap=True, highlight=False)
    console.print(f"Documents  {place}/documents", soft_wrap=True, highlight=False)
    console.print(f"Sheet      {place}/questions/{SHEET}", soft_wrap=True, highlight=False)
