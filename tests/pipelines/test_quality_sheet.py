"""The page of twenty documents that a model wrote: what it shows, how it draws, and that it only shows."""

import json
from pathlib import Path
from typing import Any

from pipelines.quality_sheet import Item, write_documents_sheet
from pipelines.written_rooms import WrittenRooms
from sources.language import language

ARABIC = language("arb_Arab")


def _row(name: str, text: str = "نص") -> dict[str, Any]:
    told = {
        "kind": "culture", "model": "m", "revision": "r", "prompts": ["culture/article@1"], "seed": 0,
        "source_id": name, "source": "web", "source_licence": None, "checks": {"novelty": 0.5}, "topic": "food",
    }  # fmt: skip
    return {
        "id": f"{name}/article", "text": text, "language": "arb_Arab", "source": "synthetic-culture",
        "category": "multilingual", "url": None, "metadata": json.dumps(told), "scores": [],
    }  # fmt: skip


def test_hostile_text_shows_as_text(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[31m"
    record = {
        "id": hostile, "text": hostile, "model": hostile, "revision": hostile, "source_id": hostile,
        "checks": [(hostile, 1.0)], "about": json.dumps({hostile: hostile, "evidence": [{"text": hostile}]}),
    }  # fmt: skip
    path = tmp_path / "sheet.html"
    write_documents_sheet([Item(record, hostile)], ARABIC, hostile, {hostile: hostile}, str(path))
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page and "\u202e" not in page and "\x1b" not in page
    # Text, original, evidence, both ids, check, name and value of a fact and of what is known, model and revision.
    assert page.count("&lt;script&gt;") >= 11
    assert 'lang="ar-Arab"' in page and 'dir="auto"' in page


def _drawn(folder: Path, names: list[str]) -> list[str]:
    """The documents that the page of these ones shows, in the order of their numbers."""
    places = {name: str(folder / name) for name in ("records", "documents", "dropped")}
    for place in places.values():
        Path(place).mkdir(parents=True)
    with WrittenRooms(places, ARABIC) as rooms:
        for name in names:
            rooms.keep({"id": name, "text": f"original of {name}"}, _row(name))
    rooms.write_sheet("synthetic-culture", {"kept": "100 of 100"})
    page = (folder / "records" / "sheet.html").read_text(encoding="utf-8")
    shown = [name for name in sorted(names) if f"{name}/article<" in page]
    assert page.count("<article>") == len(shown) and all(f"original of {name}<" in page for name in shown)
    assert "novelty 0.50" in page and "topic food" in page
    return shown


def test_twenty_are_drawn_and_the_same_ones_in_any_order(tmp_path: Path) -> None:
    names = [f"d{number:02}" for number in range(100)]
    shown = _drawn(tmp_path / "forth", names)
    assert len(shown) == 20 and shown not in (names[:20], names[-20:])
    assert _drawn(tmp_path / "back", names[::-1]) == shown
    assert len(_drawn(tmp_path / "few", names[:3])) == 3
