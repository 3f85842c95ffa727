"""Carries out one step in a workspace."""

from collections.abc import Callable, Mapping
from typing import Any

from filters.settings import CurationSettings
from pipelines.collect import collect
from pipelines.curate import curate
from pipelines.mix import mix
from pipelines.step import Step, status
from pipelines.tokenise import tokenise
from pipelines.workspace import Workspace
from sources.language import language
from sources.source import source

Totals = Mapping[str, Any]


def execute(step: Step, workspace: Workspace) -> Totals:
    """Makes the step's folders, unless they stand already, and returns the totals that its manifest holds.

    Raises BabelmixError with one line where the input, the settings or the disk are at fault; the step's
    folders are then as they were.
    """
    found = status(step, workspace)
    if found.complete and found.totals is not None:
        return found.totals
    manifest: dict[str, Any] = {"fingerprint": step.fingerprint, "identity": step.identity}
    with workspace.replacing(step.folders, manifest) as targets:
        totals = _RUNNERS[step.kind](step, workspace, targets)
        manifest["totals"] = totals
    return totals


def _collect(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    settings = step.settings
    return collect(source(settings["source"]), language(settings["language"]), settings["profile"], targets[0])


def _curate(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    dropped, curated = targets
    funnel = curate(
        workspace.at(step.inputs[0].name),
        language(step.settings["language"]),
        step.settings["source"],
        curated=curated,
        dropped=dropped,
        scratch=workspace.at(f".staging/scratch/{step.name}"),
        settings=CurationSettings.model_validate(step.settings["curation"]["settings"]),
    )
    return funnel.as_dict()


def _tokenise(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    settings = step.settings
    return tokenise(workspace.at(step.inputs[0].name), settings["category"], settings["tokenizer"], targets[0])


def _mix(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    return mix(step, workspace, targets[0])


_RUNNERS: dict[str, Callable[[Step, Workspace, list[str]], Totals]] = {
    "collect": _collect,
    "curate": _curate,
    "tokenise": _tokenise,
    "mix": _mix,
}
