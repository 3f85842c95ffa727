"""What a model would be asked for, before it is: requests, tokens and GPU hours, prompt by prompt."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from mixtures.tokenizer import load_tokenizer
from pipelines.chosen_documents import Chosen, every
from pipelines.collect import collect_files
from pipelines.document_io import row_counts
from sources.language import Language
from synth.culture.annotation import CULTURE, Annotation
from synth.culture.articles import CulturalArticle
from synth.culture.concept_files import concept_index
from synth.culture.rating import Rating
from synth.engine.estimate import estimate
from synth.prompt import load_prompt
from synth.questions.estimate import planned as planned_questions
from synth.questions.grounds import GROUNDS
from synth.request import Engine, Finished, Request
from synth.settings import Synthesis
from synth.translation.document_task import Task, planned

# Tokens of a document or note in a prompt of questions: two pages of it at the most.
_PASSAGE_TOKENS: Final = 1_000
_TOKENIZER: Final = "Qwen/Qwen3-0.6B-Base"
_SECONDS_PER_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Cost:
    """Requests of one prompt; completions are counted at their longest."""

    prompt: str
    requests: int
    prompt_tokens: int
    completion_tokens: int


def cost_table(costs: Iterable[Cost], tokens_per_second: float) -> str:
    """A row for each prompt, their sum, and the hours at so many completion tokens a second of one GPU."""
    lines = [f"{'prompt':<24} {'requests':>12} {'prompt tokens':>16} {'completion tokens':>18}"]
    rows = list(costs)
    rows.append(
        Cost(
            "at most",
            sum(each.requests for each in rows),
            sum(each.prompt_tokens for each in rows),
            sum(each.completion_tokens for each in rows),
        )
    )
    for each in rows:
        counts = f"{each.requests:>12,} {each.prompt_tokens:>16,} {each.completion_tokens:>18,}"
        lines.append(f"{each.prompt:<24} {counts}")
    hours = gpu_hours(rows[-1:], tokens_per_second)
    lines.append(f"{hours:,.1f} GPU hours at {tokens_per_second:,.0f} completion tokens a second of one GPU")
    return "\n".join(lines)


def gpu_hours(costs: Iterable[Cost], tokens_per_second: float) -> float:
    """How long it takes to write all completions; reading the prompts counts as free."""
    return sum(each.completion_tokens for each in costs) / tokens_per_second / _SECONDS_PER_HOUR


def questions_cost(language: Language, synthesis: Synthesis, folder: str | None) -> list[Cost]:
    """Questions on the documents of `folder`, or on notes about the language's regions.

    A tree is counted as if every node had all the children that the settings allow, and every question came
    through all checks. A passage counts as 1,000 tokens.
    """
    looked_at = min(sum(row_counts(folder)), synthesis.documents) if folder else None
    rows = [
        (each.prompt.partition("@")[0], each.requests)
        for each in planned_questions(language, synthesis.questions, looked_at)
        if synthesis.verifier is not None or each.engine == "engine"
    ]
    if looked_at is not None:
        rows.insert(0, ("questions/place", looked_at))
    counted = load_tokenizer(_TOKENIZER)
    found = []
    for name, requests in rows:
        template = load_prompt(name)
        words = sum(
            len(each) for each in counted.encode_batch([message.content for message in template.templates])
        )
        words += _PASSAGE_TOKENS * ("passage" in template.variables)
        found.append(Cost(name, requests, requests * words, requests * template.sampling.max_tokens))
    return found


def culture_cost(language: Language, synthesis: Synthesis, folder: str) -> list[Cost]:
    """Ratings of the sample, and articles as if every other document that may be written of were dense."""
    settings, nobody = synthesis.culture, _Nobody()
    chosen = Chosen((folder,), GROUNDS, settings.documents)
    found = _costs(planned(chosen.sample(settings.rated).rows(), Rating(language, nobody, settings.rating)))
    dense: list[Task] = [Annotation(language, nobody, settings.annotation), _Article(language, nobody, synthesis)]
    for task in dense:
        found += _costs(planned(islice(chosen.rows(), settings.articles), task))
    return found


def documents_cost(files: Sequence[str], language: Language, task: Callable[[Engine], Task]) -> list[Cost]:
    """The requests for documents of one's own."""
    with tempfile.TemporaryDirectory() as folder:
        collect_files(files, language, folder)
        return _costs(planned(every(folder), task(_Nobody())))


def _costs(requests: Iterable[Request]) -> list[Cost]:
    """Prompt by prompt, in the order in which they come; no request is kept."""
    tokenizer = load_tokenizer(_TOKENIZER)

    def count(text: str) -> int:
        return len(tokenizer.encode_batch([text])[0])

    found: dict[str, Cost] = {}
    for request in requests:
        name = request.prompt.partition("@")[0]
        known, one = found.get(name, Cost(name, 0, 0, 0)), estimate([request], count, 1.0)
        found[name] = Cost(
            name,
            known.requests + 1,
            known.prompt_tokens + one.prompt_tokens,
            known.completion_tokens + one.completion_tokens,
        )
    return list(found.values())


class _Article(CulturalArticle):
    """Asks for articles before anybody has catalogued the documents: any topic is as long as another."""

    def __init__(self, language: Language, engine: Engine, synthesis: Synthesis) -> None:
        settings = synthesis.culture
        super().__init__(language, engine, concept_index(settings.concepts, language), settings.article)

    def __call__(self, document: Mapping[str, Any]) -> Any:
        """See `CulturalArticle`."""
        return super().__call__({**document, "metadata": {CULTURE: {"topic": "manners", "region": "GB"}}})


class _Nobody:
    """An engine that is not asked."""

    model, revision = "", ""

    def complete(self, requests: Iterable[Request]) -> Iterator[Finished]:
        """See `synth.request.Engine`."""
        raise NotImplementedError("an estimate asks nothing")
