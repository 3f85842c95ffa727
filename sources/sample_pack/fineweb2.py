"""FineWeb-2's part of the pack: one Parquet file a language, in FineWeb-2's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from sources.sample_pack import derive, write
from sources.sample_pack.document import Sample, identity
from sources.sample_pack.texts import Texts

# The columns and types of HuggingFaceFW/fineweb-2's `data/<language>/train/*.parquet`.
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("id", pa.string()),
        ("dump", pa.string()),
        ("url", pa.string()),
        ("date", pa.string()),
        ("file_path", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float64()),
        ("language_script", pa.string()),
        ("minhash_cluster_size", pa.int64()),
        ("top_langs", pa.string()),
    ]
)

# Languages whose text stands in another language's file. All are told from their neighbours with ease.
_STRANGERS = (
    "deu_Latn", "ell_Grek", "fin_Latn", "heb_Hebr", "hun_Latn", "kor_Hang", "pol_Latn", "rus_Cyrl",
    "tha_Thai", "vie_Latn",
)  # fmt: skip
_KIN = (
    {"deu_Latn", "nld_Latn", "dan_Latn", "nob_Latn", "swe_Latn"},
    {"fin_Latn", "ekk_Latn"},
    {"pol_Latn", "ces_Latn", "slk_Latn", "slv_Latn", "hrv_Latn"},
    {"tha_Thai", "lao_Laoo"},
)
# lid.176 does not know Igbo and Zulu and takes Yoruba for Irish: only the script can tell a stranger there.
_BY_SCRIPT_ONLY = frozenset({"ibo_Latn", "yor_Latn", "zul_Latn"})

# Where FineWeb-2 wants so many words with a letter that a story told in dialogue has too many quotation marks:
# good text that is dropped all the same, and a page of notices with an address beside it.
_STRICT = frozenset(
    {
        "amh_Ethi", "arb_Arab", "fil_Latn", "hun_Latn", "ibo_Latn", "ind_Latn", "jav_Latn", "khm_Khmr", "nld_Latn",
        "swe_Latn", "tur_Latn", "yor_Latn", "zsm_Latn", "zul_Latn",
    }
)  # fmt: skip
_STORY = 7  # its place among a language's documents
_STRICTEST = "khm_Khmr"
# Where a text of a few dozen words repeats enough of them for FineWeb-2's limits, which repetition judges first.
_SHORT_REPEATS = frozenset({("npi_Deva", "menu"), ("npi_Deva", "teaser"), ("mya_Mymr", "teaser")})


def stranger(language: str, position: int) -> str:
    """The language whose text is misplaced in this one's file; never of the same script family or kin."""
    script = language.split("_")[1]
    for step in range(len(_STRANGERS)):
        other = _STRANGERS[(position + step) % len(_STRANGERS)]
        if other == language or any({other, language} <= kin for kin in _KIN):
            continue
        if other.endswith(script) and (script != "Latn" or language in _BY_SCRIPT_ONLY):
            continue
        return other
    raise ValueError(f"no stranger for {language}")


def documents(
    language: Texts, everyone: Mapping[str, Texts], position: int, questions: Sequence[str]
) -> list[Sample]:
    """The documents of one language in the file's order, originals before their copies."""
    code = language.code
    rows = [Sample("good", topic, text) for topic, _, text in language.documents]
    if code in _STRICT:
        rows[_STORY] = replace(rows[_STORY], kind="dialogue", filter="quality")
    contact, emails, ips = derive.contact(position + 1)
    notices = derive.notices(language.sentences[:12], contact)
    judged = "quality" if code == _STRICTEST else None
    rows.append(Sample("addresses", "notices", notices, judged, emails=emails, ips=ips))
    other = everyone[stranger(code, position)]
    foreign = other.documents[(position + 3) % len(other.documents)]
    rows.append(Sample(f"wrong language ({other.code})", foreign[0], foreign[2], "language"))
    rows.append(Sample("boilerplate", "menu", language.boilerplate, "quality"))
    rows.append(Sample("spam", "offer", derive.spam(rows[5].text), "repetition"))
    rows.append(Sample("fragment", "teaser", derive.fragment(rows[6].text, code), "quality"))
    rows.append(Sample("near-duplicate", rows[1].topic, derive.near_duplicate(rows[1].text, code), "duplicates"))
    rows.append(Sample("exact duplicate", rows[4].topic, rows[4].text, "duplicates"))
    for question in questions:
        paragraphs = [" ".join(language.sentences[12:]), *language.explanations]
        rows.append(Sample("contaminated", "exercise", derive.contaminated(paragraphs, question), "contamination"))
    return [replace(row, filter="repetition") if (code, row.topic) in _SHORT_REPEATS else row for row in rows]


def write_language(root: Path, code: str, samples: Sequence[Sample]) -> list[str]:
    """Write `data/<code>/train/000_00000.parquet` and return the ids in the order of the rows."""
    rows = [_row(code, number, sample) for number, sample in enumerate(samples)]
    write.parquet(root / "data" / code / "train" / "000_00000.parquet", rows, SCHEMA)
    return [row["id"] for row in rows]


def _row(code: str, number: int, sample: Sample) -> dict[str, Any]:
    who = identity("fineweb-2", code, number, sample)
    language, script = code.split("_")
    # What upstream claims of the language; a misplaced text is there because upstream was sure of it.
    score = round(0.95 + 0.05 * who.draw, 6)
    return {
        "text": sample.text,
        "id": who.id,
        "dump": "SAMPLE-2024-01",
        "url": who.url,
        "date": who.date,
        "file_path": f"sample/{code}/000_00000.warc.gz",
        "language": language,
        "language_score": score,
        "language_script": script,
        # Mostly 1, with a long tail that ends at 64.
        "minhash_cluster_size": min(64, int(1 / (1.0 - who.draw))),
        "top_langs": f'{{"{code}_score": {score}}}',
    }
