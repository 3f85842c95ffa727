"""Plans a recipe against the tokens that are there, and writes the mixture: its order and its report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mixtures.card import dataset_card
from mixtures.indexed import IndexedDataset
from mixtures.ledger import write_ledger
from mixtures.order import OrderBucket, write_order
from mixtures.planning import plan
from mixtures.recipe import Recipe
from mixtures.report import write_report
from mixtures.report_facts import mixture_facts
from pipelines.funnel import funnel, funnel_cells
from pipelines.step import Step
from pipelines.workspace import Workspace

LEDGER = "ledger.parquet"
CARD = "README.md"


def mix(step: Step, workspace: Workspace, target: str) -> dict[str, Any]:
    """Makes the mixture of `step` in `target` from the tokens that the step's inputs name.

    Also writes the workspace's ledger. Returns what the mixture's manifest holds as `totals`: documents and
    tokens, the plan, the tokenizer, and `buckets` in the order of the numbers that `order.bin` uses.
    """
    ledger = workspace_ledger(step, workspace)
    workspace.replace_file(LEDGER, lambda path: write_ledger(ledger, path))
    recipe = Recipe.model_validate(step.settings["recipe"])
    frame = pl.DataFrame(ledger)
    planned = plan(recipe, frame, step.settings["tokens"], "ledger")
    rows = {(row["category"], row["source"], row["language"]): row for row in ledger}
    buckets = [
        {**rows[bucket.category, bucket.source, bucket.language], "tokens_planned": bucket.tokens_planned}
        for bucket in planned.buckets
        if bucket.tokens_planned
    ]
    order = [
        OrderBucket(
            f"{row['category']}/{row['source']}/{row['language']}",
            _lengths(workspace, row["shards"]),
            row["tokens_planned"],
        )
        for row in buckets
    ]
    totals = write_order(order, step.settings["seed"], Path(target))
    made = {
        "documents": totals.documents,
        "tokens": totals.tokens,
        "tokenizer": recipe.tokenizer,
        "seed": step.settings["seed"],
        "plan": planned.as_dict(),
        "buckets": buckets,
    }
    curated = {each.inputs[0].name: each.inputs[0] for each in step.inputs}
    documents = funnel({name: _manifest(workspace, each)["totals"] for name, each in curated.items()})
    facts = mixture_facts(made, target, workspace.url.rstrip("/"))
    write_report(planned, *funnel_cells(documents), Path(target) / "report.html", facts)
    Path(target, CARD).write_text(dataset_card(facts), encoding="utf-8")
    return made


def workspace_ledger(step: Step, workspace: Workspace) -> list[dict[str, Any]]:
    """One ledger row for each of the step's inputs that has documents, from the manifests of their folders."""
    return [row for each in step.inputs if (row := _row(workspace, each))["documents"]]


def _row(workspace: Workspace, tokens: Step) -> dict[str, Any]:
    manifest = _manifest(workspace, tokens)
    totals: Mapping[str, Any] = manifest["totals"]
    shards = sorted(name.removesuffix(".idx") for name in manifest["files"] if name.endswith(".idx"))
    return {
        "category": tokens.settings["category"],
        "source": tokens.settings["source"],
        "language": tokens.settings["language"],
        "documents": totals["documents"],
        "tokens": totals["tokens"],
        "bytes": totals["bytes"],
        "longest": totals["longest"],
        "shards": [f"{tokens.name}/{shard}" for shard in shards],
        "fingerprint": manifest["fingerprint"],
    }


def _manifest(workspace: Workspace, step: Step) -> dict[str, Any]:
    manifest = workspace.manifest(step.name)
    assert manifest is not None, step.name  # the steps run in the order of their inputs
    return manifest


def _lengths(workspace: Workspace, shards: list[str]) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Tokens of every document of a bucket, shard after shard."""
    return np.concatenate([IndexedDataset(workspace.at(shard)).lengths for shard in shards])
