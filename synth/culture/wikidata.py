"""Cultural concepts out of a dump of Wikidata, entity by entity.

A dump is one JSON list with an entity a line, plain or compressed by gzip or bzip2. It is read twice: once for
what is a subclass of what and which item is which country (`read_tree`), once for the concepts (`read_concepts`).
Memory is that of the tree: 16 bytes a subclass statement.
"""

import bz2
import gzip
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
import orjson

from sources.errors import BabelmixError
from sources.language import Language
from synth.culture.concepts import Concept
from synth.culture.wikidata_settings import WikidataSettings

_ITEM: Final = re.compile(r"Q[1-9]\d{0,11}")
# Bad rows that are named; all are counted.
_NAMED: Final = 20


@dataclass(slots=True)
class BadRows:
    """Rows that hold no entity: how many of what, and where the first stand (rows from 1)."""

    counts: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)

    def add(self, path: Path, row: int, what: str) -> None:
        """Counts one row, and names it if it is among the first."""
        self.counts[what] += 1
        if len(self.named) < _NAMED:
            self.named.append(f"{path}: row {row}: {what}")


@dataclass(frozen=True, slots=True)
class Tree:
    """Which items are of a class, and which are countries."""

    # The settings' names of the classes that an item is, or is below.
    names: Mapping[str, tuple[str, ...]]
    # ISO 3166-1 code by the item of the country.
    countries: Mapping[str, str]


def entities(path: Path, bad: BadRows) -> Iterator[dict[str, Any]]:
    """The items of a dump, in their order; rows that are none are counted in `bad`.

    Raises:
        BabelmixError: the file cannot be read, or its compression breaks off.
    """
    row = 0
    try:
        with _opened(path) as lines:
            for row, line in enumerate(lines, 1):
                text = line.strip().rstrip(b",")
                if text in (b"", b"[", b"]"):
                    continue
                try:
                    entity = orjson.loads(text)
                except orjson.JSONDecodeError:
                    bad.add(path, row, "no JSON")
                    continue
                if not isinstance(entity, dict) or not isinstance(entity.get("id"), str):
                    bad.add(path, row, "no entity with an id")
                    continue
                # Properties and lexemes are no items.
                if _ITEM.fullmatch(entity["id"]):
                    yield entity
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BabelmixError(f"{path}: row {row + 1}: cannot be read on ({why}); fetch the file again") from error


def read_tree(path: Path, settings: WikidataSettings, bad: BadRows) -> Tree:
    """What is below the settings' classes, and the countries, of a whole dump.

    Raises:
        BabelmixError: see `entities`.
    """
    below, above = array("q"), array("q")
    countries: dict[str, str] = {}
    for entity in entities(path, bad):
        for parent in _items(entity, settings.subclass_of):
            below.append(int(entity["id"][1:]))
            above.append(int(parent[1:]))
        for code in _values(entity, settings.iso_code):
            if isinstance(code, str):
                countries[entity["id"]] = code
    children, parents = np.frombuffer(below, dtype=np.int64), np.frombuffer(above, dtype=np.int64)
    order = np.argsort(parents, kind="stable")
    children, parents = children[order], parents[order]
    names: dict[str, tuple[str, ...]] = {}
    for name, roots in settings.classes.items():
        for item in _descendants([int(root[1:]) for root in roots], children, parents):
            key = f"Q{item}"
            names[key] = (*names.get(key, ()), name)
    return Tree(names, countries)


def read_concepts(
    path: Path, language: Language, settings: WikidataSettings, tree: Tree, bad: BadRows, passed: Counter[str]
) -> Iterator[Concept]:
    """The concepts of a dump that have a label in `language` and in English.

    `passed` counts items that are of a class and are no concepts, by the reason: `sitelinks_few`,
    `sitelinks_many`, `no_label`, `no_english_label`.

    Raises:
        BabelmixError: see `entities`.
    """
    codes = settings.codes(language)
    for entity in entities(path, bad):
        of = (*_items(entity, settings.instance_of), *_items(entity, settings.subclass_of))
        classes = tuple(dict.fromkeys(name for each in of for name in tree.names.get(each, ())))
        if not classes:
            continue
        # Wikipedias alone: a page on Commons or Wikiquote says nothing of how well known a thing is.
        links = sum(1 for each in _mapping(entity, "sitelinks") if each.endswith("wiki") and each != "commonswiki")
        label, english = _text(entity, "labels", codes), _text(entity, "labels", ("en",))
        if links < settings.fewest_sitelinks:
            passed["sitelinks_few"] += 1
        elif links > settings.most_sitelinks:
            passed["sitelinks_many"] += 1
        elif not label:
            passed["no_label"] += 1
        elif not english:
            passed["no_english_label"] += 1
        else:
            regions = dict.fromkeys(tree.countries.get(each, each) for each in _items(entity, settings.regions))
            aliases = _mapping(entity, "aliases").get(codes[0], [])
            yield Concept(
                entity["id"],
                classes,
                tuple(regions),
                label,
                english,
                _text(entity, "descriptions", codes),
                _text(entity, "descriptions", ("en",)),
                tuple(each["value"] for each in aliases if isinstance(each, dict) and "value" in each),
                links,
            )


def _opened(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return cast(BinaryIO, bz2.open(path, "rb")) if path.suffix == ".bz2" else path.open("rb")


def _descendants(roots: list[int], children: Any, parents: Any) -> set[int]:
    """The roots and all that are below them; `parents` are sorted, `children` parallel to them."""
    seen, waiting = set(roots), list(roots)
    while waiting:
        item = waiting.pop()
        start, end = np.searchsorted(parents, [item, item + 1])
        for child in children[start:end].tolist():
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return seen


def _mapping(entity: Mapping[str, Any], key: str) -> dict[str, Any]:
    # Wikidata writes an empty mapping as an empty list.
    found = entity.get(key)
    return found if isinstance(found, dict) else {}


def _text(entity: Mapping[str, Any], key: str, codes: tuple[str, ...]) -> str:
    known = _mapping(entity, key)
    for code in codes:
        found = known.get(code)
        if isinstance(found, dict) and isinstance(found.get("value"), str):
            return str(found["value"])
    return ""


def _values(entity: Mapping[str, Any], prop: str) -> Iterator[Any]:
    """The values of a property's statements that are not deprecated."""
    statements = _mapping(entity, "claims").get(prop)
    for statement in statements if isinstance(statements, list) else ():
        try:
            if statement.get("rank") != "deprecated" and statement["mainsnak"]["snaktype"] == "value":
                yield statement["mainsnak"]["datavalue"]["value"]
        except (AttributeError, KeyError, TypeError):
            continue


def _items(entity: Mapping[str, Any], props: tuple[str, ...]) -> list[str]:
    """The items that are values of some properties."""
    found = []
    for prop in props:
        for value in _values(entity, prop):
            if not isinstance(value, dict) or value.get("entity-type", "item") != "item":
                continue
            # Dumps of before 2017 have the number alone.
            item = value.get("id") or f"Q{value.get('numeric-id')}"
            if isinstance(item, str) and _ITEM.fullmatch(item):
                found.append(item)
    return found
