"""Cultural concepts out of result files of a SPARQL endpoint: its JSON, or CSV.

Columns, of which `item` and `label` and `english` must be there: `item` (an address or `Q1`), `label`, `english`,
`description`, `english_description`, `class`, `region` (a code or an item), `alias`, `sitelinks`. An item with
several classes, regions or aliases has a row for each; its rows stand one after the other (ORDER BY ?item).
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TextIO

from sources.errors import BabelmixError
from synth.culture.concepts import Concept
from synth.culture.wikidata import BadRows
from synth.culture.wikidata_settings import WikidataSettings

_NEEDED: Final = ("item", "label", "english")
_ENTITY: Final = "/entity/"
# Characters that are read at once; no row is longer than a few of these.
_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 22


def read_results(
    path: Path, settings: WikidataSettings, bad: BadRows, passed: Counter[str], classes: tuple[str, ...] = ()
) -> Iterator[Concept]:
    """The concepts of a result file, `.json` or `.csv`; memory does not depend on its length.

    `classes` are those of items that have no `class`. Rows without an item or a label are counted in `bad`;
    `passed` counts `sitelinks_few` and `sitelinks_many`, where the file has sitelinks.

    Raises:
        BabelmixError: the file cannot be read, is neither form, breaks off, or lacks a column.
    """
    rows = _json_rows(path) if path.suffix == ".json" else _csv_rows(path)
    good = _checked(path, rows, bad)
    for item, group in groupby(good, key=lambda row: row["item"].rpartition(_ENTITY)[2]):
        found = list(group)
        links = found[0].get("sitelinks", "")
        count = int(links) if links.isdecimal() else None
        if count is not None and count < settings.fewest_sitelinks:
            passed["sitelinks_few"] += 1
        elif count is not None and count > settings.most_sitelinks:
            passed["sitelinks_many"] += 1
        else:
            yield Concept(
                item,
                _several(found, "class") or classes,
                _several(found, "region"),
                found[0]["label"],
                found[0]["english"],
                found[0].get("description", ""),
                found[0].get("english_description", ""),
                _several(found, "alias"),
                count or 0,
            )


def _several(rows: list[Mapping[str, str]], column: str) -> tuple[str, ...]:
    values = (row.get(column, "").rpartition(_ENTITY)[2] for row in rows)
    return tuple(dict.fromkeys(value for value in values if value))


def _checked(
    path: Path, rows: Iterator[tuple[int, Mapping[str, str]]], bad: BadRows
) -> Iterator[Mapping[str, str]]:
    for number, row in rows:
        missing = next((name for name in _NEEDED if not row.get(name)), None)
        if missing:
            bad.add(path, number, f"no {missing}")
        elif not row["item"].rpartition(_ENTITY)[2].startswith("Q"):
            bad.add(path, number, "item is none of Wikidata's")
        elif row["label"] == row["item"].rpartition(_ENTITY)[2]:
            # The label service gives the item's own name where there is no label.
            bad.add(path, number, "no label")
        else:
            yield row


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", restkey="more")
            lacking = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if lacking:
                raise BabelmixError(f"{path}: row 1: no column {lacking[0]!r}; select ?{' ?'.join(_NEEDED)}")
            for number, row in enumerate(reader, 2):
                row.pop("more", None)
                yield number, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BabelmixError(f"{path}: cannot be read ({error}); save the results as CSV in UTF-8") from error


def _json_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, binding in enumerate(_bindings(file, path), 1):
                yield (
                    number,
                    {
                        name: str(each["value"])
                        for name, each in binding.items()
                        if isinstance(each, dict) and "value" in each
                    },
                )
    except (OSError, UnicodeDecodeError) as error:
        raise BabelmixError(f"{path}: cannot be read ({error}); save the results as JSON in UTF-8") from error


def _bindings(file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    """The objects of the list `bindings`, one after the other, without reading the rest of the file."""
    held = ""
    while (at := held.find('"bindings"')) < 0:
        chunk = file.read(_CHUNK)
        if not chunk or len(held) > _LONGEST:
            raise BabelmixError(f"{path}: no `bindings`; save the results in SPARQL's JSON form")
        held += chunk
    held = held[at + len('"bindings"') :].lstrip().removeprefix(":").lstrip()
    while "[" not in held and (chunk := file.read(_CHUNK)):
        held = (held + chunk).lstrip().removeprefix(":").lstrip()
    held = held.removeprefix("[")
    decoder, row = json.JSONDecoder(), 0
    while True:
        held = held.lstrip(" \t\r\n,")
        if held.startswith("]"):
            return
        try:
            binding, end = decoder.raw_decode(held)
        except json.JSONDecodeError as error:
            chunk = file.read(_CHUNK)
            if not chunk or len(held) > _LONGEST:
                raise BabelmixError(
                    f"{path}: binding {row + 1}: breaks off or is no JSON; fetch it again"
                ) from error
            held += chunk
            continue
        row += 1
        held = held[end:]
        if isinstance(binding, dict):
            yield binding
