"""Carries out one step in a workspace."""

from collections.abc import Callable, Mapping
from typing import Any

from filters.settings import CurationSettings
from pipelines.collect import collect
from pipelines.curate import Place, curate, measure_documents
from pipelines.curation_report import PAGE, write_curation_report
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


def _measure(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    (collected,) = step.inputs
    place = _place(step, workspace, documents=collected.name, measured=targets[0])
    settings = CurationSettings.model_validate(step.settings["curation"]["settings"])
    return measure_documents(place, language(step.settings["language"]), settings)


def _curate(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    dropped, standing, curated = targets
    collected, measured, *before = step.inputs
    earlier = {each.settings["source"]: workspace.at(each.folders[1]) for each in before}
    place = _place(
        step,
        workspace,
        documents=collected.name,
        measured=workspace.at(measured.name),
        curated=curated,
        dropped=dropped,
        standing=standing,
    )
    settings = CurationSettings.model_validate(step.settings["curation"]["settings"])
    funnel = curate(place, language(step.settings["language"]), step.settings["source"], settings, earlier=earlier)
    return funnel.as_dict()


def _place(step: Step, workspace: Workspace, documents: str, measured: str, **folders: str) -> Place:
    made = {"curated": "", "dropped": "", "standing": "", **folders}
    scratch = workspace.at(f".staging/scratch/{step.name}")
    return Place(documents=workspace.at(documents), measured=measured, scratch=scratch, **made)


def _report(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    cards = write_curation_report(workspace, step.inputs, f"{targets[0]}/{PAGE}", cards=f"{targets[0]}/cards")
    return {"languages": len(cards)}


def _tokenise(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    settings = step.settings
    curated = workspace.at(step.inputs[0].name)
    rehydrate = settings.get("rehydrate")
    return tokenise(curated, settings["category"], settings["tokenizer"], targets[0], rehydrate)


def _mix(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    return mix(step, workspace, targets[0])


_RUNNERS: dict[str, Callable[[Step, Workspace, list[str]], Totals]] = {
    "collect": _collect,
    "measure": _measure,
    "curate": _curate,
    "report": _report,
    "tokenise": _tokenise,
    "mix": _mix,
}
