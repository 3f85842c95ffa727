"""Planning: a recipe held against what there is, in whole tokens per bucket, with every deviation said.

Wanted tokens follow the recipe's shares. A bucket gives at most `max_epochs` times its tokens. What a
language of the multilingual category cannot give goes to the category's other languages (`unimax`); what a
whole category cannot give is a shortfall: the plan is smaller than wanted, and says so. Every other category
is English. Within a category and language, sources are used in proportion to their tokens, so repeated alike.
"""

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from mixtures.findings import findings
from mixtures.plan import Inventory, Plan, PlanRow
from mixtures.recipe import ENGLISH, MULTILINGUAL, LanguageRule, Recipe, as_fraction
from mixtures.token_count import format_tokens
from mixtures.unimax import share_out, unimax
from mixtures.upstream import fineweb2_tokens
from sources.errors import BabelmixError


@dataclass(frozen=True, slots=True)
class _Holding:
    """What the inventory holds of a bucket, whatever rows it is split into."""

    category: str
    language: str
    source: str
    tokens: int
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A bucket's part of the plan, or that of a (category, language) that the inventory has no bucket of."""

    category: str
    language: str
    source: str | None
    share: Fraction
    wanted: int
    planned: int
    available: int


def plan(recipe: Recipe, ledger: pl.DataFrame, tokens: int | None = None, inventory: Inventory = "ledger") -> Plan:
    """Resolve a recipe against a ledger: columns category, source, language, tokens and maybe fingerprint.

    `tokens` is how many the mixture should hold. Without it: the recipe's own number, but of a ledger that
    holds less only as many as its used buckets do, so that they are read once on average (a small stage).

    Raises:
        BabelmixError: the ledger holds nothing that the recipe uses, or something is short and the recipe
            says `on_shortage: fail`.
    """
    name = f"{recipe.model} stage {recipe.stage}"
    shares = {
        category: {ENGLISH: share} if category != MULTILINGUAL else _language_shares(recipe, share)
        for category, share in recipe.category_shares().items()
    }
    holdings = _holdings(ledger)
    used = [held for held in holdings if held.language in shares.get(held.category, {})]
    available = sum(held.tokens for held in used)
    if available == 0:
        raise BabelmixError(f"{name}: the {inventory} has no tokens of its categories and languages; add some")
    if tokens is None:
        tokens = min(available, recipe.size) if inventory == "ledger" else recipe.size
    if tokens <= 0:
        raise BabelmixError(f"{name}: {tokens} tokens to plan; give a number above 0, as in --tokens 500G")

    by_pair: defaultdict[tuple[str, str], list[_Holding]] = defaultdict(list)
    for held in used:
        by_pair[held.category, held.language].append(held)
    targets = share_out(
        tokens, {category: sum(inside.values(), Fraction()) for category, inside in shares.items()}
    )
    parts: list[_Part] = []
    for category, inside in shares.items():
        held_inside = {language: by_pair[category, language] for language in inside}
        parts += _parts(category, targets[category], inside, held_inside, as_fraction(recipe.max_epochs))

    total = sum(part.planned for part in parts)
    rows = _rows(parts, total)
    result = Plan(
        model=recipe.model,
        stage=recipe.stage,
        tokens=tokens,
        tokens_planned=total,
        tokens_available=available,
        inventory=inventory,
        tokenizer=recipe.tokenizer,
        max_epochs=recipe.max_epochs,
        fingerprint=_fingerprint(recipe, tokens, inventory, rows, used),
        warnings=(),
        categories=rows["categories"],
        languages=rows["languages"],
        buckets=rows["buckets"],
    )
    if recipe.on_shortage == "fail":
        _fail_if_short(name, recipe, _summed(parts, "category", "language"))
    unused: defaultdict[str, int] = defaultdict(int)
    for held in set(holdings) - set(used):
        unused[held.language if held.category == MULTILINGUAL else held.category] += held.tokens
    return dataclasses.replace(result, warnings=tuple(findings(recipe, result, unused)))


def _fail_if_short(name: str, recipe: Recipe, parts: Iterable[_Part]) -> None:
    epochs = as_fraction(recipe.max_epochs)
    short = sorted((int(epochs * part.available) - part.wanted, part.category, part.language) for part in parts)
    said = [
        f"{category} {language} by {format_tokens(-spare)}" for spare, category, language in short if spare < 0
    ]
    if said:
        raise BabelmixError(
            f"{name}: short at {recipe.max_epochs:g} epochs: {', '.join(said)}; plan fewer tokens, change the"
            " shares, or write `on_shortage: redistribute`"
        )


def _language_shares(recipe: Recipe, multilingual: Fraction) -> dict[str, Fraction]:
    """Shares of the stage's tokens by language of the multilingual category, adding up to it."""
    if not isinstance(recipe.languages, LanguageRule):
        return {code: multilingual * share for code, share in recipe.language_shares().items()}
    # By published sizes and at the stage's full size, whatever is planned of it: the shares of a recipe must
    # not change with the inventory, or a small mixture would not be a small copy of the stage.
    sizes, codes = fineweb2_tokens(), recipe.language_codes()
    budget = int(recipe.size * multilingual)
    epochs = as_fraction(recipe.max_epochs)
    # A language without a published size is wanted like those that are never short; `findings` names it.
    caps = {code: int(epochs * sizes[code]) if code in sizes else budget for code in codes}
    filled = unimax(budget, dict.fromkeys(codes, Fraction(1)), caps)
    return {code: multilingual * Fraction(filled[code], sum(filled.values())) for code in codes}


def _holdings(ledger: pl.DataFrame) -> list[_Holding]:
    """One for each bucket, sorted by name: neither the order of rows nor their number matters."""
    tokens: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    fingerprints: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    columns = [c for c in ("category", "language", "source", "tokens", "fingerprint") if c in ledger.columns]
    for row in ledger.select(columns).iter_rows(named=True):
        key = (row["category"], row["language"], row["source"])
        tokens[key] += row["tokens"]
        fingerprints[key].append(row.get("fingerprint") or "")
    return [_Holding(*key, tokens[key], tuple(sorted(fingerprints[key]))) for key in sorted(tokens)]


def _parts(
    category: str,
    target: int,
    shares: Mapping[str, Fraction],
    held: Mapping[str, list[_Holding]],
    max_epochs: Fraction,
) -> Iterable[_Part]:
    """Share a category's tokens out to its languages and theirs to their sources, under their caps."""
    caps = {each: int(max_epochs * each.tokens) for language in shares for each in held[language]}
    wanted = share_out(target, shares)
    planned = unimax(target, shares, {code: sum(caps[each] for each in held[code]) for code in shares})
    for code, share in shares.items():
        sizes = {each.source: Fraction(each.tokens) for each in held[code]}
        size = sum(sizes.values())
        if size == 0:
            yield _Part(category, code, None, share, wanted[code], 0, 0)
            continue
        source_wanted = share_out(wanted[code], sizes)
        source_planned = unimax(planned[code], sizes, {each.source: caps[each] for each in held[code]})
        for each in held[code]:
            of_share = share * sizes[each.source] / size
            yield _Part(
                category, code, each.source, of_share,
                source_wanted[each.source], source_planned[each.source], each.tokens,
            )  # fmt: skip


def _rows(parts: list[_Part], total: int) -> dict[str, tuple[PlanRow, ...]]:
    def row(part: _Part, *names: str) -> PlanRow:
        return PlanRow(
            category=part.category if "category" in names else None,
            language=part.language if "language" in names else None,
            source=part.source if "source" in names else None,
            share_wanted=float(part.share),
            share_planned=part.planned / total if total else 0.0,
            tokens_wanted=part.wanted,
            tokens_planned=part.planned,
            tokens_available=part.available,
            epochs=part.planned / part.available if part.available else 0.0,
        )

    categories = _summed(parts, "category")
    languages = sorted(_summed(parts, "language"), key=lambda part: (-part.share, part.language))
    of_language: defaultdict[str, set[str]] = defaultdict(set)
    for part in parts:
        of_language[part.language].add(part.category)
    return {
        "categories": tuple(row(part, "category") for part in categories),
        "languages": tuple(
            row(part, "language", *(["category"] if len(of_language[part.language]) == 1 else []))
            for part in languages
        ),
        "buckets": tuple(row(part, "category", "language", "source") for part in parts if part.source is not None),
    }


def _summed(parts: Iterable[_Part], *names: str) -> list[_Part]:
    """Parts that agree in the named fields, added up, in the order of their first."""
    sums: dict[tuple[str, ...], _Part] = {}
    for part in parts:
        key = tuple(getattr(part, name) for name in names)
        if key in sums:
            so_far = sums[key]
            part = dataclasses.replace(
                so_far,
                share=so_far.share + part.share,
                wanted=so_far.wanted + part.wanted,
                planned=so_far.planned + part.planned,
                available=so_far.available + part.available,
            )
        sums[key] = part
    return list(sums.values())


def _fingerprint(
    recipe: Recipe,
    tokens: int,
    inventory: Inventory,
    rows: Mapping[str, tuple[PlanRow, ...]],
    used: list[_Holding],
) -> str:
    """sha256 of all that the mixture depends on: numbers and names, no text about them, no order of rows."""
    content = {
        "version": 1,
        "tokenizer": recipe.tokenizer,
        "max_epochs": recipe.max_epochs,
        "on_shortage": recipe.on_shortage,
        "tokens": tokens,
        "inventory": inventory,
        "rows": sorted(
            [
                kind,
                row.category or "",
                row.language or "",
                row.source or "",
                row.tokens_wanted,
                row.tokens_planned,
            ]
            for kind, listed in rows.items()
            for row in listed
        ),
        "ledger": [[each.category, each.language, each.source, each.tokens, *each.fingerprints] for each in used],
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
