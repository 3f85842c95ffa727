"""What a person sees of a build on Prefect's pages: the token table and the funnel."""

from collections.abc import Mapping
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from mixtures.inspect import category_table, language_table
from mixtures.plan import Plan
from pipelines.build import Build
from pipelines.funnel import funnel_markdown


def publish(build: Build, totals: Mapping[str, Mapping[str, Any]]) -> None:
    """Publishes the token counts of a build's mixture as a table and its funnel as Markdown."""
    key = f"{build.recipe.model}-stage{build.recipe.stage}"
    plan = Plan.from_dict(totals[build.mix.name]["plan"])
    create_table_artifact(
        key=f"tokens-{key}",
        table=[_named(row) for row in [*category_table(plan), *language_table(plan)]],
        description="\n".join([f"# Tokens of {key}", *(f"- {warning}" for warning in plan.warnings)]),
    )
    create_markdown_artifact(
        key=f"funnel-{key}",
        markdown=f"# Documents of {key}\n\n{funnel_markdown(totals)}",
        description=f"What each filter dropped on the way to {key}.",
    )


def _named(row: Mapping[str, str]) -> dict[str, str]:
    """A row of either table under one heading, so that both fit into one artifact."""
    (kind, name), *rest = row.items()
    return {"of": kind, "name": name, **dict(rest)}
