"""Turns mined pairs into documents of a mixture and into chat records, each sentence in few languages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from datatrove.io import get_datafolder

from filters.bitext.across import BEYOND, REASON, beyond
from filters.bitext.rendering import render
from mixtures.recipe import MULTILINGUAL
from pipelines.document_files import DocumentWriter
from pipelines.document_io import row_batches
from pipelines.measured_files import TableWriter
from pipelines.taken_down import TakenDown
from sources.errors import BabelmixError
from sources.language import Language
from sources.schema import BITEXT, DROPPED

ACROSS: Final = "beyond.parquet"
CHAT: Final = "chat.jsonl"


def cap_across(bitext: Mapping[str, str], most: int, output: str) -> dict[str, Any]:
    """Writes which pairs are beyond the `most` languages that may keep one English sentence, as BEYOND.

    `bitext` has the folder of each language's pairs. Memory: the English sentences of all languages' best.
    """
    pairs = {code: pa.Table.from_batches(_sentences(folder)) for code, folder in bitext.items()}
    found = beyond(pairs, most)
    with TableWriter(output, ACROSS, BEYOND) as writer:
        writer.write(found)
    return {"documents": sum(len(each) for each in pairs.values()), "beyond": len(found)}


def _sentences(folder: str) -> list[pa.RecordBatch]:
    return list(row_batches(folder, ["id", "source_text"], BITEXT))


def render_pairs(
    bitext: str,
    across: str | None,
    language: Language,
    documents: str,
    chat: str,
    dropped: str | None,
    taken: TakenDown | None = None,
) -> dict[str, int]:
    """Writes the pairs of the folder `bitext` as documents and as `chat`/chat.jsonl.

    Pairs that are `taken` down, by the URL of either side too, and those that `across`, the folder that
    `cap_across` wrote, names are left out, with a row each in `dropped`. Returns `documents` and `kept`.

    Raises:
        BabelmixError: no pair is left although none was taken down.
    """
    out = _beyond(across, language.code) if across else {}
    taken = taken or TakenDown()
    read = kept = 0
    rows: list[dict[str, Any]] = []
    with DocumentWriter(documents) as writer, get_datafolder(chat).open(CHAT, "wb") as lines:
        for batch in row_batches(bitext, None, BITEXT):
            read += batch.num_rows
            batch = batch.filter(pa.array(~taken.taken(batch, ("url_source", "url_target"))))
            gone = pc.is_in(batch.column("id"), pa.array(list(out), pa.string()))
            rows += [_row(each, *out[each]) for each in batch.column("id").filter(gone).to_pylist()]
            for found in render(batch.filter(pc.invert(gone)), language, MULTILINGUAL):
                writer.write(found.document)
                lines.write(json.dumps(found.chat, ensure_ascii=False).encode() + b"\n")
                kept += 1
    if not kept and not taken.removed:
        raise BabelmixError(f"{bitext}: none of {read:,} pairs is left to be written; mine it again")
    if dropped is not None and rows:
        with TableWriter(dropped, ACROSS, DROPPED) as table:
            table.write(pa.Table.from_pylist(rows, DROPPED))
    if dropped is not None:
        taken.write(dropped)
    return {"documents": read, "kept": kept}


def _beyond(folder: str, code: str) -> dict[str, tuple[int, int]]:
    """How many languages have the sentence of each pair that is left out, and how many may."""
    found: dict[str, tuple[int, int]] = {}
    for batch in row_batches(folder, None, BEYOND):
        own = batch.filter(pc.equal(batch.column("language"), code))
        found.update({row["id"]: (row["languages"], row["most"]) for row in own.to_pylist()})
    return found


def _row(pair: str, languages: int, most: int) -> dict[str, Any]:
    return {
        "id": pair,
        "filter": "bitext",
        "reason": REASON,
        "value": float(languages),
        "threshold": float(most),
        "detail": None,
    }


def in_funnel(mined: Mapping[str, Any], rendered: Mapping[str, int], taken: TakenDown) -> dict[str, Any]:
    """The totals of a language's pairs from what was read to what is a document, as a curation's are."""
    dropped: Sequence[dict[str, Any]] = [*mined["dropped"], *taken.counted()]
    if capped := rendered["documents"] - rendered["kept"] - len(taken.removed):
        dropped = [*dropped, {"filter": "bitext", "reason": REASON, "documents": capped}]
    return {
        "documents": mined["documents"],
        "kept": rendered["kept"],
        "dropped": list(dropped),
        "ranker": mined["ranker"],
    }
