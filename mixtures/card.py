"""The card of a mixture that is published as a dataset: README.md, with the metadata that the Hub reads.

Names come from files that anyone may write: they are shown as text, in Markdown and in the metadata alike.
Source of the metadata: the Hub's documentation of dataset cards, https://huggingface.co/docs/hub/datasets-cards.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import yaml

from mixtures.plan import PlanRow
from mixtures.report_facts import MixtureFacts
from mixtures.token_count import format_tokens
from sources.language import languages
from sources.shown_text import shown_in_markdown

CARD: Final = "README.md"
_SIZES: Final = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
_NAME: Final = 120
_SENTENCE: Final = 600


def dataset_card(
    facts: MixtureFacts,
    rows: int | None = None,
    data_files: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> str:
    """The card of a mixture.

    `rows` is how many rows the dataset has (by default the mixture's documents), `data_files` where they lie in
    it, and `columns` what each column holds.
    """
    plan = facts.plan
    title = f"{plan.model} stage {plan.stage}"
    parts = [
        f"# {shown_in_markdown(title, _NAME)}",
        f"{format_tokens(facts.tokens)} tokens of {shown_in_markdown(plan.tokenizer, _NAME)} in"
        f" {facts.documents:,} documents, repetitions counted, from {len(facts.buckets)} buckets in"
        f" {len(facts.languages)} languages, in the order in which they are to be read. Plan"
        f" `{plan.fingerprint[:16]}`, seed {facts.seed}.",
        *(f"- {shown_in_markdown(warning, _SENTENCE)}" for warning in plan.warnings),
        "## Categories",
        _shares(plan.categories, "category"),
        "## Languages",
        _shares([row for row in plan.languages if row.tokens_planned or row.tokens_wanted], "language"),
        "## Licences",
        "Every document stays under the terms of its source. Whoever publishes this dataset answers for that.",
        _table(
            ("source", "licence", "gated", "tokens"),
            (
                (_linked(each.source, each.card), each.licence, "yes" if each.gated else "no", f"{each.tokens:,}")
                for each in facts.licences
            ),
            linked=True,
        ),
    ]
    if columns:
        parts += ["## Columns", _table(("column", "holds"), columns.items())]
    body = "\n".join(_spaced(parts))
    return f"---\n{_metadata(facts, facts.documents if rows is None else rows, data_files)}---\n\n{body}\n"


def _spaced(parts: Iterable[str]) -> Iterable[str]:
    """A blank line after each part, but not between the items of a list."""
    listed = False
    for part in parts:
        if listed and not part.startswith("- "):
            yield ""
        yield part
        listed = part.startswith("- ")
        if not listed:
            yield ""


def _metadata(facts: MixtureFacts, rows: int, data_files: str | None) -> str:
    known = languages()
    codes = [known[code].iso639_1 or known[code].iso639_3 for code in facts.languages if code in known]
    content: dict[str, Any] = {
        # On one line: a line of a name must not end the metadata.
        "pretty_name": " ".join(f"{facts.plan.model} stage {facts.plan.stage}".split()),
        "language": sorted(set(codes)),
        "license": "other",
        "license_name": "per-source",
        "license_link": "#licences",
        "multilinguality": ["multilingual" if len(set(codes)) > 1 else "monolingual"],
        "task_categories": ["text-generation"],
        "size_categories": [next((name for most, name in _SIZES if rows < most), "n>1T")],
        "tags": ["pretraining", "data mixture", "babelmix"],
    }
    if data_files:
        content["configs"] = [{"config_name": "default", "data_files": [{"split": "train", "path": data_files}]}]
    # ASCII only: what has no shape of its own is written as an escape.
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=False, width=1000)


def _shares(rows: Sequence[PlanRow], name: str) -> str:
    return _table(
        (name, "share", "wanted", "tokens", "available", "epochs"),
        (
            (
                str(getattr(row, name)),
                f"{row.share_planned:.2%}",
                f"{row.share_wanted:.2%}",
                f"{row.tokens_planned:,}",
                f"{row.tokens_available:,}",
                f"{row.epochs:.2f}",
            )
            for row in rows
        ),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], linked: bool = False) -> str:
    """A table; with `linked` the first cell of a row is Markdown already."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        cells = [cell if linked and not at else shown_in_markdown(cell, _SENTENCE) for at, cell in enumerate(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _linked(name: str, address: str) -> str:
    """A link, where the address is a plain one of the web."""
    plain = address.startswith("https://") and all(each.isalnum() or each in "/:._-~%?=" for each in address)
    said = shown_in_markdown(name, _NAME)
    return f"[{said}]({address})" if plain else said
