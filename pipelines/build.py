"""The steps of a stage: which folders are made from which, for a recipe, a profile and a tokenizer."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from filters.bitext.mining import Mining
from filters.bitext.templates import templates_digest
from filters.priority import in_priority
from filters.settings import CurationSettings
from mixtures.order import ORDER_VERSION
from mixtures.recipe import ENGLISH, MULTILINGUAL, Recipe, load_recipe, recipe_files
from mixtures.tokenizer import tokenizer_fingerprint
from pipelines.curation_page import FOLDER
from pipelines.input_fingerprint import input_fingerprint, pair_fingerprint
from pipelines.removals import RemovalSettings
from pipelines.step import Step
from pipelines.synthesis_steps import SYNTHESIS_VERSIONS, synthesis_steps
from pipelines.written_category import category_of
from sources.buckets import Bucket, buckets
from sources.language import language
from sources.pair_files import NoPairsError, pair_source
from sources.source import source

# Raised by hand when a step's code starts to give other bytes for the same settings and inputs.
# The kinds stand in the order in which a document meets them.
VERSIONS: dict[str, int] = {
    "collect": 1, "measure": 1, "curate": 3, "report": 1, "mine": 1, "across": 1, "render": 1,
    **SYNTHESIS_VERSIONS, "tokenise": 1, "mix": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Build:
    """A stage's steps. `mix` is the last; `steps` holds every step before the steps that need it."""

    recipe: Recipe
    profile: str
    steps: tuple[Step, ...]

    @property
    def mix(self) -> Step:
        """The step that makes the mixture."""
        return self.steps[-1]

    def as_far_as(self, kind: str) -> tuple[Step, ...]:
        """The steps of `kind` and of the kinds before it: what `curated/` needs, for "curate"."""
        wanted = list(VERSIONS)[: list(VERSIONS).index(kind) + 1]
        return tuple(step for step in self.steps if step.kind in wanted)

    def needed_for(self, kind: str) -> tuple[Step, ...]:
        """The steps of `kind` and all that they need, and no others; in the order of their inputs."""
        wanted = {step.name for step in self.steps if step.kind == kind}
        for step in reversed(self.steps):
            if step.name in wanted:
                wanted |= {each.name for each in step.inputs}
        return tuple(step for step in self.steps if step.name in wanted)


def build(
    recipe: Recipe, profile: str, tokens: int | None, seed: int, removals: RemovalSettings | None = None
) -> Build:
    """The steps that make `recipe`'s mixture from the sources of `profile`.

    `tokens` is the mixture's size, None for what the recipe and the profile give. A bucket that the recipe
    asks for and the profile lacks has no step: the plan names it. `removals` is what people want removed.
    """
    wanted = [bucket for bucket in buckets(profile) if _wants(recipe, bucket)]
    pairs = sorted({(bucket.source, bucket.language) for bucket in wanted})
    collected = {pair: collect_step(*pair, profile) for pair in pairs}
    measured = {pair: measure_step(collected[pair], *pair, profile) for pair in pairs}
    removals = removals or RemovalSettings()
    curated = _curated(collected, measured, profile, removals)
    reported = report_step(list(curated.values()))
    mining, rendered = mining_steps(_mined_codes(recipe), profile)
    rendered = [step for step in rendered if step.settings["language"] in _codes(recipe)]
    rendered = [_removing(step, removals) for step in rendered]
    made = curated | {(step.settings["source"], step.settings["language"]): step for step in rendered}
    wanted += [Bucket(MULTILINGUAL, step.settings["source"], step.settings["language"]) for step in rendered]
    written = [_removing(step, removals) for step in synthesis_steps(recipe, profile, curated, wanted)]
    made |= {(step.settings["source"], step.settings["language"]): step for step in written}
    wanted += [
        Bucket(category_of(step.settings["language"]), step.settings["source"], step.settings["language"])
        for step in written
    ]
    tokenised = [
        tokenise_step(made[bucket.source, bucket.language], bucket, recipe.tokenizer, recipe.rehydrate)
        for bucket in sorted(wanted, key=lambda bucket: (bucket.category, bucket.source, bucket.language))
    ]
    mix = mix_step(recipe, profile, tokens, seed, tokenised)
    documents = (*collected.values(), *measured.values(), *curated.values(), reported)
    return Build(recipe, profile, (*documents, *mining, *rendered, *written, *tokenised, mix))


def _codes(recipe: Recipe) -> list[str]:
    return sorted(recipe.language_codes()) if MULTILINGUAL in recipe.category_shares() else []


def _mined_codes(recipe: Recipe) -> list[str]:
    """The languages whose pairs are held against one another: those of all stages of the recipe's model.

    So that the stages have the same documents and their mixtures stand in one workspace, as a curriculum needs it.
    """
    stages = [load_recipe(recipe.model, stage) for stage in recipe_files().get(recipe.model, ())]
    return sorted({code for each in stages for code in _codes(each)}) if recipe in stages else _codes(recipe)


def _wants(recipe: Recipe, bucket: Bucket) -> bool:
    if bucket.category not in recipe.category_shares():
        return False
    if bucket.category == MULTILINGUAL:
        return bucket.language in recipe.language_codes()
    return bucket.language == ENGLISH


def collect_step(source_name: str, code: str, profile: str) -> Step:
    """Reads a source's documents of one language into the one schema."""
    settings = {
        "source": source_name,
        "language": code,
        "profile": profile,
        "input": input_fingerprint(source(source_name), language(code), profile),
    }
    return Step("collect", VERSIONS["collect"], (f"collected/{source_name}/{code}",), settings)


def measure_step(collected: Step, source_name: str, code: str, profile: str) -> Step:
    """Repairs, identifies and measures each document of one source and language once."""
    settings = {
        "source": source_name,
        "language": code,
        "curation": CurationSettings.for_profile(profile).measuring(language(code)),
    }
    return Step("measure", VERSIONS["measure"], (f"measured/{source_name}/{code}",), settings, (collected,))


def _curated(
    collected: dict[tuple[str, str], Step],
    measured: dict[tuple[str, str], Step],
    profile: str,
    removals: RemovalSettings,
) -> dict[tuple[str, str], Step]:
    """The curation of every source and language, each language's sources in their priority."""
    priority = CurationSettings.for_profile(profile).priority
    found: dict[tuple[str, str], Step] = {}
    for code in sorted({code for _, code in collected}):
        before: list[Step] = []
        for name in in_priority([each for each, of in collected if of == code], priority):
            pair = (name, code)
            removed = removals.of(name, code, collected[pair].fingerprint)
            found[pair] = curate_step(collected[pair], measured[pair], name, code, profile, tuple(before), removed)
            before.append(found[pair])
    return found


def curate_step(
    collected: Step,
    measured: Step,
    source_name: str,
    code: str,
    profile: str,
    before: tuple[Step, ...] = (),
    removed: Mapping[str, str] | None = None,
) -> Step:
    """Keeps or drops each document of one source and language by what was measured of it, and says why.

    `before` are the sources of the language that come first: what they keep is not kept again. `removed` is the
    setting of the removal list, None where it does not concern these documents.
    """
    settings = {
        "source": source_name,
        "language": code,
        "curation": CurationSettings.for_profile(profile).deciding(language(code)),
        # Named only where something is removed, so that what is not concerned keeps its fingerprint.
        **({"removals": dict(removed)} if removed else {}),
    }
    folders = tuple(f"{room}/{source_name}/{code}" for room in ("dropped", "standing", "curated"))
    return Step("curate", VERSIONS["curate"], folders, settings, (collected, measured, *before))


def _removing(step: Step, removals: RemovalSettings) -> Step:
    """A step that makes documents itself, with the setting of the removal list where it concerns them."""
    removed = removals.of(step.settings["source"], step.settings["language"], step.fingerprint)
    return replace(step, settings={**step.settings, "removals": dict(removed)}) if removed else step


def mining_steps(codes: Sequence[str], profile: str) -> tuple[list[Step], list[Step]]:
    """Finds the best translation pairs of each language that has some, and makes documents of them.

    Returns the steps that mine and the one that looks at all languages together, and those that make documents.
    """
    mining = Mining.for_profile(profile)
    mined = []
    for code in codes:
        # Which languages have none is said by `babelmix mine`.
        with contextlib.suppress(NoPairsError):
            mined.append(mine_step(code, profile, mining))
    if not mined:
        return [], []
    across = Step(
        "across", VERSIONS["across"], ("bitext-across",), {"most": mining.chain.caps.languages}, tuple(mined)
    )
    return [*mined, across], [render_step(each, across) for each in mined]


def mine_step(code: str, profile: str, mining: Mining) -> Step:
    """Ranks a language's translation pairs, and says of each other pair why it is not among the best."""
    source_name = pair_source(language(code))[0].name
    settings = {
        "source": source_name,
        "language": code,
        "profile": profile,
        "input": pair_fingerprint(language(code), profile),
        "mining": mining.deciding(language(code)),
    }
    return Step("mine", VERSIONS["mine"], (f"dropped/{source_name}/{code}", f"bitext/{code}"), settings)


def render_step(mined: Step, across: Step) -> Step:
    """Makes documents and chat records of a language's pairs, without those that too many languages have."""
    source_name, code = mined.settings["source"], mined.settings["language"]
    settings = {
        "source": source_name,
        "language": code,
        "names": [language(each).model_dump(include={"name", "native_name"}) for each in (ENGLISH, code)],
        "templates": templates_digest(),
    }
    folders = (f"dropped/bitext-across/{code}", f"chat/{source_name}/{code}", f"curated/{source_name}/{code}")
    return Step("render", VERSIONS["render"], folders, settings, (mined, across))


def report_step(curated: list[Step]) -> Step:
    """Draws the page on what was curated, and a card of each language."""
    return Step("report", VERSIONS["report"], (FOLDER,), {}, tuple(curated))


def tokenise_step(curated: Step, bucket: Bucket, tokenizer: str, rehydrate: bool = False) -> Step:
    """Turns one bucket's documents into tokens."""
    settings = {
        "category": bucket.category,
        "source": bucket.source,
        "language": bucket.language,
        "tokenizer": tokenizer,
        "tokenizer_fingerprint": tokenizer_fingerprint(tokenizer),
        # Named only where it is on, so that tokens without it keep their fingerprint.
        **({"rehydrate": bucket.language} if rehydrate else {}),
    }
    folder = f"tokens/{bucket.category}/{bucket.source}/{bucket.language}"
    return Step("tokenise", VERSIONS["tokenise"], (folder,), settings, (curated,))


def mix_step(recipe: Recipe, profile: str, tokens: int | None, seed: int, tokenised: list[Step]) -> Step:
    """Plans the recipe against the tokens that are there, and orders them."""
    settings = {
        "recipe": recipe.model_dump(mode="json", by_alias=True),
        "languages": recipe.language_codes(),
        "profile": profile,
        "tokens": tokens,
        "seed": seed,
        "order_version": ORDER_VERSION,
    }
    unplaced = Step("mix", VERSIONS["mix"], ("",), settings, tuple(tokenised))
    folder = f"mixtures/{recipe.model}/stage{recipe.stage}/{unplaced.fingerprint[:16]}"
    return Step("mix", VERSIONS["mix"], (folder,), settings, tuple(tokenised))
