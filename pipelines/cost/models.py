"""What models are asked in a build: completions of every kind of text, and sentences to be embedded."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from statistics import mean
from typing import Final, Literal

import orjson

from filters.bitext.mining import Mining
from filters.bitext.ranking import model_files
from mixtures.recipe import ENGLISH
from mixtures.tokenizer import load_tokenizer
from mixtures.upstream import fineweb2_tokens
from pipelines.build import Build
from pipelines.cost.interval import Interval, total
from pipelines.cost.sample_text import packed_languages, packed_texts
from pipelines.cost.volumes import Volumes
from pipelines.written_category import category_of
from sources.language import language
from synth.prompt import load_prompt
from synth.questions.estimate import planned
from synth.settings import RECORDINGS, Kind, Synthesis

PLACE: Final = "questions/place"
# Characters of a sentence that is embedded to measure, and sentences that are embedded before.
_SENTENCE: Final = 120
_WARM: Final = 8


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one GPU does in a second, as it is published; or what is measured here, where the model is there.

    `completion_tokens`: Gemma 3 12B tags 12,000 tokens in and 2,000 out on one H100 (AI2's dolma3 README).
    `sentences`: EmbeddingGemma, 0.3G parameters, embeds 750 documents on one GPU (the floor of NeMo Curator's
    nightly benchmark); by parameters, that is 28 for a model of 8G. Sentences are shorter than documents.
    """

    completion_tokens: float = 2_000.0
    sentences: float = 28.0
    # Where it embeds: sentences of "cpu" are those of one core, and take core time.
    embeds_on: Literal["gpu", "cpu"] = "gpu"
    measured: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What the models are asked for one language."""

    requests: float
    # Completion tokens, or sentences.
    amount: Interval


def measured_throughput(profile: str, known: Throughput) -> Throughput:
    """`known` with the sentences that the profile's model embeds in a second on this machine.

    Only where the model's folder is named (`BABELMIX_BITEXT`): one on the Hub would be fetched first.

    Raises:
        BabelmixError: the model cannot be loaded.
    """
    ranking = Mining.for_profile(profile).ranking
    if ranking.model is None or model_files.folder(ranking.model) is None:
        return known
    from filters.bitext.ranking.embed import Embedder

    embedder = Embedder(ranking)
    texts = [text for code in packed_languages() for text in packed_texts(code)[:1]]
    sentences = [text[:_SENTENCE] for text in texts]
    embedder.encode(sentences[:_WARM])
    wall, processor = time.perf_counter(), time.process_time()
    embedder.encode(sentences)
    if embedder.device == "cpu":
        return replace(
            known, sentences=len(sentences) / (time.process_time() - processor), embeds_on="cpu", measured=True
        )
    return replace(known, sentences=len(sentences) / (time.perf_counter() - wall), measured=True)


def completions(build: Build, volumes: Volumes) -> dict[tuple[str, str], Asked]:
    """The completions for each kind of text and language, none where they are replayed.

    Where no server is named, the default settings count, with a verifier. Every item is counted as if no check
    dropped any, every document as if it were one request; a completion at the mean length of those that were
    recorded, at most as long as its prompt allows.
    """
    named = Synthesis.for_profile(build.profile)
    if named is not None and named.replayed:
        return {}
    synthesis = named or Synthesis()
    documents: defaultdict[str, float] = defaultdict(float)
    for (_, code), volume in volumes.documents.items():
        documents[code] += volume.documents * volume.kept.middle
    found: dict[tuple[str, str], Asked] = {}
    for kind in build.recipe.synthesis:
        for code in _languages(kind, build, synthesis, named is None, documents):
            rows = _requests(kind, code, int(documents[code]), synthesis)
            amount = total(completion_tokens(prompt) * requests for prompt, requests in rows)
            found[kind, code] = Asked(float(sum(requests for _, requests in rows)), amount)
    return found


def _languages(
    kind: Kind, build: Build, synthesis: Synthesis, unnamed: bool, documents: Mapping[str, float]
) -> list[str]:
    """The languages that have a kind: those of the build's steps, or those that would have some."""
    if not unnamed:
        return [step.settings["language"] for step in build.steps if step.kind == kind]
    wanted = build.recipe.category_shares()
    codes = [code for code in documents if category_of(code) in wanted]
    if kind in ("translate", "rephrase"):
        codes = [code for code in codes if code != ENGLISH]
    if kind == "rephrase":
        sizes = fineweb2_tokens()
        codes = [code for code in codes if sizes.get(code, 0) < synthesis.rephrase.weak_below]
    return codes


def _requests(kind: Kind, code: str, documents: int, synthesis: Synthesis) -> list[tuple[str, int]]:
    """Requests by prompt."""
    match kind:
        case "questions":
            looked_at = min(synthesis.documents, documents)
            verified = synthesis.verifier is not None or synthesis.writer is None
            return [
                (PLACE, looked_at),
                *(
                    (each.prompt.partition("@")[0], each.requests)
                    for each in planned(language(code), synthesis.questions, looked_at)
                    if each.engine == "engine" or verified
                ),
            ]
        case "culture":
            written = min(synthesis.culture.articles, documents)
            rated = min(synthesis.culture.rated, documents)
            return [("culture/rate", rated), ("culture/annotate", written), ("culture/article", written)]
        case "translate":
            return [("translate/document", synthesis.translate.documents)]
        case "rephrase":
            return [("rephrase/plain", min(synthesis.rephrase.documents, documents))]


@cache
def completion_tokens(prompt: str) -> Interval:
    """Tokens of one completion of a prompt: the mean of the recorded ones, and the most that it may have."""
    most = float(load_prompt(prompt).sampling.max_tokens)
    recorded = _recorded().get(prompt)
    return Interval(recorded, recorded, most) if recorded else Interval(0.0, most / 2, most)


@cache
def _recorded() -> Mapping[str, float]:
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(RECORDINGS.glob("*.*.jsonl")):
        for line in path.read_bytes().splitlines():
            row = orjson.loads(line)
            texts[row["prompt"].partition("@")[0]].append(row["text"])
    tokenizer = load_tokenizer()
    return {prompt: mean(map(len, tokenizer.encode_batch(found))) for prompt, found in texts.items()}


def ranking(build: Build, volumes: Volumes) -> dict[str, Asked]:
    """The sentences of each language that the profile's model embeds; none where the heuristic ranks."""
    settings = Mining.for_profile(build.profile).ranking
    found = {}
    for code, pairs in volumes.pairs.items():
        if model_files.knows(settings, code):
            low, middle, high = (2 * min(settings.candidates, each) for each in pairs.as_list())
            found[code] = Asked(0.0, Interval(low, middle, high))
    return found
