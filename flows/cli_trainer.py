"""`babelmix train`, `upcycle`, `signatures`, `evaluate` and `publish`: the reference trainer from the prompt."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.cli_mix import Json
from sources.errors import BabelmixError

NewFolder = Annotated[Path, typer.Option(help="A new folder.")]
_INSTALL = "the trainer needs torch; install it with: pip install 'babelmix[train]'"


def register(app: typer.Typer) -> None:
    """Adds this file's commands to `app`."""
    app.command()(train)
    app.command()(upcycle)
    app.command()(publish)
    app.command()(signatures)
    app.command()(evaluate)


def train(
    config: Annotated[Path, typer.Option(help="A training configuration, such as trainer/configs/tiny.yaml.")],
    mixture: Annotated[
        list[str],
        typer.Option(help="The folder that `babelmix mix` printed; one for all stages, or one for each."),
    ],
    output: Annotated[
        Path | None, typer.Option(help="The run's folder; by default training/ in the mixture's workspace.")
    ] = None,
) -> None:
    """Train a model on a mixture; the same command again goes on from the last checkpoint."""
    _needs_torch()
    from mixtures.local_copy import local_folder
    from trainer.training.run import train as trained

    if output is None and any("://" in each for each in mixture):
        raise BabelmixError("--output: name the run's folder; a mixture on an object store has none beside it")
    trained(config, [local_folder(each) for each in mixture], output)


def upcycle(
    seed: Annotated[Path, typer.Argument(help="A folder with a dense Qwen3 checkpoint, such as Qwen3-0.6B-Base.")],
    model: Annotated[Path, typer.Option(help="The model to make: trainer/configs/models/marco-nano.yaml.")],
    output: NewFolder,
    scale: Annotated[str, typer.Option(help="cbrt (as published), down, sqrt or none.")] = "cbrt",
    drop: Annotated[float, typer.Option(help="Share of an expert's units that are drawn anew.")] = 0.5,
    drop_indices: Annotated[str, typer.Option(help="shared by gate, up and down, or separate.")] = "shared",
    router: Annotated[str, typer.Option(help="random rows, or shared by the slices of a copy.")] = "random",
    random_seed: Annotated[int, typer.Option(help="Another one draws other units.", min=0)] = 42,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "bfloat16",
    as_json: Json = False,
) -> None:
    """Split a dense model into experts (Drop-Upcycling), a layer at a time."""
    _needs_torch()
    from pydantic import ValidationError
    from rich.console import Console
    from rich.progress import Progress

    from trainer.commands import upcycle_checkpoint
    from trainer.upcycle.options import UpcycleOptions

    chosen = {"scale": scale, "drop": drop, "drop_indices": drop_indices, "router": router, "seed": random_seed}
    try:
        options = UpcycleOptions.model_validate(chosen)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise BabelmixError(f"--{name} {chosen[str(first['loc'][0])]}: {first['msg']}") from error
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("upcycling", total=None)
        made = upcycle_checkpoint(
            seed, model, output, options, dtype, lambda at, of: progress.update(bar, completed=at, total=of)
        )
    if as_json:
        typer.echo(json.dumps({"folder": str(output), "parameters": asdict(made.parameters)}))
        return
    typer.echo(f"Model  {output}: {made.parameters.total:,} parameters, {made.parameters.active:,} active")


def publish(
    checkpoint: Annotated[Path, typer.Argument(help="A step-... folder of a training run.")],
    output: NewFolder,
    tokenizer: Annotated[
        Path | None, typer.Option(help="A folder whose tokenizer files are taken along; by default the run's own.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "bfloat16",
) -> None:
    """Write a training checkpoint as a model that transformers and vLLM open."""
    _needs_torch()
    from trainer.hugging_face import dtype_named
    from trainer.training.exporting import export_checkpoint

    export_checkpoint(checkpoint, output, dtype=dtype_named(dtype), tokenizer=tokenizer)
    typer.echo(f"Model  {output}")


def signatures(
    checkpoint: Annotated[Path, typer.Argument(help="A model with experts, as `publish` writes it.")],
    documents: Annotated[
        Path, typer.Option(help="JSON lines or Parquet with text and language: a file or folder.")
    ],
    output: NewFolder,
    per_language: Annotated[int, typer.Option(help="Documents of a language that are looked at.")] = 100,
) -> None:
    """Show which experts take which language's tokens: a page, and the numbers as Parquet."""
    _needs_torch()
    from rich.console import Console

    from trainer.commands import make_signatures

    console = Console(stderr=True)
    with console.status("reading the checkpoint") as status:
        made = make_signatures(checkpoint, documents, output, per_language=per_language, told=status.update)
    typer.echo(f"Page     {made.page}\nNumbers  {made.shares}, {made.correlations}")


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A step-... folder, or a model as `publish` writes it.")],
    tasks: Annotated[str, typer.Option(help="lm-evaluation-harness' tasks, separated by commas.")],
    task_folder: Annotated[Path | None, typer.Option(help="A folder with task files of your own.")] = None,
    limit: Annotated[int | None, typer.Option(help="Items of a task at most.", min=1)] = None,
) -> None:
    """Run lm-evaluation-harness tasks on a model; prints one JSON object of results."""
    _needs_torch()
    from trainer.training.evaluate import run_tasks

    found = run_tasks(checkpoint, tasks.split(","), task_folder, limit)
    typer.echo(json.dumps(found["results"], default=str))


def _needs_torch() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise BabelmixError(_INSTALL)
