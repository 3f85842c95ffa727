"""Carries out the steps by which a model writes."""

from collections.abc import Mapping
from typing import Any

from mixtures.recipe import ENGLISH, MULTILINGUAL
from pipelines.chosen_documents import Chosen
from pipelines.step import Step
from pipelines.step_progress import tell
from pipelines.synthesise_culture import synthesise_culture
from pipelines.synthesise_documents import synthesise_documents
from pipelines.taken_down import taken_down, with_removed
from pipelines.told_questions import told_questions
from pipelines.workspace import Workspace
from pipelines.written_category import category_of
from sources.language import language
from synth.engines import COMPLETIONS, engines
from synth.rephrasing.rephrase_documents import Rephrase
from synth.settings import Kind, Synthesis
from synth.translation.by_category import TranslationByCategory

Totals = Mapping[str, Any]


def execute_synthesis(step: Step, workspace: Workspace, targets: list[str]) -> Totals:
    """Writes what a step of one of `SYNTHESIS_VERSIONS` makes into `targets`, and returns its totals."""
    kind: Kind = step.kind  # type: ignore[assignment]
    spoken = language(step.settings["language"])
    synthesis = Synthesis.model_validate(step.settings["synthesis"])
    folders = tuple(workspace.at(each.name) for each in step.inputs)
    places = dict(zip(("dropped", "records", "documents"), targets, strict=True))
    taken = taken_down(step, workspace)
    say, category = tell(step, workspace), {"category": category_of(spoken.code)}
    with engines(synthesis, spoken.code, workspace.kept(COMPLETIONS), kind) as (writer, verifier):
        match kind:
            case "questions":
                totals = told_questions(folders, spoken, writer, verifier, synthesis, places, say, taken)
            case "culture":
                totals = synthesise_culture(folders, spoken, writer, synthesis.culture, places, say, taken)
            case "translate":
                wanted = synthesis.translate
                sample = Chosen(folders, wanted.categories).sample(wanted.documents)
                translated = wanted.settings.model_copy(update=category)
                totals = synthesise_documents(
                    sample.rows(),
                    sample.count,
                    wanted.settings.source,
                    spoken,
                    writer,
                    lambda engine: TranslationByCategory(
                        language(ENGLISH), spoken, engine, wanted.categories, translated
                    ),
                    places,
                    say,
                    taken,
                )
            case "rephrase":
                said_anew = synthesis.rephrase
                sample = Chosen(folders, (MULTILINGUAL,)).sample(said_anew.documents)
                anew = said_anew.settings.model_copy(update=category)
                totals = synthesise_documents(
                    sample.rows(),
                    sample.count,
                    said_anew.settings.source,
                    spoken,
                    writer,
                    lambda engine: Rephrase(spoken, engine, anew),
                    places,
                    say,
                    taken,
                )
    return with_removed(step, workspace, {**totals, "replayed": synthesis.replayed}, taken)
