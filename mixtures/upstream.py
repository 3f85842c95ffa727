"""What upstream publishes of its sizes, as a ledger: plans can be drawn before anything is downloaded.

- Multilingual: FineWeb-2's words per language (`fineweb2_sizes.csv`, from fineweb2-language-distribution.csv
  of huggingface/fineweb-2, train splits) times tokens per word (`tokens_per_word.csv`, measured on the sample
  pack). An estimate. FineWeb2-HQ is a part of FineWeb-2 and is not counted again.
- English categories: the tokens that dataset cards name (`upstream` of the subsets in the catalog).

All of it is before curation: what is left afterwards is less.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sources.source import sources

if TYPE_CHECKING:
    import polars as pl

FINEWEB2: Final = "fineweb-2"
ENGLISH: Final = "eng_Latn"
MULTILINGUAL: Final = "multilingual"
_HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Size:
    """What is published of a language in FineWeb-2."""

    words: int
    documents: int
    utf8_bytes: int


@cache
def fineweb2_sizes() -> dict[str, Size]:
    """The published sizes of FineWeb-2 by language."""
    return {
        row["language"]: Size(int(row["words"]), int(row["documents"]), int(row["utf8_bytes"]))
        for row in _rows("fineweb2_sizes.csv")
    }


@cache
def fineweb2_tokens() -> dict[str, int]:
    """Estimated tokens of FineWeb-2 by language; unknown sizes or tokens per word are left out."""
    per_word = {row["language"]: float(row["tokens_per_word"]) for row in _rows("tokens_per_word.csv")}
    return {
        code: round(size.words * per_word[code]) for code, size in fineweb2_sizes().items() if code in per_word
    }


def upstream_ledger() -> "pl.DataFrame":
    """A ledger of published sizes: columns category, source, language, tokens; one row a bucket."""
    # Most ask for the sizes of languages alone.
    import polars as pl

    tokens: dict[tuple[str, str, str], int] = {
        (MULTILINGUAL, FINEWEB2, language): count for language, count in fineweb2_tokens().items()
    }
    for name, source in sources().items():
        for subset in source.subsets:
            if subset.upstream and subset.upstream.tokens and ENGLISH in subset.languages:
                bucket = (subset.category, name, ENGLISH)
                tokens[bucket] = tokens.get(bucket, 0) + subset.upstream.tokens
    rows = [(*bucket, count) for bucket, count in sorted(tokens.items())]
    return pl.DataFrame(rows, schema=["category", "source", "language", "tokens"], orient="row")


def _rows(name: str) -> list[dict[str, str]]:
    with (_HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
