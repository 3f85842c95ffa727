"""Reads the texts that the pack is derived from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Texts:
    """The original text of one language, as `texts/<code>.json` holds it.

    `documents` are (topic, kind, text); `sentences` translate the sentences of `english_pairs.txt` in their
    order; `explanations` belong to the language's three questions on its own culture.
    """

    code: str
    documents: tuple[tuple[str, str, str], ...]
    boilerplate: str
    sentences: tuple[str, ...]
    explanations: tuple[str, ...]


def texts() -> dict[str, Texts]:
    """Every language's texts, sorted by code."""
    paths = sorted((FOLDER / "texts").glob("*.json"))
    return {path.stem: _read(json.loads(path.read_text("utf-8"))) for path in paths}


def _read(page: Mapping[str, Any]) -> Texts:
    return Texts(
        code=page["code"],
        documents=tuple((d["topic"], d["kind"], d["text"]) for d in page["documents"]),
        boilerplate=page["boilerplate"],
        sentences=tuple(p["text"] for p in page["pairs"]),
        explanations=tuple(q["explanation"] for q in page["mcqs"]),
    )


def english(name: str) -> list[dict[str, Any]]:
    """The entries of `english/<name>.yaml`: mappings with `topic` and `text`, or a benchmark's questions."""
    entries: list[dict[str, Any]] = yaml.safe_load((FOLDER / "english" / f"{name}.yaml").read_text("utf-8"))
    return entries
