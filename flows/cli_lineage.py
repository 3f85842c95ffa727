"""`babelmix trace`, `remove` and `lint`: where a token came from, what must go, what a recipe lacks."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.cli_mix import Json, Model, Stage, Tokens, WorkspaceOption
from flows.lineage_text import (
    print_check,
    print_document,
    print_findings,
    print_json,
    print_parts,
    print_removed,
)
from sources.errors import BabelmixError

if TYPE_CHECKING:
    from sources.removals import Removals

Mixture = Annotated[str, typer.Argument(help="The folder that `babelmix mix` or `babelmix curriculum` printed.")]


def register(app: typer.Typer) -> None:
    """Adds this file's commands to `app`."""
    app.command()(trace)
    app.command()(remove)
    app.command()(lint)


def trace(
    mixture: Mixture,
    sequence: Annotated[int | None, typer.Option(help="The number of a sequence, counted from 0.")] = None,
    token: Annotated[int | None, typer.Option(help="One token of the sequence: all about its document.")] = None,
    length: Annotated[int, typer.Option(help="Tokens of a sequence, as training reads them.", min=1)] = 8192,
    document: Annotated[str | None, typer.Option(help="A document's id: where and when it is read.")] = None,
    source: Annotated[str | None, typer.Option(help="The source of --document, where several use its id.")] = None,
    language: Annotated[str | None, typer.Option(help="The language of --document: ell_Grek.")] = None,
    index: Annotated[
        bool, typer.Option("--index", help="Make the look-up tables by id now, not at the first question.")
    ] = False,
    workspace: Annotated[
        str | None, typer.Option(help="Where the mixture was built; by default the one it lies in.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say where a token of a mixture came from and why it was kept, or where a document is read."""
    from pipelines.trace import Tracer
    from pipelines.trace_curriculum import CurriculumTracer, is_curriculum

    if (sequence is None) + (document is None) + (not index) != 2:
        raise BabelmixError("trace: give one of --sequence N, --document ID and --index")
    if token is not None and sequence is None:
        raise BabelmixError("--token goes with --sequence N: it counts from the sequence's beginning")
    tracer = CurriculumTracer(mixture, workspace) if is_curriculum(mixture) else Tracer(mixture, workspace)
    console = Console(highlight=False)
    if index:
        typer.echo(f"{tracer.index():,} documents can be looked up by id.")
    elif document is not None:
        found = tracer.document(document, length, source, language)
        if not print_json(found, as_json):
            for each in found:
                print_document(each, console)
    elif token is not None and sequence is not None:
        traced = tracer.token(sequence, length, token)
        if not print_json(traced, as_json):
            print_document(traced, console)
    elif sequence is not None:
        parts = tracer.sequence(sequence, length)
        if not print_json(parts, as_json):
            print_parts(parts, sequence, length, console)


def remove(
    ids: Annotated[
        list[str] | None, typer.Option(help="A file with an id a line, or JSON lines (.jsonl); may be repeated.")
    ] = None,
    url_prefix: Annotated[
        list[str] | None,
        typer.Option(help="https://example.org/path/, or *.example.org for all below; may be repeated."),
    ] = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="Also what says the same, or nearly the same.")
    ] = False,
    synthesised: Annotated[
        bool, typer.Option("--synthesised", help="Also what was generated from one of them.")
    ] = False,
    because: Annotated[str, typer.Option(help="Why: it stands in the list and in dropped/.")] = "",
    check: Annotated[
        str | None,
        typer.Option(help="A mixture: say what of the list it holds; nothing is written, exit code 1 if any."),
    ] = None,
    workspace: WorkspaceOption = "workspace",
    as_json: Json = False,
) -> None:
    """Take documents down: the next build drops them. Without --ids and --url-prefix, look the list up again.

    Collected documents, translation pairs and what a model wrote are named by their ids, or by the URL they have.
    """
    from pipelines.workspace import Workspace

    asked = sum((_of_file(each, because) for each in ids or ()), _of_urls(url_prefix or [], because))
    if check is None:
        from pipelines.remove import remove as remove_documents

        done = remove_documents(Workspace(workspace), asked, near_duplicates, synthesised)
        if not print_json(done.as_dict(), as_json):
            print_removed(done.as_dict(), workspace)
        return
    from pipelines.check_removals import check_removals
    from pipelines.removals import workspace_removals
    from pipelines.remove import besides
    from pipelines.trace import Tracer

    tracer = Tracer(check)
    listed = asked if len(asked) else workspace_removals(tracer.workspace)
    if not len(listed):
        raise BabelmixError("--check: no removal list in the workspace; name documents by --ids or --url-prefix")
    found = check_removals(tracer, listed + besides(tracer.workspace, listed, near_duplicates, synthesised))
    if not print_json(found, as_json):
        print_check(found)
    if found["documents"]:
        raise typer.Exit(1)


def lint(
    stage: Stage,
    model: Model = "marco-mini",
    tokens: Tokens = None,
    inventory: Annotated[str | None, typer.Option(help="ledger or upstream, as for inspect.")] = None,
    length: Annotated[int, typer.Option(help="Tokens of a sequence, for shares below one.", min=1)] = 8192,
    use: Annotated[str, typer.Option(help="What the mixture is for: train, commercial, or publish.")] = "train",
    policy: Annotated[str | None, typer.Option(help="A policy file of your own; else the bundled one.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for warnings too.")] = False,
    workspace: WorkspaceOption = "workspace",
    as_json: Json = False,
) -> None:
    """Find what is wrong with a recipe before it is built: epochs, languages, shares, licences, gates."""
    from pathlib import Path

    from flows.cli_mix import planned
    from mixtures.lint_recipe import POLICY, lint_recipe, load_policy
    from mixtures.recipe import load_recipe

    plan = planned(stage, model, inventory, tokens, workspace)
    rules = load_policy(Path(policy) if policy else POLICY)
    found = lint_recipe(load_recipe(model, stage), plan, rules, length, use)
    if not print_json([each.as_dict() for each in found], as_json):
        print_findings(found)
    if any(each.level == "error" or strict for each in found):
        raise typer.Exit(1)


def _of_file(path: str, because: str) -> "Removals":
    from sources.removals import Removals, read_removal_file

    entries = read_removal_file(path).entries
    return Removals(each.model_copy(update={"because": each.because or because}) for each in entries)


def _of_urls(prefixes: list[str], because: str) -> "Removals":
    from pydantic import ValidationError

    from sources.removals import Removal, Removals

    try:
        return Removals(Removal(url_prefix=each, because=because) for each in prefixes)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise BabelmixError(f"--url-prefix: {said}") from error
