"""What a report on curation is made from: the folders of each source and language, and what became of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from filters.settings import CurationSettings
from pipelines.step import Step
from pipelines.workspace import Workspace
from sources.language import Language, language


@dataclass(frozen=True, slots=True)
class CuratedPlace:
    """The folders of one source and language that was curated; `totals` is its `Funnel.as_dict()`."""

    source: str
    language: Language
    documents: str
    measured: str
    curated: str
    dropped: str
    settings: CurationSettings
    totals: Mapping[str, Any]


def curated_places(workspace: Workspace, steps: Iterable[Step]) -> list[CuratedPlace]:
    """The places of the `curate` steps that are complete in the workspace, by language and source."""
    found = []
    for step in steps:
        if step.kind != "curate":
            continue
        manifest = workspace.manifest(step.name)
        if manifest is None:
            continue
        collected, measured, *_ = step.inputs
        dropped, _, curated = step.folders
        found.append(
            CuratedPlace(
                source=step.settings["source"],
                language=language(step.settings["language"]),
                documents=workspace.at(collected.name),
                measured=workspace.at(measured.name),
                curated=workspace.at(curated),
                dropped=workspace.at(dropped),
                settings=CurationSettings.model_validate(step.settings["curation"]["settings"]),
                totals=manifest["totals"],
            )
        )
    return sorted(found, key=lambda place: (place.language.code, place.source))
