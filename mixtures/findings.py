"""What a reader of a plan must not have to find in its table: each finding is one of the plan's warnings."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from mixtures.plan import Plan
from mixtures.recipe import ENGLISH, MULTILINGUAL, LanguageRule, Recipe, share_sums
from mixtures.token_count import format_tokens
from mixtures.upstream import fineweb2_tokens

# Share planned less share wanted, as a fraction of 1, above which it is named: 0.05 percentage points.
DEVIATION: Final = 0.0005


def findings(recipe: Recipe, plan: Plan, unused: Mapping[str, int]) -> Iterator[str]:
    """One text for each kind of finding. `unused`: tokens by name that the recipe has no share for."""
    yield from recipe.notes
    yield from _sums(recipe)
    if plan.inventory == "upstream":
        yield (
            "tokens available are estimates from published sizes, before curation: FineWeb-2's words times"
            " tokens per word of the sample pack, and the numbers of dataset cards"
        )
    if recipe.rehydrate:
        counted = "not counted here" if plan.inventory == "upstream" else "counted as tokens that are available"
        yield f"documents are repeated within an epoch for their dropped copies (rehydrate), {counted}"
    if isinstance(recipe.languages, LanguageRule):
        unknown = [code for code in recipe.language_codes() if code not in fineweb2_tokens()]
        if unknown:
            yield f"no published size, wanted like the languages that have plenty: {', '.join(unknown)}"
    if plan.tokens != recipe.size:
        average = ", as many as the ledger's buckets hold (one epoch on average)"
        said = average if plan.tokens == plan.tokens_available and plan.inventory == "ledger" else ""
        yield f"{format_tokens(plan.tokens)} tokens of the stage's {format_tokens(recipe.size)}{said}"
    if plan.tokens_planned < plan.tokens:
        missing = plan.tokens - plan.tokens_planned
        yield f"SHORTFALL: {missing:,} of {plan.tokens:,} tokens wanted cannot be planned"

    named = [(row.category or "", row) for row in plan.categories]
    named += [(row.language or "", row) for row in plan.languages if row.language != ENGLISH]
    empty = [name for name, row in named if row.tokens_wanted and not row.tokens_available]
    if empty:
        yield f"nothing available, so nothing planned: {', '.join(empty)}"
    capped = [
        f"{name} ({format_tokens(row.tokens_wanted)} wanted, {format_tokens(row.tokens_planned)} planned)"
        for name, row in named
        if row.tokens_available and row.tokens_wanted > plan.max_epochs * row.tokens_available
    ]
    if capped:
        yield f"capped at {plan.max_epochs:g} epochs: {', '.join(capped)}"
    repeated = sorted((-row.epochs, name) for name, row in named if row.epochs > 1)
    if repeated:
        yield f"epochs above 1: {', '.join(f'{name} {-epochs:.2f}' for epochs, name in repeated)}"
    off = [(row.share_planned - row.share_wanted, name) for name, row in named]
    off = sorted((each for each in off if abs(each[0]) > DEVIATION), key=lambda each: (-abs(each[0]), each[1]))
    if off:
        listed = ", ".join(f"{name} {100 * points:+.2f}" for points, name in off)
        yield f"share planned differs from share wanted, in percentage points: {listed}"
    # Published sizes are of all languages; what was collected and is not used is worth a word.
    if plan.inventory == "ledger" and any(unused.values()):
        names = sorted(name for name, tokens in unused.items() if tokens)
        yield f"{format_tokens(sum(unused.values()))} tokens are not in this recipe: {', '.join(names)}"


def _sums(recipe: Recipe) -> Iterator[str]:
    """Shares that do not add up as the recipe writes them, and are scaled."""
    categories, languages, multilingual = share_sums(recipe)
    if categories != 100:
        yield f"categories add up to {_percent(categories)} in the recipe and are scaled to 100"
    if languages and languages != multilingual:
        scaled = f"scaled to the {_percent(multilingual)} of {MULTILINGUAL}"
        yield f"languages add up to {_percent(languages)} in the recipe and are {scaled}"


def _percent(share: Fraction) -> str:
    return f"{float(share):.4f}".rstrip("0").rstrip(".")
