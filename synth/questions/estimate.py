"""What a run will ask for at most, before it is begun: requests, text and tokens by prompt."""

from dataclasses import dataclass

from sources.language import Language
from synth.prompt import load_prompt
from synth.questions.model_checks import CHECKS
from synth.questions.places import domains_of, regions_of
from synth.questions.record import OPTIONS
from synth.questions.settings import QuestionSettings


@dataclass(frozen=True, slots=True)
class Planned:
    """Requests of one prompt; every number is an upper bound, as nothing is dropped and no concept is repeated."""

    # `questions/write@1`
    prompt: str
    # `engine` writes, `verifier` checks.
    engine: str
    requests: int
    # Of the template alone: passages, stems and options come to it.
    prompt_characters: int
    completion_tokens: int


def planned(language: Language, settings: QuestionSettings, documents: int | None = None) -> list[Planned]:
    """The requests for the language's questions, on notes or on so many documents, in the order of their stages.

    `most`, quotas and what checks drop are not subtracted: they depend on what the models write.

    Raises:
        BabelmixError: a region or domain of the settings is not known.
    """
    tree, counts = settings.tree, dict[str, tuple[str, int]]()
    if documents is None:
        regions, among = regions_of(language, tree.regions), domains_of(tree.domains)
        short = sum(len(each.topics) < tree.topics for each in among.values())
        counts["questions/topics"] = ("engine", len(regions) * short)
        nodes = len(regions) * len(among) * tree.topics
        counts["questions/concepts"] = ("engine", nodes)
        counts["questions/note"] = ("engine", nodes * tree.concepts)
    else:
        nodes = documents
        counts["questions/concepts_in"] = ("engine", nodes)
    questions = nodes * tree.concepts * tree.facets
    counts["questions/write"] = ("engine", questions)
    each_question = {"safety": int(settings.model.safety), "specificity": 1, "judge": OPTIONS}
    for check in CHECKS:
        name = check.prompt.partition("/")[2]
        counts[check.prompt] = ("verifier", questions * each_question.get(name, settings.model.samples))
    return [_planned(name, engine, count) for name, (engine, count) in counts.items() if count]


def _planned(name: str, engine: str, requests: int) -> Planned:
    prompt = load_prompt(name)
    characters = sum(len(each.content) for each in prompt.templates)
    return Planned(prompt.id, engine, requests, requests * characters, requests * prompt.sampling.max_tokens)
