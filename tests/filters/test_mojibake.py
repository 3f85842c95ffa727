"""What the compiled look lets pass, ftfy leaves as it is."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from datatrove.pipeline.formatters import FTFYFormatter
from ftfy.badness import MOJIBAKE_CATEGORIES
from hypothesis import given
from hypothesis import strategies as st

from filters.mojibake import suspicious

FTFY = FTFYFormatter()
REAL = Path(__file__).parents[3] / "shared" / "data" / "documents"


def _suspicious(text: str) -> bool:
    return bool(suspicious(pa.array([text], pa.large_string()))[0])


@pytest.mark.parametrize(
    "text",
    [
        "schÃ¶n",
        "â€œquotedâ€\x9d",
        "l’humanitÃ©",
        "Ð¿Ñ€Ð¸Ð²ÐµÑ‚",
        "&eacute;t&eacute;",
        "a\x00b",
        "\x1b[31mred",
        "\ufeffmark",
        "voilÃ  le travail",
        "first line is fine\nÂ second is not",
    ],
)
def test_what_ftfy_changes_is_suspicious(text: str) -> None:
    assert FTFY.format(text) != text
    assert _suspicious(text)


@pytest.mark.parametrize(
    "text", ["", "plain", "schön, été, niño", "Добрый день.", "“quoted” – yes…", "我们。", "𝒳 😀"]
)
def test_good_text_is_not(text: str) -> None:
    assert not _suspicious(text)


_RARE = sorted({mark for held in MOJIBAKE_CATEGORIES.values() for mark in held if mark != "-"})
# Text that was decoded in the wrong encoding, and the characters that ftfy looks for, in any order.
BROKEN = st.text(st.sampled_from("éüñçœ“”’–…€ßÀÈαβγдежשלाक"), max_size=8).flatmap(
    lambda text: st.sampled_from(["latin-1", "cp1252", "cp1251", "cp1253", "cp437", "macroman"]).map(
        lambda encoding: text.encode().decode(encoding, "replace")
    )
)
ANY = st.text(st.sampled_from([*_RARE, *"abzAZ .\n°&;<вГўœŒ\x1a\x80\ufffd"]), max_size=12)


@given(st.lists(BROKEN | ANY, max_size=4).map("\n".join))
def test_what_is_not_suspicious_ftfy_leaves_as_it_is(text: str) -> None:
    if not _suspicious(text):
        assert FTFY.format(text) == text


@pytest.mark.skipif(not REAL.is_dir(), reason="the real documents are not here")
def test_hardly_any_real_document_is_suspicious() -> None:
    with gzip.open(REAL / "fra_Latn.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    assert suspicious(pa.array(texts, pa.large_string())).mean() < 0.1
