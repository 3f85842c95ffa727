"""The steps by which a model writes for a stage: questions, cultural articles, translations and paraphrases."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mixtures.recipe import ENGLISH, MULTILINGUAL, Recipe
from mixtures.upstream import fineweb2_tokens
from pipelines.input_fingerprint import content_identity
from pipelines.step import Step
from pipelines.written_category import category_of
from sources.buckets import Bucket
from sources.errors import BabelmixError
from sources.language import language
from synth.culture.settings import SOURCE as CULTURE
from synth.prompt import prompts_digest
from synth.questions.settings import SOURCE as QUESTIONS
from synth.settings import Kind, Synthesis, recordings

# Raised by hand as `pipelines.build.VERSIONS` is, of which these are a part.
SYNTHESIS_VERSIONS: Final[dict[str, int]] = {"questions": 2, "culture": 1, "translate": 1, "rephrase": 1}
# The folder of `synthetic/` that has a kind's records.
ROOMS: Final[dict[Kind, str]] = {
    "questions": "questions",
    "culture": "culture",
    "translate": "translation",
    "rephrase": "rephrase",
}

# What a kind's documents are called.
WRITTEN_KINDS: Final[dict[str, str]] = {
    "questions": "regional questions",
    "culture": "cultural articles",
    "translate": "translations",
    "rephrase": "paraphrases",
}

Curated = Mapping[tuple[str, str], Step]


def synthesis_steps(recipe: Recipe, profile: str, curated: Curated, buckets: Iterable[Bucket]) -> list[Step]:
    """The steps of every kind that the recipe asks for, in every language that is to have it.

    None where the profile has no server; of replayed kinds those languages that were recorded. `curated` are the
    steps by source and language, `buckets` what they are of.

    Raises:
        BabelmixError: the recipe has nothing that could be translated, or a file of the settings is missing.
    """
    synthesis = Synthesis.for_profile(profile) if recipe.synthesis else None
    if synthesis is None:
        return []
    found = []
    for kind in recipe.synthesis:
        codes = [code for code in _CODES[kind](recipe, synthesis) if category_of(code) in recipe.category_shares()]
        if synthesis.replayed:
            codes = [code for code in codes if recordings(code, kind)]
        if kind == "translate" and codes:
            inputs = _english(synthesis, curated, buckets)
            found += [synthesis_step(kind, code, synthesis, inputs) for code in codes]
        else:
            for code in codes:
                inputs = [step for (_, of), step in curated.items() if of == code]
                found.append(synthesis_step(kind, code, synthesis, inputs))
    return found


def synthesis_step(kind: Kind, code: str, synthesis: Synthesis, inputs: Sequence[Step]) -> Step:
    """Writes and checks one kind of text in one language, on the documents of `inputs`."""
    source = {
        "questions": QUESTIONS,
        "culture": CULTURE,
        "translate": synthesis.translate.settings.source,
        "rephrase": synthesis.rephrase.settings.source,
    }[kind]
    files = recordings(code, kind) if synthesis.replayed else []
    settings: dict[str, Any] = {
        "source": source,
        "language": code,
        "synthesis": synthesis.deciding(kind),
        "prompts": prompts_digest(kind),
        "recordings": [content_identity(str(path)).hex() for path in files],
    }
    if kind != "questions":
        # The checks are held against what is known of the language.
        settings["about"] = language(code).model_dump(mode="json", exclude={"datasets"})
    if kind == "culture" and (read := synthesis.culture.concepts.of(code)):
        settings["concepts"] = [_identity(path) for path in read]
    folders = (f"dropped/{source}/{code}", f"synthetic/{ROOMS[kind]}/{code}", f"curated/{source}/{code}")
    return Step(kind, SYNTHESIS_VERSIONS[kind], folders, settings, tuple(inputs))


def _everywhere(recipe: Recipe, _: Synthesis) -> list[str]:
    return [ENGLISH, *_multilingual(recipe)]


def _multilingual(recipe: Recipe, _: Synthesis | None = None) -> list[str]:
    return sorted(recipe.language_codes()) if MULTILINGUAL in recipe.category_shares() else []


def _weak(recipe: Recipe, synthesis: Synthesis) -> list[str]:
    named, tokens = [language(code).code for code in synthesis.rephrase.languages], fineweb2_tokens()
    return [
        code
        for code in _multilingual(recipe)
        if (code in named if named else tokens.get(code, 0) < synthesis.rephrase.weak_below)
    ]


_CODES: Final[dict[Kind, Callable[[Recipe, Synthesis], list[str]]]] = {
    "questions": _everywhere,
    "culture": _everywhere,
    "translate": _multilingual,
    "rephrase": _weak,
}


def _english(synthesis: Synthesis, curated: Curated, buckets: Iterable[Bucket]) -> list[Step]:
    """The steps whose English documents are translated."""
    wanted = synthesis.translate.categories
    sources = sorted({each.source for each in buckets if each.language == ENGLISH and each.category in wanted})
    if not sources:
        raise BabelmixError(
            f"synthesis: translate: the recipe has none of the categories {', '.join(wanted)} in English;"
            " give it one, or name others in `translate: {categories: ...}` of BABELMIX_SYNTHESIS"
        )
    return [curated[name, ENGLISH] for name in sources]


def _identity(path: Path) -> str:
    try:
        # A dump has 100 GB and more, which nobody reads only to see whether anything is to be done.
        if path.stat().st_size > 1 << 30:
            return f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}"
        return content_identity(str(path)).hex()
    except OSError as error:
        raise BabelmixError(
            f"culture.concepts: {path}: cannot be read ({error.strerror}); name another file"
        ) from error
