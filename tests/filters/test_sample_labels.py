"""Language, repetition, quality and privacy against the sample pack's labels, document by document."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datatrove.data import Document

from filters.language import LanguageIdentification
from filters.measure import Measure
from filters.privacy import Privacy
from filters.quality import Quality
from filters.repair import Repair
from filters.repetition import Repetition
from filters.verdict import Drop
from sources.language import Language, language, languages

SAMPLE = Path(__file__).parents[2] / "sources" / "sample"
OURS = ("language", "repetition", "quality")
# The reasons for which a value must not fall below its threshold; the others must not exceed it.
AT_LEAST = {
    "wrong_language",
    "low_score",
    "script_share",
    "stop_words",
    "line_punct_ratio",
    "gopher_short_doc",
    "gopher_below_avg_threshold",
    "gopher_below_alpha_threshold",
    "gopher_enough_stop_words",
}


@cache
def _labels() -> dict[tuple[str, str], dict[str, Any]]:
    lines = (SAMPLE / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    return {(row["source"], row["id"]): row for row in map(json.loads, lines)}


def _file(code: str) -> tuple[str, Path]:
    if code == "eng_Latn":
        return "nemotron-cc-v2", SAMPLE / "nemotron-cc-v2" / "High-Quality" / "part_000000.parquet"
    return "fineweb-2", SAMPLE / "fineweb-2" / "data" / code / "train" / "000_00000.parquet"


def _meet(found: Language, text: str) -> tuple[str | None, Drop | None, Document]:
    """The filter that drops the text, why, and the document as it is then."""
    repaired = Repair().run([Document(text=text, id="one", metadata={"scores": {}})])
    (document,) = Measure(found).run(repaired)
    for step in (
        LanguageIdentification(found, "dropped", "fasttext176"),
        Repetition(found, "dropped"),
        Quality(found, "dropped"),
    ):
        if drop := step.judge(document):
            return step.filter, drop, document
    (document,) = Privacy().run([document])
    return None, None, document


@pytest.mark.parametrize("code", sorted(languages()))
def test_every_label(code: str) -> None:
    source, path = _file(code)
    for row in pq.read_table(path, columns=["id", "text"]).to_pylist():
        label = _labels()[source, row["id"]]
        # What other filters drop is fine by these.
        wanted = label["filter"] if label["filter"] in OURS else None
        found, drop, document = _meet(language(code), row["text"])
        assert found == wanted, (label["kind"], drop)
        scores = document.metadata["scores"]
        if drop is None:
            redacted = {"email": scores["privacy.emails"], "ip": scores["privacy.ips"]}
            assert redacted == label["pii"], label["kind"]
        else:
            assert drop.value is not None
            assert drop.threshold is not None
            beneath = drop.value < drop.threshold
            assert beneath if drop.reason in AT_LEAST else drop.value > drop.threshold, drop


def test_the_labels_hold_every_kind_of_verdict() -> None:
    concerned = [row for row in _labels().values() if row["source"] in ("fineweb-2", "nemotron-cc-v2")]
    assert {row["filter"] for row in concerned} > set(OURS)
    assert sum(row["pii"]["ip"] for row in concerned) == 64
