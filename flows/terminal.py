"""Runs a build in this process and shows its progress in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipelines.build import Build
from pipelines.execute import Totals
from pipelines.executor_settings import LOCAL
from pipelines.run import run_steps
from pipelines.step import Step
from pipelines.synthesis_steps import WRITTEN_KINDS
from pipelines.workspace import Workspace
from sources.shown_text import shown_in_terminal


def run_in_terminal(
    build: Build, workspace: Workspace, console: Console, executor: str = LOCAL
) -> tuple[dict[str, Totals], int]:
    """Carries out a build's steps and returns their totals by name, and how many of them ran."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    )  # fmt: skip
    made = 0
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("starting", total=len(build.steps))

        def report(step: Step, totals: Totals, ran: bool) -> None:
            nonlocal made
            made += ran
            progress.update(bar, advance=1, description=f"{step.kind} {_short(step)}")
            if ran and not console.is_terminal:
                line = shown_in_terminal(f"{step.name}: {describe(step, totals)}")
                console.print(line, highlight=False, soft_wrap=True, markup=False)

        def tell(step: Step, line: str) -> None:
            progress.update(bar, description=f"{step.kind} {_short(step)}: {line}")

        totals = run_steps(build.steps, workspace, report, tell=tell, executor=executor)
    return totals, made


def describe(step: Step, totals: Mapping[str, Any]) -> str:
    """A step's totals in a few words."""
    match step.kind:
        case "curate":
            return f"{totals['kept']} of {totals['documents']} documents kept"
        case "mine":
            return f"{totals['kept']} of {totals['documents']} pairs, ranked by {totals['ranker']}"
        case "across":
            return f"{totals['beyond']} of {totals['documents']} pairs are too many of one sentence"
        case "render":
            return f"{totals['kept']} pairs"
        case "questions" | "culture" | "translate" | "rephrase":
            by = f"replayed ({totals['model']})" if totals["replayed"] else f"by {totals['model']}"
            return f"{totals['kept']} of {totals['documents']} {WRITTEN_KINDS[step.kind]} kept, {by}"
        case "report":
            return f"{totals['languages']} languages"
        case "tokenise" | "mix":
            return f"{totals['documents']} documents, {totals['tokens']:,} tokens"
        case _:
            return f"{totals['documents']} documents"


def _short(step: Step) -> str:
    return step.name.split("/", 1)[-1]
