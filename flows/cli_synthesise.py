"""`babelmix synthesise`: questions, translations and paraphrases, by a server of one's own."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.cli_mix import Json
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.language import Language
    from synth.request import Engine
    from synth.settings import Synthesis
    from synth.translation.document_task import Tally, Task

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


Files = Annotated[
    list[str],
    typer.Option("--input", help="Parquet or JSON lines with text: paths, globs or URLs; may be given again."),
]
Region = Annotated[str | None, typer.Option(help="Where the readers live, as a prompt says it: Greece.")]
Concurrency = Annotated[int, typer.Option(help="Requests that are with the server at once.", min=1)]


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
    concurrency: Concurrency = 64,
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


@app.command()
def translate(
    input: Files,  # noqa: A002
    source: Annotated[str, typer.Option("--from", help="The language of --input: eng_Latn.")],
    target: Annotated[str, typer.Option("--to", help="The language to write: ell_Grek.")],
    output: Output,
    server: Server = None,
    model: ModelName = None,
    region: Region = None,
    exercises: Annotated[
        bool, typer.Option("--exercises", help="Questions with solutions, whose answers must stay the same.")
    ] = False,
    concurrency: Concurrency = 64,
    as_json: Json = False,
) -> None:
    """Translate documents; formulae, code, links and numbers stay, and what fails a check is dropped."""
    from pipelines.synthesise import category_of
    from sources.language import language as registered
    from synth.translation.translate_documents import Translation, TranslationSettings

    spoken, wanted = registered(source), registered(target)
    changed = {"region": region} if region else {}
    prompt = "translate/exercise" if exercises else "translate/document"
    settings = TranslationSettings(prompt=prompt, category=category_of(wanted.code)).model_copy(update=changed)
    synthesis = _synthesis(server, model, concurrency, None, dry_run=False)
    _rewrite(
        input, spoken, output, synthesis, lambda engine: Translation(spoken, wanted, engine, settings), as_json
    )


@app.command()
def rephrase(
    input: Files,  # noqa: A002
    language: Code,
    output: Output,
    server: Server = None,
    model: ModelName = None,
    region: Region = None,
    concurrency: Concurrency = 64,
    as_json: Json = False,
) -> None:
    """Say documents anew in their language: names and numbers stay, and little is copied."""
    from pipelines.synthesise import category_of
    from sources.language import language as registered
    from synth.rephrasing.rephrase_documents import Rephrase, RephraseSettings

    spoken = registered(language)
    changed = {"region": region} if region else {}
    settings = RephraseSettings(category=category_of(spoken.code)).model_copy(update=changed)
    synthesis = _synthesis(server, model, concurrency, None, dry_run=False)
    _rewrite(input, spoken, output, synthesis, lambda engine: Rephrase(spoken, engine, settings), as_json)


def _rewrite(
    files: list[str],
    spoken: "Language",
    output: str,
    synthesis: "Synthesis",
    task: "Callable[[Engine], Task]",
    as_json: bool,
) -> None:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from pipelines.rewrite_files import rewrite_files

    console = Console(stderr=as_json)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("waiting for the first completions")

        def report(tally: "Tally") -> None:
            said = (
                f"{tally.kept:,} of {tally.documents:,} documents kept, {tally.completion_tokens:,} tokens written"
            )
            progress.update(bar, description=said)

        totals = rewrite_files(files, spoken, output, synthesis, task, report)
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    for reason, count in totals["dropped"].items():
        console.print(f"{count:>8,}  {reason}", highlight=False, markup=False, style="dim")
    console.print(f"{totals['kept']:>8,}  kept of {totals['documents']:,}", highlight=False, style="bold")
    console.print(f"Documents  {output.rstrip('/')}/documents", soft_wrap=True, highlight=False)


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
