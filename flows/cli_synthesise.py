"""`babelmix synthesise`: questions, articles, translations and paraphrases, by a server of one's own."""

import contextlib
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from flows.cli_mix import Json
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipelines.synthesis_cost import Cost
    from sources.language import Language
    from synth.request import Engine
    from synth.settings import Synthesis
    from synth.translation.document_task import Task

app = typer.Typer(help="Write what the web lacks, with a language model.", no_args_is_help=True)

Code = Annotated[str, typer.Option("--language", help="ell_Grek.")]
Server = Annotated[
    str | None, typer.Option(help="An OpenAI-compatible server, such as vLLM's: http://localhost:8000.")
]
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="The name by which the server serves it; found out if it has one only."),
]
Output = Annotated[str, typer.Option(help="Where the results go; an earlier run's completions are used again.")]
Input = Annotated[
    str | None,
    typer.Option("--input", help="A folder of curated documents for the questions to stand on, else the regions."),
]
Most = Annotated[int | None, typer.Option(help="Questions that are kept at most.", min=1)]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Ask nothing; say how many requests, tokens and GPU hours it takes at most."),
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
        from pipelines.synthesis_cost import questions_cost

        _cost(questions_cost(spoken, synthesis, input), tokens_per_second, as_json)
        return
    from pipelines.synthesise_files import synthesise_files

    console = Console(stderr=as_json)
    with _shown(console) as tell:
        totals = synthesise_files(input, spoken, output, synthesis, tell)
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    _print(totals, output, console, "Questions", "questions")


@app.command()
def culture(
    language: Code,
    input: Annotated[  # noqa: A002
        str, typer.Option("--input", help="A folder of curated documents that articles are to stand on.")
    ],
    output: Output,
    server: Server = None,
    model: ModelName = None,
    concurrency: Concurrency = 64,
    dry_run: DryRun = False,
    tokens_per_second: Rate = 1000.0,
    as_json: Json = False,
) -> None:
    """Find the documents that are dense in culture, catalogue them, and write articles that stand on them.

    The settings are those of the file that BABELMIX_SYNTHESIS names, if it is set; --server and --model take the
    place of its writer.
    """
    from sources.language import language as registered

    spoken = registered(language)
    synthesis = _synthesis(server, model, concurrency, None, dry_run)
    if dry_run:
        from pipelines.synthesis_cost import culture_cost

        _cost(culture_cost(spoken, synthesis, input), tokens_per_second, as_json)
        return
    from pipelines.synthesise_files import culture_files

    console = Console(stderr=as_json)
    with _shown(console) as tell:
        totals = culture_files(input, spoken, output, synthesis, tell)
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    for reason, count in totals["passages"].items():
        if reason != "taken":
            console.print(f"{count:>8,}  {reason}", highlight=False, markup=False, style="dim")
    _print(totals, output, console, "Articles", "culture")


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
    dry_run: DryRun = False,
    tokens_per_second: Rate = 1000.0,
    as_json: Json = False,
) -> None:
    """Translate documents; formulae, code, links and numbers stay, and what fails a check is dropped."""
    from pipelines.written_category import category_of
    from sources.language import language as registered
    from synth.translation.settings import TranslationSettings
    from synth.translation.translate_documents import Translation

    spoken, wanted = registered(source), registered(target)
    changed = {"region": region} if region else {}
    prompt = "translate/exercise" if exercises else "translate/document"
    settings = TranslationSettings(prompt=prompt, category=category_of(wanted.code)).model_copy(update=changed)
    synthesis = _synthesis(server, model, concurrency, None, dry_run)

    def task(engine: "Engine") -> "Task":
        return Translation(spoken, wanted, engine, settings)

    if dry_run:
        _rewriting_cost(input, spoken, task, tokens_per_second, as_json)
    else:
        _rewrite(input, spoken, wanted, output, synthesis, task, as_json)


@app.command()
def rephrase(
    input: Files,  # noqa: A002
    language: Code,
    output: Output,
    server: Server = None,
    model: ModelName = None,
    region: Region = None,
    concurrency: Concurrency = 64,
    dry_run: DryRun = False,
    tokens_per_second: Rate = 1000.0,
    as_json: Json = False,
) -> None:
    """Say documents anew in their language: names and numbers stay, and little is copied."""
    from pipelines.written_category import category_of
    from sources.language import language as registered
    from synth.rephrasing.rephrase_documents import Rephrase
    from synth.rephrasing.settings import RephraseSettings

    spoken = registered(language)
    changed = {"region": region} if region else {}
    settings = RephraseSettings(category=category_of(spoken.code)).model_copy(update=changed)
    synthesis = _synthesis(server, model, concurrency, None, dry_run)

    def task(engine: "Engine") -> "Task":
        return Rephrase(spoken, engine, settings)

    if dry_run:
        _rewriting_cost(input, spoken, task, tokens_per_second, as_json)
    else:
        _rewrite(input, spoken, spoken, output, synthesis, task, as_json)


def _rewrite(
    files: list[str],
    spoken: "Language",
    target: "Language",
    output: str,
    synthesis: "Synthesis",
    task: "Callable[[Engine], Task]",
    as_json: bool,
) -> None:
    from pipelines.rewrite_files import rewrite_files

    console = Console(stderr=as_json)
    with _shown(console) as tell:
        totals = rewrite_files(files, spoken, target, output, synthesis, task, tell)
    if as_json:
        typer.echo(json.dumps(totals, ensure_ascii=False))
        return
    _print(totals, output, console, "Records", "records")


def _rewriting_cost(
    files: list[str], spoken: "Language", task: "Callable[[Engine], Task]", tokens_per_second: float, as_json: bool
) -> None:
    from pipelines.synthesis_cost import documents_cost

    _cost(documents_cost(files, spoken, task), tokens_per_second, as_json)


def _cost(costs: "Iterable[Cost]", tokens_per_second: float, as_json: bool) -> None:
    from dataclasses import asdict

    from pipelines.synthesis_cost import cost_table, gpu_hours

    rows = list(costs)
    if as_json:
        found = {"prompts": [asdict(each) for each in rows], "gpu_hours": gpu_hours(rows, tokens_per_second)}
        typer.echo(json.dumps(found))
    else:
        typer.echo(cost_table(rows, tokens_per_second))


@contextlib.contextmanager
def _shown(console: Console) -> "Iterator[Callable[[str], None]]":
    """A line in the terminal that says how far it is, how fast it goes and when it ends."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("waiting for the first completions")
        yield lambda line: progress.update(bar, description=line)


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


def _print(totals: dict[str, Any], output: str, console: Console, what: str, room: str) -> None:
    from pipelines.written_rooms import SHEET

    place = output.rstrip("/")
    for row in totals["dropped"]:
        console.print(f"{row['documents']:>8,}  {row['reason']}", highlight=False, markup=False, style="dim")
    kept = f"{totals['kept']:>8,}  kept of {totals['documents']:,}, by {totals['model']}"
    console.print(kept, highlight=False, markup=False, style="bold")
    for warning in totals.get("set", {}).get("warnings", ()):
        console.print(f"! {warning}", highlight=False, markup=False)
    console.print(f"{what:<10} {place}/{room}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Documents  {place}/documents", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Sheet      {place}/{room}/{SHEET}", soft_wrap=True, highlight=False, markup=False)
