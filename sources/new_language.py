"""Writes the file of a language that is not registered yet, from what is known of it.

`known_languages.jsonl` holds the languages that lid.176 knows and the largest of FineWeb-2, with FineWeb-2's
thresholds (huggingface/fineweb-2, configs/<code>.yml; names and families from its
fineweb2-language-distribution.csv).
"""

import json
import re
import textwrap
from pathlib import Path
from typing import Any, Final

from sources.errors import BabelmixError
from sources.language import FOLDER, Language, Thresholds, language, languages
from sources.loading import load_yaml, nearest

_KNOWN: Final = Path(__file__).parent / "known_languages.jsonl"
# Scripts that put no space between words.
_UNSPACED: Final = frozenset({"Hani", "Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai", "Tibt"})
# lid.176 was measured on no text of the language: believed where it is surer than not.
_FASTTEXT_THRESHOLD: Final = 0.5


def add_language(code: str, folder: Path | None = None) -> tuple[Path, list[str]]:
    """Writes `<folder>/<code>.yaml`, by default among the bundled languages.

    Returns the file and what a person should look at or fill in, one note each.

    Raises:
        BabelmixError: `code` is not of the form `isl_Latn`, or is registered already.
    """
    known = known_languages()
    if not re.fullmatch(r"[a-z]{3}_[A-Z][a-z]{3}", code):
        raise BabelmixError(
            f"language {code!r}: write ISO 639-3 and ISO 15924, as in isl_Latn{nearest(code, known)}"
        )
    if code in languages():
        raise BabelmixError(f"language {code}: registered already; edit its file, or delete it first")
    folder = folder or FOLDER
    path = folder / f"{code}.yaml"
    if path.exists():
        raise BabelmixError(f"{path}: exists already; edit it, or delete it first")
    row = known.get(code)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(code, row), encoding="utf-8")
    load_yaml(path, Language)
    languages.cache_clear()
    return path, _notes(code, row)


def known_languages() -> dict[str, dict[str, Any]]:
    """What is known of languages that are not registered, by code."""
    with _KNOWN.open(encoding="utf-8") as file:
        return {row["code"]: row for row in map(json.loads, file)}


def _notes(code: str, row: dict[str, Any] | None) -> list[str]:
    notes = ["native_name: is the English name until you fill it in"]
    if row is None:
        notes += [
            "name, family: fill them in; nothing is known of this code",
            "identifiers.glotlid: add its label and threshold if GlotLID v3 knows the language",
            "thresholds: they are English's, which misjudge other languages; calibrate them on good text",
            "thresholds.stopwords: empty, so that check is off; fill in eight or more frequent words",
        ]
    if row is None or not row["fasttext176"]:
        notes.append(
            "identifiers.fasttext176: lid.176 does not know it; offline, script and stop words judge instead"
        )
    else:
        notes.append(f"identifiers.fasttext176.threshold: {_FASTTEXT_THRESHOLD} was not measured on its text")
    notes.append("datasets: FineWeb-2's label only; add nllb and others where they have the language")
    return notes


def _text(code: str, row: dict[str, Any] | None) -> str:
    iso, script = code.split("_")
    if row:
        source = f"huggingface/fineweb-2, configs/{code}.yml"
        thresholds = Thresholds.model_validate(row["thresholds"])
    else:
        source = "English's; calibrate them on good text of the language"
        thresholds = language("eng_Latn").thresholds.model_copy(update={"stopwords": ()})
    row = row or {"name": code, "family": "unknown", "iso639_1": None, "fasttext176": None}
    glotlid = row.get("glotlid_threshold")
    fields = {
        "code": code,
        "name": _quoted(row["name"]),
        "native_name": _quoted(row["name"]),
        "iso639_1": _quoted(row["iso639_1"]) if row["iso639_1"] else "null",
        "iso639_3": _quoted(iso),
        "script": script,
        "family": _quoted(row["family"]),
        "introduced": "null",
    }
    lines = [f"# Thresholds, stop words and GlotLID's threshold: {source}."]
    lines += [f"{key}: {value}" for key, value in fields.items()]
    lines += [
        "identifiers:",
        f"  fasttext176: {_identified(row['fasttext176'], _FASTTEXT_THRESHOLD)}",
        f"  glotlid: {_identified(code if glotlid is not None else None, glotlid)}",
        "datasets:",
        f"  fineweb-2: {code}",
        f"segmentation: {{rule: {'dictionary' if script in _UNSPACED else 'spaces'},"
        f" locale: {_quoted(row['iso639_1'] or iso)}}}",
        "thresholds:",
    ]
    for key, value in thresholds.model_dump(mode="json").items():
        if key != "stopwords":
            lines.append(f"  {key}: {json.dumps(value)}")
    words = ", ".join(_quoted(word) for word in thresholds.stopwords)
    wrapped = textwrap.wrap(words, 100, break_long_words=False, break_on_hyphens=False)
    lines += ["  stopwords: [", *(f"    {line}" for line in wrapped), "  ]"]
    return "\n".join(lines) + "\n"


def _identified(label: str | None, threshold: float | None) -> str:
    return "null" if label is None else f"{{label: {_quoted(label)}, threshold: {threshold}}}"


def _quoted(text: str) -> str:
    """`text` as YAML in double quotes: `no`, `on` and `y` would be read as something else than text."""
    return json.dumps(text, ensure_ascii=False)
