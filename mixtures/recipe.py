"""A recipe: what a stage should hold, in percent of the stage's tokens, as the published charts print it.

The recipes of the curriculum are `recipes/<model>/stage<N>.yaml`; a person may keep their own anywhere.
"""

import difflib
import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from mixtures.token_count import parse_tokens
from sources.errors import BabelmixError
from sources.language import languages as registered_languages
from sources.loading import load_yaml
from sources.source import RecipeCategory

CATEGORIES: Final[tuple[str, ...]] = get_args(RecipeCategory)
MULTILINGUAL: Final = "multilingual"
# The language of every other category: the charts' English block.
ENGLISH: Final = "eng_Latn"

# In percentage points: the charts round categories to 0.01 and languages to 0.1, so their sums are off.
CATEGORY_TOLERANCE: Final = Fraction(1, 10)
LANGUAGE_TOLERANCE: Final = Fraction(2, 10)

RECIPES: Final = Path(__file__).parent / "recipes"

Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
TokenCount = Annotated[int, BeforeValidator(parse_tokens)]


class LanguageRule(BaseModel):
    """Languages by rule instead of by a published chart.

    `unimax` (Chung et al. 2023): equal shares, but none above what `max_epochs` of its FineWeb-2 size allows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["unimax"]
    # "all": every registered language but English, those added later too.
    over: Literal["all"] | tuple[str, ...] = "all"


def _kind_of_languages(value: Any) -> str:
    if isinstance(value, LanguageRule) or (isinstance(value, dict) and {"rule", "over"} & value.keys()):
        return "rule"
    return "shares"


class Recipe(BaseModel):
    """One stage of a model's curriculum. Shares are percent; `size` is in tokens of `tokenizer`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    stage: int = Field(ge=1)
    # Where the stage lies in the curriculum; `tokens` instead, for a mixture of its own.
    begin: TokenCount | None = Field(default=None, alias="from")
    end: TokenCount | None = Field(default=None, alias="to")
    tokens: TokenCount | None = None
    tokenizer: str = "Qwen/Qwen3-0.6B-Base"
    # Four passes over the same text are worth nearly as much as new text (Muennighoff et al. 2023).
    max_epochs: float = Field(default=4, gt=0, allow_inf_nan=False)
    on_shortage: Literal["redistribute", "fail"] = "redistribute"
    # Documents are repeated within an epoch by FineWeb-2's weights for the copies of them that were dropped
    # (filters/rehydration.py). Sizes that upstream publishes are without repetitions, those of a ledger with them.
    # Left out where it is off, so that a recipe without it is the same as ever.
    rehydrate: bool = Field(default=False, exclude_if=lambda wanted: not wanted)
    # What a model writes for this stage: regional questions and cultural articles in every language of the recipe,
    # English documents translated into every other one, documents of weak languages said anew. Left out where
    # there is none, so that such a recipe is the same as ever.
    synthesis: tuple[Literal["questions", "culture", "translate", "rephrase"], ...] = Field(
        default=(), exclude_if=lambda wanted: not wanted
    )
    # The sums of the shares may be off by more than rounding: they are scaled, and the plan says so.
    normalise: bool = False
    categories: dict[str, Percent]
    languages: Annotated[
        Annotated[dict[str, Percent], Tag("shares")] | Annotated[LanguageRule, Tag("rule")],
        Discriminator(_kind_of_languages),
    ] = Field(default_factory=dict)
    # Where the shares come from.
    source: str = ""
    # What a reader of any plan of this recipe must know; every plan repeats them among its warnings.
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Tokens of the whole stage, as `tokens` or as `from` and `to` say."""
        if self.tokens is not None:
            return self.tokens
        assert self.end is not None  # load_recipe has checked
        return self.end - (self.begin or 0)

    def category_shares(self) -> dict[str, Fraction]:
        """Shares of the stage's tokens, normalised: they add up to exactly 1."""
        return _normalised(self.categories)

    def language_shares(self) -> dict[str, Fraction]:
        """Charted shares within the multilingual category, normalised to 1; empty if a rule makes them."""
        return {} if isinstance(self.languages, LanguageRule) else _normalised(self.languages)

    def language_codes(self) -> list[str]:
        """The languages of the multilingual share, in the recipe's order (a rule's: by code)."""
        if isinstance(self.languages, LanguageRule):
            if self.languages.over != "all":
                return list(self.languages.over)
            return [code for code in registered_languages() if code != ENGLISH]
        return [code for code, share in self.languages.items() if share > 0]


class _Alias(BaseModel):
    """`recipes/<model>.yaml`: a model that is trained on another one's mixtures."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    same_as: str


def load_recipe(model: str, stage: int | str | Path) -> Recipe:
    """The recipe of a model's stage; `stage` is 4, "4", "stage4", or the path of a recipe file of one's own.

    Raises:
        BabelmixError: no such model or stage; a key, category or language that nobody knows; shares whose
            sums are off by more than rounding without `normalise: true`. Names file, field and remedy.
    """
    if str(stage).endswith((".yaml", ".yml")):
        path = Path(str(stage))
        if not path.is_file():
            raise BabelmixError(
                f"{path}: no such recipe file; give the path of an existing one, or stage1 to stage4"
            )
        return _checked(load_yaml(path, Recipe), path)
    number = _stage_number(str(stage))
    stages = recipe_files().get(model)
    if stages is None:
        close = difflib.get_close_matches(model, recipe_files(), n=1, cutoff=0.4)
        meant = f"did you mean {close[0]}? " if close else ""
        raise BabelmixError(f"model {model!r}: no recipes; {meant}models are {', '.join(recipe_files())}")
    if number not in stages:
        listed = ", ".join(f"stage{known}" for known in stages)
        raise BabelmixError(
            f"stage {str(stage)!r}: {model} has {listed}, or give the path of a recipe file (.yaml)"
        )
    path = stages[number]
    return _checked(load_yaml(path, Recipe), path).model_copy(update={"model": model})


@cache
def recipe_files() -> dict[str, dict[int, Path]]:
    """model -> stage -> bundled recipe file; a model that an alias file names has the other one's files."""
    found: dict[str, dict[int, Path]] = {}
    for path in RECIPES.glob("*/stage*.yaml"):
        found.setdefault(path.parent.name, {})[_stage_number(path.stem)] = path
    for path in RECIPES.glob("*.yaml"):
        found[path.stem] = found[load_yaml(path, _Alias).same_as]
    return {model: dict(sorted(stages.items())) for model, stages in sorted(found.items())}


def _stage_number(text: str) -> int:
    form = re.fullmatch(r"(?:stage)?(\d+)", text.strip())
    # -1 is no stage of any model, so the caller's message lists those that are.
    return int(form.group(1)) if form else -1


def _normalised(shares: dict[str, float]) -> dict[str, Fraction]:
    exact = {name: as_fraction(share) for name, share in shares.items() if share > 0}
    total = sum(exact.values())
    return {name: share / total for name, share in exact.items()}


def as_fraction(number: float) -> Fraction:
    """The number as it was written: 0.1 is a tenth, not the nearest binary fraction."""
    return Fraction(repr(float(number)))


def share_sums(recipe: Recipe) -> tuple[Fraction, Fraction, Fraction]:
    """Percent as written: all categories, all languages, and the multilingual share that these fill."""
    charted = {} if isinstance(recipe.languages, LanguageRule) else recipe.languages
    multilingual = as_fraction(recipe.categories.get(MULTILINGUAL, 0.0))
    categories = sum(map(as_fraction, recipe.categories.values()), Fraction())
    return categories, sum(map(as_fraction, charted.values()), Fraction()), multilingual


def _checked(recipe: Recipe, path: Path) -> Recipe:
    def fail(field: str, message: str) -> NoReturn:
        raise BabelmixError(f"{path}: {field}: {message}")

    span = (recipe.begin, recipe.end)
    if recipe.tokens is None and recipe.end is None:
        fail("tokens", "missing; write `tokens: 500G`, or `from:` and `to:` for a stage of a curriculum")
    if recipe.tokens is not None and span != (None, None):
        fail("tokens", "stands beside `from`/`to`; keep one of the two")
    if recipe.size <= 0:
        fail(
            "to" if recipe.tokens is None else "tokens",
            f"the stage holds {recipe.size} tokens; write more than 0",
        )

    for name in recipe.categories:
        if name not in CATEGORIES:
            fail("categories", f"unknown category {name!r}; {_suggest(name, CATEGORIES)}")
    written, languages, multilingual = share_sums(recipe)
    if written == 0:
        fail("categories", "all shares are 0; give percent of the stage's tokens")
    if not recipe.normalise and abs(written - 100) > CATEGORY_TOLERANCE:
        fail(
            "categories",
            f"shares add up to {_percent(written)}, not 100 ± 0.1; mend them or write `normalise: true`",
        )

    if multilingual == 0:
        if recipe.languages:
            fail(
                "languages",
                "given, but categories have no `multilingual` share; add it or leave the languages out",
            )
        return recipe
    known = registered_languages()
    for code in recipe.language_codes() if isinstance(recipe.languages, LanguageRule) else recipe.languages:
        if code not in known:
            remedy = f"{_suggest(code, known)} Or add it: babelmix languages add {code}"
            fail("languages", f"unknown language {code!r}; {remedy}")
    if not recipe.language_codes():
        fail(
            "languages",
            f"missing or all 0, but `multilingual` is {_percent(multilingual)}; give percent by language",
        )
    off = abs(languages - multilingual)
    if not isinstance(recipe.languages, LanguageRule) and not recipe.normalise and off > LANGUAGE_TOLERANCE:
        said = f"shares add up to {_percent(languages)}, not to multilingual's {_percent(multilingual)} ± 0.2"
        fail("languages", f"{said}; mend them or write `normalise: true`")
    return recipe


def _percent(share: Fraction) -> str:
    return f"{float(share):.4f}".rstrip("0").rstrip(".")


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known are {', '.join(list(known)[:12])}{' …' if len(list(known)) > 12 else ''}"
