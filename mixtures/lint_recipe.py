"""What is wrong with a recipe before a build is paid for: epochs, languages, shares, licences and gates.

Licences are held against a policy, a file of rules that a person may replace. Every finding is one line with what
is wrong and what would be right.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from mixtures.plan import Plan, PlanRow
from mixtures.recipe import CATEGORIES, ENGLISH, Recipe
from mixtures.token_count import format_tokens
from mixtures.upstream import fineweb2_tokens
from sources.errors import BabelmixError
from sources.language import languages
from sources.loading import load_yaml
from sources.profile import delivers
from sources.source import Source, sources

POLICY: Final = Path(__file__).with_name("policy.yaml")
Use: TypeAlias = Literal["train", "commercial", "publish"]
Leave: TypeAlias = Literal["allowed", "ask", "forbidden"]
Level: TypeAlias = Literal["error", "warning"]


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LicenceRule(_Rule):
    """What a licence lets be done; `licence` is a pattern of the catalog's words."""

    licence: str
    train: Leave = "allowed"
    commercial: Leave = "allowed"
    publish: Leave = "allowed"
    because: str

    def of(self, use: Use) -> Leave:
        """What it says of a use."""
        found: Leave = getattr(self, use)
        return found


class Apart(_Rule):
    """Texts that may not stand in one mixture: any of `these` with any of `those`."""

    name: str
    these: tuple[str, ...]
    those: tuple[str, ...]
    uses: tuple[Use, ...] = get_args(Use)
    because: str

    @model_validator(mode="after")
    def _names_what_there_is(self) -> "Apart":
        for each in (*self.these, *self.those):
            kind, _, name = each.partition(": ")
            known = {"source": list(sources()), "category": list(CATEGORIES)}.get(kind)
            if known is not None and name not in known:
                raise ValueError(f"{self.name}: no {kind} {name!r}; known are {', '.join(known)}")
        return self


class Policy(_Rule):
    """Rules about licences, the first that matches counts, and about what may not be mixed."""

    licences: tuple[LicenceRule, ...] = ()
    apart: tuple[Apart, ...] = ()

    def licence(self, text: str) -> LicenceRule | None:
        """The rule for a licence, None where none speaks of it."""
        return next((rule for rule in self.licences if fnmatchcase(text, rule.licence)), None)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: the rule that found it, and one line for a person."""

    level: Level
    rule: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        return asdict(self)


def load_policy(path: Path) -> Policy:
    """The policy in a YAML file.

    Raises:
        BabelmixError: the file is no policy, or names a source or category that nobody knows.
    """
    return load_yaml(path, Policy)


def lint_recipe(recipe: Recipe, plan: Plan, policy: Policy, length: int, use: str = "train") -> list[Finding]:
    """Everything that is found wrong with `recipe` as `plan` would carry it out; errors first.

    `length` is the tokens of a sequence, `use` what the mixture is for (`train`, `commercial` or `publish`).

    Raises:
        BabelmixError: there is no such use.
    """
    wanted: Use | None = next((each for each in get_args(Use) if each == use), None)
    if wanted is None:
        raise BabelmixError(f"--use {use}: unknown; write {', '.join(get_args(Use))}")
    found = [
        *_epochs(plan),
        *_without_source(recipe, plan),
        *_below_a_sequence(plan, length),
        *_licences(plan, policy, wanted),
        *_apart(plan, policy, wanted),
        *_gates(plan),
    ]
    return sorted(found, key=lambda each: each.level == "warning")


def _epochs(plan: Plan) -> Iterator[Finding]:
    for name, row in _named(plan):
        if not row.tokens_available or row.tokens_wanted <= plan.max_epochs * row.tokens_available:
            continue
        needed = row.tokens_wanted / row.tokens_available
        said = f"{name} needs {needed:.2f} epochs of {format_tokens(row.tokens_available)} tokens"
        remedy = f"the cap is {plan.max_epochs:g}, so {format_tokens(row.tokens_planned)} of"
        short = f"{remedy} {format_tokens(row.tokens_wanted)} are planned; lower its share or add a source"
        yield Finding("error", "epochs-over-cap", f"{said}: {short}")


def _without_source(recipe: Recipe, plan: Plan) -> Iterator[Finding]:
    empty = {name for name, row in _named(plan) if row.tokens_wanted and not row.tokens_available}
    for name in sorted(empty):
        declared = sorted(each.name for each in _of_catalog(name))
        if declared:
            remedy = f"the catalog has it in {', '.join(declared)}: collect one, or leave it out"
            where = "no published size" if plan.inventory == "upstream" else "no tokens in the workspace"
            yield Finding("error", "without-source", f"{name}: {where}; {remedy}")
        else:
            remedy = "add its label to a source's languages, or leave it out"
            yield Finding("error", "without-source", f"{name}: no source of the catalog has it; {remedy}")
    unsized = [code for code in recipe.language_codes() if code != ENGLISH and code not in fineweb2_tokens()]
    for code in sorted(set(unsized) - empty):
        said = "no published size, so that a plan from upstream cannot say how often it is repeated"
        yield Finding("warning", "without-size", f"{code}: {said}")


def _below_a_sequence(plan: Plan, length: int) -> Iterator[Finding]:
    few = sorted((row.tokens_wanted, name) for name, row in _named(plan) if 0 < row.tokens_wanted < length)
    if few:
        named = ", ".join(f"{name} {tokens:,}" for tokens, name in few)
        said = f"less than one sequence of {length:,} tokens is wanted of {len(few)}: {named}"
        yield Finding(
            "warning", "below-a-sequence", f"{said}; plan more tokens, raise the shares, or leave them out"
        )


def _licences(plan: Plan, policy: Policy, use: Use) -> Iterator[Finding]:
    for source in _used(plan):
        rule = policy.licence(source.licence)
        leave = rule.of(use) if rule else "allowed"
        if rule and leave != "allowed":
            level: Level = "error" if leave == "forbidden" else "warning"
            what = {"forbidden": f"forbids to {_said(use)}", "ask": f"must be asked about, to {_said(use)}"}[leave]
            said = f"{source.name}: its licence ({source.licence}) {what}: {rule.because}"
            yield Finding(level, f"licence-{leave}", f"{said}; leave the source out, or get leave")


def _apart(plan: Plan, policy: Policy, use: Use) -> Iterator[Finding]:
    for rule in policy.apart:
        if use not in rule.uses:
            continue
        these, those = (_matching(plan, patterns) for patterns in (rule.these, rule.those))
        if these and those and len(these | those) > 1:
            said = f"{rule.name}: {', '.join(sorted(these))} with {', '.join(sorted(those))}"
            yield Finding("error", "apart", f"{said}: {rule.because}; leave out one of the two")


def _gates(plan: Plan) -> Iterator[Finding]:
    for source in _used(plan):
        if source.gated:
            tokens = sum(row.tokens_planned for row in plan.buckets if row.source == source.name)
            said = f"{source.name} is gated ({format_tokens(tokens)} tokens planned of it)"
            yield Finding("warning", "gated", f"{said}: {source.gate}")


def _named(plan: Plan) -> list[tuple[str, PlanRow]]:
    """Categories and, but for English, which all of them but one are, languages."""
    rows = [(row.category or "", row) for row in plan.categories]
    return rows + [(row.language or "", row) for row in plan.languages if row.language != ENGLISH]


def _used(plan: Plan) -> list[Source]:
    names = {row.source for row in plan.buckets if row.tokens_planned}
    return [source for name, source in sources().items() if name in names]


def _of_catalog(name: str) -> list[Source]:
    """Sources that declare a category in English, or a language as multilingual text."""
    if name in CATEGORIES:
        return [each for each in sources().values() if any(subset.category == name for subset in each.subsets)]
    spoken = languages().get(name)
    return [
        each
        for each in sources().values()
        if spoken and any(s.category == "multilingual" and delivers(s, each, spoken) for s in each.subsets)
    ]


def _matching(plan: Plan, patterns: tuple[str, ...]) -> set[str]:
    """Used sources of these licences or names, or that a category is planned of."""
    found = set()
    for source in _used(plan):
        categories = {row.category for row in plan.buckets if row.source == source.name and row.tokens_planned}
        for pattern in patterns:
            kind, _, name = pattern.partition(": ")
            by_name = (kind == "source" and name == source.name) or (kind == "category" and name in categories)
            if by_name or fnmatchcase(source.licence, pattern):
                found.add(source.name)
    return found


def _said(use: Use) -> str:
    return {"train": "train on it", "commercial": "train a model that is sold", "publish": "pass it on"}[use]
