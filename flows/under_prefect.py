"""Runs a build as the flow `build-mix`, in this process, reported to the Prefect server that is configured."""

from collections.abc import Mapping
from typing import Any

from flows.build_mix import build_mix
from pipelines.build import Build
from pipelines.step import status
from pipelines.workspace import Workspace


def run_under_prefect(
    build: Build, workspace: Workspace, stage: str, tokens: int | None, seed: int, executor: str
) -> tuple[Mapping[str, Mapping[str, Any]], int]:
    """Carries out a build's steps and returns their totals by name, and how many of them ran."""
    waiting = sum(not status(step, workspace).complete for step in build.steps)
    # A mistake raises here what the flow's state holds.
    totals: Any = build_mix(
        stage=stage,
        model=build.recipe.model,
        profile=build.profile,
        tokens=tokens,
        workspace=workspace.url,
        seed=seed,
        executor=executor,
    )
    return totals, waiting
