"""Concepts out of Wikidata: which items are one, in dumps of every form, and what is said of bad rows."""

import bz2
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sources.errors import BabelmixError
from sources.language import language
from synth.culture.concepts import Concept, ConceptIndex, described
from synth.culture.sparql_results import read_results
from synth.culture.wikidata import BadRows, read_concepts, read_tree
from synth.culture.wikidata_settings import wikidata_settings

GREEK = language("ell_Grek")


def item(number: int, labels: dict[str, str] | None = None, links: int = 5, **claims: list[str]) -> dict[str, Any]:
    """An entity as a dump has it: claims are items, or codes where they do not begin with Q."""

    def snak(value: str) -> dict[str, Any]:
        content: Any = {"id": value, "entity-type": "item"} if value.startswith("Q") else value
        return {"rank": "normal", "mainsnak": {"snaktype": "value", "datavalue": {"value": content}}}

    return {
        "id": f"Q{number}",
        "type": "item",
        "labels": {code: {"language": code, "value": text} for code, text in (labels or {}).items()},
        "descriptions": {"en": {"value": "a dish"}} if labels else [],
        "aliases": {"el": [{"value": "μουσακάς της γιαγιάς"}]} if labels else [],
        "claims": {prop: [snak(value) for value in values] for prop, values in claims.items()} or [],
        "sitelinks": {f"l{at}wiki": {} for at in range(links)} | {"commonswiki": {}, "elwikiquote": {}},
    }


BOTH = {"el": "μουσακάς", "en": "moussaka"}
ENTITIES = [
    item(746549),
    item(100, P279=["Q746549"]),
    item(101, P279=["Q100"]),
    item(102, P279=["Q101", "Q100"]),
    item(41, {"en": "Greece", "el": "Ελλάδα"}, P297=["GR"]),
    item(1, BOTH, P31=["Q102"], P495=["Q41", "Q999"]),
    item(2, {"el": "μουσακάς"}, P31=["Q102"]),
    item(3, {"en": "moussaka"}, P31=["Q102"]),
    item(4, BOTH, links=1, P31=["Q102"]),
    item(5, BOTH, links=300, P31=["Q102"]),
    item(6, BOTH, P31=["Q5"]),
    item(7, {"el": "χορός", "en": "a dance"}, P279=["Q11639"]),
]


def dump(path: Path, entities: list[Any]) -> Path:
    """A dump in the form that the name says."""
    lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in entities]
    content = ("[\n" + ",\n".join(lines) + "\n]\n").encode()
    path.write_bytes(
        gzip.compress(content)
        if path.suffix == ".gz"
        else bz2.compress(content)
        if path.suffix == ".bz2"
        else content
    )
    return path


def concepts(path: Path) -> tuple[list[Concept], BadRows, Counter[str]]:
    """What a dump holds in Greek."""
    settings, bad, passed = wikidata_settings(), BadRows(), Counter[str]()
    tree = read_tree(path, settings, BadRows())
    return list(read_concepts(path, GREEK, settings, tree, bad, passed)), bad, passed


@pytest.mark.parametrize("name", ["dump.json", "dump.json.gz", "dump.json.bz2"])
def test_items_below_a_class_are_concepts_whatever_the_form_of_the_dump(tmp_path: Path, name: str) -> None:
    found, bad, passed = concepts(dump(tmp_path / name, ENTITIES))
    assert [each.id for each in found] == ["Q1", "Q7"]
    assert found[0] == Concept(
        "Q1", ("dish",), ("GR", "Q999"), "μουσακάς", "moussaka", "", "a dish", ("μουσακάς της γιαγιάς",), 5
    )
    assert found[1].classes == ("dance",)
    assert passed == {"no_english_label": 1, "no_label": 4, "sitelinks_few": 1, "sitelinks_many": 1}
    assert not bad.counts


def test_rows_that_are_no_entity_are_counted_and_named(tmp_path: Path) -> None:
    path = dump(tmp_path / "dump.json", [ENTITIES[0], "{no json", "17", '{"id": 4}', *ENTITIES[1:]])
    found, bad, _ = concepts(path)
    assert len(found) == 2
    assert bad.counts == {"no JSON": 1, "no entity with an id": 2}
    assert bad.named == [
        f"{path}: row 3: no JSON",
        f"{path}: row 4: no entity with an id",
        f"{path}: row 5: no entity with an id",
    ]


@pytest.mark.parametrize(
    "claim", [{"P31": "x"}, {"P31": [{}]}, {"P31": [{"mainsnak": None}]}, {"P31": [None]}, []]
)
def test_statements_of_another_form_are_no_statements(tmp_path: Path, claim: Any) -> None:
    odd = {**ENTITIES[5], "claims": claim}
    assert [each.id for each in concepts(dump(tmp_path / "dump.json", [*ENTITIES[:5], odd, ENTITIES[11]]))[0]] == [
        "Q7"
    ]


@pytest.mark.parametrize("name", ["dump.json.gz", "dump.json.bz2"])
def test_a_dump_that_breaks_off_is_named(tmp_path: Path, name: str) -> None:
    path = dump(tmp_path / name, ENTITIES * 50)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BabelmixError, match=r"row \d+: cannot be read on .*fetch the file again"):
        concepts(path)


def test_a_missing_dump_is_named(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match=r"none\.json: row 1: cannot be read on"):
        concepts(tmp_path / "none.json")


def test_a_wrong_key_of_the_settings_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("clases: {}\n", encoding="utf-8")
    with pytest.raises(BabelmixError, match="clases: unknown key"):
        wikidata_settings(path)


ROWS = [
    {"item": "http://www.wikidata.org/entity/Q1", "label": "μουσακάς", "english": "moussaka", "class": "dish",
     "region": "GR", "sitelinks": "40"},
    {"item": "http://www.wikidata.org/entity/Q1", "label": "μουσακάς", "english": "moussaka", "class": "dish",
     "region": "CY", "sitelinks": "40"},
    {"item": "http://www.wikidata.org/entity/Q2", "label": "Q2", "english": "thing", "sitelinks": "9"},
    {"item": "http://www.wikidata.org/entity/Q3", "label": "πράγμα", "sitelinks": "9"},
    {"item": "http://example.org/3", "label": "πράγμα", "english": "thing", "sitelinks": "9"},
    {"item": "http://www.wikidata.org/entity/Q4", "label": "πράγμα", "english": "thing", "sitelinks": "900"},
    {"item": "Q5", "label": "τσάμικος, \"ο\"", "english": "tsamikos"},
]  # fmt: skip


def results(path: Path, form: str) -> Path:
    """The rows as an endpoint gives them."""
    if form == "json":
        bindings = [{name: {"type": "literal", "value": value} for name, value in row.items()} for row in ROWS]
        answer = {"head": {"vars": ["item"]}, "results": {"bindings": bindings}}
        path.write_text(json.dumps(answer, ensure_ascii=False, indent=2), encoding="utf-8")
    else:
        columns = ["item", "label", "english", "class", "region", "sitelinks"]
        quoted = [",".join('"' + row.get(name, "").replace('"', '""') + '"' for name in columns) for row in ROWS]
        path.write_text("\r\n".join([",".join(columns), *quoted]), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["json", "csv"])
def test_rows_of_one_item_are_one_concept(tmp_path: Path, form: str) -> None:
    bad, passed = BadRows(), Counter[str]()
    path = results(tmp_path / f"results.{form}", form)
    found = list(read_results(path, wikidata_settings(), bad, passed, ("dance",)))
    assert [(each.id, each.classes, each.regions) for each in found] == [
        ("Q1", ("dish",), ("GR", "CY")),
        ("Q5", ("dance",), ()),
    ]
    assert found[1].label == 'τσάμικος, "ο"'
    assert bad.counts == {"no label": 1, "no english": 1, "item is none of Wikidata's": 1}
    assert passed == {"sitelinks_many": 1}


def test_long_result_files_are_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    binding = {name: {"value": value} for name, value in ROWS[0].items()}
    many = [{**binding, "item": {"value": f"Q{at}"}} for at in range(3000)]
    path.write_text(json.dumps({"results": {"bindings": many}}), encoding="utf-8")
    assert len(list(read_results(path, wikidata_settings(), BadRows(), Counter()))) == 3000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", '{"head": {}}', "no `bindings`"),
        ("a.json", '{"results": {"bindings": [{"item": {"value": "Q1"', "binding 1: breaks off"),
        ("a.csv", "thing,label\n1,2\n", "no column 'item'"),
        ("a.csv", "", "no column 'item'"),
    ],
)
def test_result_files_of_another_form_are_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BabelmixError, match=said):
        list(read_results(path, wikidata_settings(), BadRows(), Counter()))


def concept(name: str, label: str, *regions: str, aliases: tuple[str, ...] = ()) -> Concept:
    """A concept with the fields that an index looks at."""
    return Concept(name, ("dish",), regions, label, f"english {name}", "", "a thing", aliases, 3)


def test_concepts_are_found_where_a_text_names_them() -> None:
    index = ConceptIndex(
        [
            concept("Q1", "Μουσακάς", "GR"),
            concept("Q2", "σουβλάκι", "CY"),
            concept("Q3", "μουσακάς της γιαγιάς", "GR"),
            concept("Q4", "να", "GR"),
            concept("Q5", "τσουρέκι", "GR", aliases=("πασχαλινό ψωμί",)),
        ],
        GREEK,
    )
    text = "Το σουβλάκι και το σουβλάκι, ο μουσακάς της γιαγιάς να ψήνεται, και το πασχαλινό ψωμί."
    assert [each.id for each in index.named(text)] == ["Q2", "Q3", "Q5"]
    assert [each.id for each in index.named(text, "GR-A", most=2)] == ["Q3", "Q5"]
    assert index.named("Τίποτε από αυτά.") == []


def test_concepts_are_found_where_words_are_not_spaced() -> None:
    index = ConceptIndex([concept("Q1", "餃子", "CN"), concept("Q2", "端午節", "CN")], language("cmn_Hani"))
    assert {each.id for each in index.named("我們在端午節吃餃子。")} == {"Q1", "Q2"}


def test_records_are_described_a_line_each() -> None:
    assert (
        described([concept("Q1", "μουσακάς", "GR", "Q999")]) == "Q1: μουσακάς (english Q1); dish; Greece; a thing"
    )
    assert described([]) == "none"
