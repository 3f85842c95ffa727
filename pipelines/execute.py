"""Carries out one step in a workspace.

What a kind of step needs is imported as the first step of the kind is carried out: whoever gives steps to others
loads nothing of it, and a process that collects nothing of what curates, mines or writes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from filters.bitext.mining import Mining
from filters.settings import CurationSettings
from pipelines.curation_page import PAGE
from pipelines.removals import documents_to_remove
from pipelines.spent import metered, write_spent
from pipelines.step import Step, status
from pipelines.synthesis_steps import SYNTHESIS_VERSIONS
from pipelines.workspace import Workspace
from sources.language import language
from sources.pair_files import pair_files, pair_source
from sources.removals import digest_of
from sources.source import source

if TYPE_CHECKING:
    from pipelines.curate import Place
    from pipelines.curated_shards import StandingShards
    from pipelines.tokenise import Standing

Totals = Mapping[str, Any]


def execute(step: Step, workspace: Workspace, workers: int = 1) -> Totals:
    """Makes the step's folders, unless they stand already, and returns the totals that its manifest holds.

    Documents are measured, judged and tokenised in `workers` processes, file by file: with the same bytes.

    Raises BabelmixError with one line where the input, the settings or the disk are at fault; the step's
    folders are then as they were.
    """
    found = status(step, workspace)
    if found.complete and found.totals is not None:
        return found.totals
    manifest: dict[str, Any] = {"fingerprint": step.fingerprint, "identity": step.identity}
    with metered() as spent, workspace.replacing(step.folders, manifest) as targets:
        if step.kind in _BY_FILE:
            totals = _BY_FILE[step.kind](step, workspace, targets, workers)
        else:
            totals = _RUNNERS[step.kind](step, workspace, targets)
        manifest["totals"] = totals
    write_spent(step, workspace, *spent)
    return totals


def _collect(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.collect import collect

    settings = step.settings
    return collect(source(settings["source"]), language(settings["language"]), settings["profile"], targets[0])


def _measure(step: Step, workspace: Workspace, targets: list[str], workers: int) -> Totals:
    from pipelines.curate import measure_documents

    (collected,) = step.inputs
    place = _place(step, workspace, documents=collected.name, measured=targets[0])
    settings = CurationSettings.model_validate(step.settings["curation"]["settings"])
    return measure_documents(place, language(step.settings["language"]), settings, workers)


def _curate(step: Step, workspace: Workspace, targets: list[str], workers: int) -> Totals:
    from pipelines.curate import curate
    from pipelines.standing_files import Stand

    dropped, standing, curated = targets
    collected, measured, *before = step.inputs
    earlier = {
        each.settings["source"]: Stand(signatures=workspace.at(each.folders[1]), documents=workspace.at(each.name))
        for each in before
    }
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
    removed: dict[str, str] = {}
    if setting := step.settings.get("removals"):
        pair = (step.settings["source"], step.settings["language"])
        removed = documents_to_remove(workspace, setting, *pair, place.documents)
        place = replace(place, removed=removed)
    spoken, stands = language(step.settings["language"]), _standing_shards(step, workspace)
    funnel = curate(place, spoken, step.settings["source"], settings, workers, earlier, stands)
    totals = {**funnel.as_dict(), "shards": dict(funnel.shards)}
    return {**totals, **({"removals": digest_of(removed)} if setting else {})}


def _standing_shards(step: Step, workspace: Workspace) -> "StandingShards | None":
    """The files that stand in the step's place, if the same settings made them of the same documents.

    With another removal list, or beside other documents of the sources that come first.
    """
    from pipelines.curated_shards import StandingShards

    manifests = [manifest for folder in step.folders if (manifest := workspace.manifest(folder))]
    if len(manifests) < len(step.folders) or len({each["fingerprint"] for each in manifests}) > 1:
        return None
    identity, totals = manifests[-1]["identity"], manifests[-1]["totals"]
    same = [{**each, "settings": {**each["settings"], "removals": None}} for each in (identity, step.identity)]
    if any(same[0][name] != same[1][name] for name in ("step", "version", "settings")):
        return None
    if any(identity["inputs"].get(each.name) != each.fingerprint for each in step.inputs[:2]):
        return None
    folders = tuple(workspace.at(folder) for folder in step.folders)
    return StandingShards(folders, totals.get("shards", {}))


def _place(step: Step, workspace: Workspace, documents: str, measured: str, **folders: str) -> "Place":
    from pipelines.curate import Place

    made: dict[str, Any] = {"curated": "", "dropped": "", "standing": "", **folders}
    scratch = str(workspace.staging / "scratch" / step.name)
    return Place(documents=workspace.at(documents), measured=measured, scratch=scratch, **made)


def _report(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.curation_report import write_curation_report

    cards = write_curation_report(workspace, step.inputs, f"{targets[0]}/{PAGE}", cards=f"{targets[0]}/cards")
    return {"languages": len(cards)}


def _mine(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.mine import VECTORS, MinePlace, mine

    settings = step.settings
    code = language(settings["language"])
    origin, _ = pair_source(code)
    return mine(
        pair_files(code, settings["profile"]),
        code,
        Mining.model_validate(settings["mining"]["settings"]),
        MinePlace(bitext=targets[1], dropped=targets[0], vectors=workspace.kept(VECTORS)),
        revision=origin.revision,
        licence=origin.licence,
    )


def _across(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.render_pairs import cap_across

    folders = {each.settings["language"]: workspace.at(each.name) for each in step.inputs}
    return cap_across(folders, step.settings["most"], targets[0])


def _render(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.render_pairs import in_funnel, render_pairs
    from pipelines.taken_down import taken_down, with_removed

    mined, across = step.inputs
    dropped, chat, documents = targets
    spoken = language(step.settings["language"])
    folders = (workspace.at(mined.name), workspace.at(across.name))
    taken = taken_down(step, workspace)
    totals = render_pairs(*folders, spoken, documents, chat, dropped, taken)
    return with_removed(step, workspace, in_funnel(_totals(workspace, mined), totals, taken), taken)


def _totals(workspace: Workspace, step: Step) -> Totals:
    manifest = workspace.manifest(step.name)
    assert manifest is not None, step.name  # the steps run in the order of their inputs
    found: Totals = manifest["totals"]
    return found


def _tokenise(step: Step, workspace: Workspace, targets: list[str], workers: int) -> Totals:
    from pipelines.tokenise import tokenise

    settings = step.settings
    curated = workspace.at(step.inputs[0].name)
    rehydrate = settings.get("rehydrate")
    standing = _standing(step, workspace)
    (documents,) = step.inputs
    may_be_none = bool(documents.settings.get("removals")) or not _totals(workspace, documents)["kept"]
    return tokenise(
        curated, settings["category"], settings["tokenizer"], targets[0], rehydrate, standing, may_be_none, workers
    )


def _standing(step: Step, workspace: Workspace) -> "Standing | None":
    """The tokens that stand in the step's place, if its own settings and version made them of other documents."""
    from pipelines.tokenise import Standing

    manifest = workspace.manifest(step.name)
    if manifest is None:
        return None
    same = all(manifest["identity"][name] == step.identity[name] for name in ("step", "version", "settings"))
    return Standing(workspace.at(step.name), manifest["totals"]) if same else None


def _mix(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.mix import mix

    return mix(step, workspace, targets[0])


def _synthesise(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    from pipelines.execute_synthesis import execute_synthesis

    return execute_synthesis(step, workspace, targets)


_RUNNERS: dict[str, Callable[[Step, Workspace, list[str]], Totals]] = {
    "collect": _collect,
    "report": _report,
    "mine": _mine,
    "across": _across,
    "render": _render,
    **dict.fromkeys(SYNTHESIS_VERSIONS, _synthesise),
    "mix": _mix,
}
_BY_FILE: dict[str, Callable[[Step, Workspace, list[str], int], Totals]] = {
    "measure": _measure,
    "curate": _curate,
    "tokenise": _tokenise,
}
