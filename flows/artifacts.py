"""What a person sees of a build on Prefect's pages: the token table and the funnel."""

import re
from collections.abc import Mapping
from typing import Any, Final

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from mixtures.inspect import category_table, language_table
from mixtures.plan import Plan
from pipelines.build import Build
from pipelines.funnel import funnel, funnel_markdown
from pipelines.synthesis_steps import WRITTEN_KINDS
from sources.shown_text import shown_in_markdown, shown_in_terminal

Totals = Mapping[str, Mapping[str, Any]]
# Characters of a warning.
_LINE: Final = 500


def publish(build: Build, totals: Totals) -> None:
    """Publishes the token counts of a build's mixture as a table, and its funnel."""
    key = artifact_key(build)
    plan = Plan.from_dict(totals[build.mix.name]["plan"])
    create_table_artifact(
        key=f"tokens-{key}",
        table=[_named(row) for row in [*category_table(plan), *language_table(plan)]],
        description="\n".join(
            [f"# Tokens of {key}", *(f"- {shown_in_markdown(each, _LINE)}" for each in plan.warnings)]
        ),
    )
    publish_funnel(build, totals)


def publish_funnel(build: Build, totals: Totals) -> None:
    """Publishes what each filter dropped, by language and source, as Markdown."""
    key = artifact_key(build)
    create_markdown_artifact(
        key=f"funnel-{key}",
        markdown=f"# Documents of {key}\n\n{funnel_markdown(funnel(totals))}",
        description=f"What each filter dropped on the way to {key}.",
    )


def publish_pairs(build: Build, totals: Totals) -> None:
    """Publishes what became of each language's translation pairs, reason by reason, as a table."""
    said = "Translation pairs: every pair that was read is kept or in one column."
    _publish_reasons("pairs", "render", "ranker", build, totals, said)


def publish_written(kind: str, build: Build, totals: Totals) -> None:
    """Publishes what became of what a model wrote in each language, reason by reason, as a table.

    `kind` is a key of `WRITTEN_KINDS`; the documents that nothing was to be written of are no part of it.
    """
    what = WRITTEN_KINDS[kind]
    made_of = "concept and question" if kind == "questions" else "document that was to be written of"
    said = f"{what.capitalize()}: every {made_of} is kept or in one column."
    if any(totals[step.name]["replayed"] for step in build.steps if step.kind == kind):
        said += " Completions were replayed from the sample pack; no model was asked."
    _publish_reasons(kind, kind, "model", build, totals, said)


def _publish_reasons(what: str, kind: str, by: str, build: Build, totals: Totals, said: str) -> None:
    found = {step.settings["language"]: totals[step.name] for step in build.steps if step.kind == kind}
    table = reasons_table(found, by)
    create_table_artifact(key=f"{what}-{artifact_key(build)}", table=table, description=said)


def reasons_table(found: Totals, by: str) -> list[dict[str, Any]]:
    """What became of each language's documents, a column for each reason; `by` names who made them."""
    reasons = list(dict.fromkeys(row["reason"] for each in found.values() for row in each["dropped"]))
    table = []
    for code, each in found.items():
        counts = {row["reason"]: row["documents"] for row in each["dropped"]}
        dropped = {reason: counts.get(reason, 0) for reason in reasons}
        made_by = {by: shown_in_terminal(str(each[by]))}
        table.append({"language": code, "in": each["documents"], **dropped, "kept": each["kept"], **made_by})
    return table


def artifact_key(build: Build) -> str:
    """A build's model and stage as Prefect takes them in a key: lower-case letters, digits and dashes."""
    return re.sub("[^a-z0-9]+", "-", f"{build.recipe.model}-stage{build.recipe.stage}".lower()).strip("-")


def _named(row: Mapping[str, str]) -> dict[str, str]:
    """A row of either table under one heading, so that both fit into one artifact."""
    (kind, name), *rest = row.items()
    return {"of": kind, "name": shown_in_terminal(name), **dict(rest)}
