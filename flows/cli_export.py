"""`babelmix export` and `curriculum`: a mixture handed to other trainers, and several as one training run."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli_mix import Json, WorkspaceOption
from mixtures.token_count import format_tokens
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from mixtures.curriculum import CurriculumChoice
    from mixtures.report_facts import MixtureFacts

FORMATS = ("megatron", "parquet", "streaming", "report", "card")
LENGTH = 4096


def register(app: typer.Typer) -> None:
    """Adds this file's commands to `app`."""
    app.command()(export)
    app.command()(curriculum)


def export(
    mixture: Annotated[str, typer.Argument(help="The folder that `babelmix mix` printed.")],
    output: Annotated[Path, typer.Option(help="A new folder; for a report or card, the file to write.")],
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.")],  # noqa: A002
    length: Annotated[
        int | None,
        typer.Option(
            help=f"Tokens of a sequence. Without it: {LENGTH} for streaming, whole documents for parquet."
        ),
    ] = None,
    workspace: Annotated[
        str | None, typer.Option(help="Where tokens/ lies, if not where the mixture was built.")
    ] = None,
    blend_only: Annotated[
        bool, typer.Option("--blend-only", help="Megatron: the --data-path list without a copy of the tokens.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hand a mixture to another trainer, or write its report or its dataset card."""
    from mixtures.packed import PackedReader

    if format not in FORMATS:
        raise BabelmixError(f"--format {format}: unknown; write {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    reader = PackedReader(mixture, workspace)
    made: Any
    if format == "megatron":
        from mixtures.exports.megatron import export_megatron

        made = export_megatron(reader, output, copy=not blend_only)
    elif format == "parquet":
        from mixtures.exports.parquet import export_parquet

        made = export_parquet(reader, output, length, _facts(reader.folder, reader.workspace))
    elif format == "streaming":
        from mixtures.exports.streaming import export_streaming

        made = export_streaming(reader, output, length or LENGTH)
    else:
        _write_page(format, reader.folder, reader.workspace, output)
        typer.echo(json.dumps({"file": str(output)}) if as_json else f"{format.capitalize():10}{output}")
        return
    if as_json:
        typer.echo(json.dumps({**asdict(made), "folder": str(made.folder)}))
        return
    said = [f"{number:,} {name}" for name, number in asdict(made).items() if name != "folder"]
    typer.echo(f"{format.capitalize():10}{made.folder}: {', '.join(said)}")


def curriculum(
    model: Annotated[
        str, typer.Argument(help="A model, whose stages in the workspace are taken, or a curriculum file (.yaml).")
    ],
    workspace: WorkspaceOption = "workspace",
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="A bucket of several stages goes on with documents that the earlier have not read."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Put the mixtures of a model's stages in their order, as one row of tokens that a training run reads."""
    from mixtures.curriculum import CurriculumReader, build_curriculum

    choice = _choice(model, Path(workspace), fresh)
    folder = build_curriculum(choice, workspace)
    reader = CurriculumReader(folder, workspace)
    if as_json:
        stages = [asdict(stage) for stage in reader.stages]
        typer.echo(json.dumps({"curriculum": str(folder), "tokens": reader.tokens, "stages": stages}))
        return
    for stage in reader.stages:
        gone_on = f", {len(stage.continued)} buckets go on" if stage.continued else ""
        size = format_tokens(stage.end - stage.begin)
        typer.echo(f"{stage.begin:>18,} to {stage.end:>18,}  {size:>6}  {stage.mixture}{gone_on}")
    typer.echo(f"Curriculum {folder}")


def _choice(model: str, workspace: Path, fresh: bool) -> "CurriculumChoice":
    """The curriculum that a file describes, or that the workspace's mixtures of a model make."""
    from mixtures.curriculum import CurriculumChoice, StageChoice
    from sources.loading import load_yaml

    if model.endswith((".yaml", ".yml")):
        chosen = load_yaml(Path(model), CurriculumChoice)
        return chosen.model_copy(update={"fresh": True}) if fresh else chosen
    stages = []
    folders = (workspace / "mixtures" / model).glob("stage*")
    for folder in sorted(folders, key=lambda path: (len(path.name), path.name)):
        found = sorted(path.parent for path in folder.glob("*/manifest.json"))
        if len(found) > 1:
            found = [path for path in found if _stands(path, workspace)] or found
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise BabelmixError(
                f"{folder}: holds {len(found)} mixtures ({names}); name one of each stage in a curriculum file,"
                " as in {model: marco-mini, stages: [{mixture: mixtures/marco-mini/stage1/0123}]}"
            )
        stages += [StageChoice(mixture=str(path.relative_to(workspace))) for path in found]
    if not stages:
        raise BabelmixError(
            f"workspace {workspace}: no mixture of {model}; build its stages with `babelmix mix stage1` and so on"
        )
    return CurriculumChoice(model=model, fresh=fresh, stages=tuple(stages))


def _stands(mixture: Path, workspace: Path) -> bool:
    """Whether a mixture can still be read: not where its tokens were made again since, as after a removal."""
    from mixtures.packed import PackedReader

    try:
        PackedReader(mixture, workspace)
    except BabelmixError:
        return False
    return True


def _write_page(kind: str, folder: Path, workspace: Path, output: Path) -> None:
    from mixtures.card import dataset_card
    from mixtures.local_copy import place_of
    from mixtures.report import write_report
    from pipelines.funnel import funnel, funnel_cells
    from pipelines.workspace import Workspace

    facts = _facts(folder, workspace)
    if kind == "card":
        output.write_text(dataset_card(facts), encoding="utf-8")
        return
    place = Workspace(place_of(workspace))
    names = {f"curated/{bucket.source}/{bucket.language}" for bucket in facts.buckets}
    curated = {name: manifest["totals"] for name in sorted(names) if (manifest := place.manifest(name))}
    write_report(facts.plan, *funnel_cells(funnel(curated)), output, facts)


def _facts(folder: Path, workspace: Path) -> "MixtureFacts":
    from mixtures.report_facts import facts_of_folder

    return facts_of_folder(folder, workspace)
