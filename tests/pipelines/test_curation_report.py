"""The report of a run: its figures are those of the files, and hostile text shows as text."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.settings import CurationSettings
from filters.statistics import STATISTICS
from mixtures.recipe import load_recipe
from pipelines.build import build
from pipelines.curated_places import CuratedPlace, curated_places
from pipelines.curation_report import write_curation_report, write_report_of
from pipelines.curation_sample import EXAMPLES, Histogram, sampled
from pipelines.language_card import card_markdown, recognised_languages
from pipelines.run import run_steps
from pipelines.workspace import Workspace
from sources.errors import BabelmixError
from sources.language import language
from sources.schema import DOCUMENT, DROPPED

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></article><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b[0m \x00 \x85",
    "abc\u202egnp.exe \u2066hidden\u2069 \u200bzero\ufeff",
    "[link](javascript:alert(1)) **bold** `code` | table |",
    "Z\u0301" + "\u0301" * 500,
    "\U000e0041\U000e0042 \ue000",
    "&lt;b&gt; &amp; \" ' <",
]


class Page(HTMLParser):
    """The elements of a page, the texts of its examples, and whatever could load or run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.examples: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        self.open.append(tag)
        if tag == "pre":
            self.examples.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "pre" in self.open:
            self.examples[-1] += data


def place(folder: Path, code: str, texts: list[str], dropped: dict[int, tuple[str, str, str]]) -> CuratedPlace:
    """The folders of a curated place with the given texts; `dropped` has filter, reason and detail by row."""
    documents = [
        {
            "id": f"<{row}>",
            "text": text,
            "language": code,
            "source": "web & co",
            "category": "multilingual",
            "url": None,
            "metadata": None,
            "scores": None,
        }
        for row, text in enumerate(texts)
    ]
    kept = [row for at, row in enumerate(documents) if at not in dropped]
    rows = [
        {"id": f"<{at}>", "filter": of, "reason": why, "value": 0.5, "threshold": 0.25, "detail": detail}
        for at, (of, why, detail) in dropped.items()
    ]
    measured = {
        "id": [row["id"] for row in documents],
        **{name: [0.5] * len(texts) for name in STATISTICS},
        "language.score": [0.9] * len(texts),
        "language.first": ["fi"] * (len(texts) - 1) + ["et"],
        "language.first_score": [0.9] * len(texts),
    }
    for name, table in (
        ("documents", pa.Table.from_pylist(documents, DOCUMENT)),
        ("measured", pa.table(measured)),
        ("curated", pa.Table.from_pylist(kept, DOCUMENT)),
        ("dropped", pa.Table.from_pylist(rows, DROPPED)),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        if len(table):
            pq.write_table(table, folder / name / "00000.parquet", row_group_size=7)
    counts: dict[tuple[str, str], int] = {}
    for of, why, _ in dropped.values():
        counts[of, why] = counts.get((of, why), 0) + 1
    totals = {
        "documents": len(texts),
        "kept": len(kept),
        "dropped": [{"filter": of, "reason": why, "documents": n} for (of, why), n in counts.items()],
        "redacted": {},
        "notes": ["a note with <b>markup</b>"],
    }
    return CuratedPlace(
        "web & co",
        language(code),
        str(folder / "documents"),
        str(folder / "measured"),
        str(folder / "curated"),
        str(folder / "dropped"),
        CurationSettings(),
        totals,
    )


def test_hostile_text_shows_as_text(tmp_path: Path) -> None:
    dropped = {at: ("quality", f"reason {at}", HOSTILE[at]) for at in range(len(HOSTILE))}
    of = place(tmp_path, "fin_Latn", [*HOSTILE, "Järvi jäätyi."], dropped)
    write_report_of([of], str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.tags & {"script", "img", "iframe", "object", "embed", "form", "link", "b2"}
    assert not {name for name in page.attributes if name.startswith("on")}
    assert page.links == ["#fin_Latn"]
    assert "default-src 'none'" in text
    for character in "\x1b\x00\x85\u202e\u2066\u2069\u200b\ufeff\U000e0041\ue000":
        assert character not in text
    assert "\u0301" * 7 not in text
    assert "a note with <b>" not in text
    assert page.examples[0] == HOSTILE[0]
    assert page.examples[1] == HOSTILE[1]
    assert page.examples[2] == "␛[31mred␛[0m ␀ U+0085"
    assert page.examples[3].startswith("abcU+202Egnp.exe U+2066hiddenU+2069 U+200Bzero")
    assert page.examples[7] == HOSTILE[7]


def test_its_figures_are_those_of_the_files(tmp_path: Path) -> None:
    dropped = dict.fromkeys(range(20), ("quality", "list_ratio", None)) | {
        at: ("contamination", "benchmark", f"mmlu-{at % 2}: {at}") for at in range(20, 23)
    }
    of = place(tmp_path, "fin_Latn", [f"Teksti numero {at}." for at in range(40)], dropped)  # type: ignore[arg-type]
    found = sampled(of)
    assert found.documents == 40
    assert found.first == {"fi": 39, "et": 1}
    assert found.benchmarks == {"mmlu-0": 2, "mmlu-1": 1}
    assert found.histograms["quality.alpha_ratio"].counts.sum() == 40
    quality = [each for each in found.examples if each.filter == "quality"]
    assert len(quality) == EXAMPLES
    # Which documents are shown is their ids' doing, not that of the order of the files.
    assert quality == [each for each in sampled(of).examples if each.filter == "quality"]
    assert all(each.text == f"Teksti numero {each.id[1:-1]}." for each in found.examples)
    # One row group of the file.
    assert len(found.kept_texts) == 7
    (card,) = write_report_of([of], str(tmp_path / "report.html"), cards=str(tmp_path / "cards"))
    assert card.removed == {"quality": 0.5, "contamination": 3 / 40}
    assert card.first == (("fin_Latn", 0.975), ("ekk_Latn", 0.025))
    written = json.loads((tmp_path / "cards" / "fin_Latn.json").read_text(encoding="utf-8"))
    assert (written["documents"], written["kept"], written["proxy"]) == (40, 17, None)
    assert "| removed: quality | 50.0% |" in (tmp_path / "cards" / "fin_Latn.md").read_text(encoding="utf-8")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "17 of 40 kept" in text
    limits = language("fin_Latn").thresholds
    assert f"<b>quality.line_punct_ratio</b> <span>at least {limits.line_punct_thr:g}<" in text
    assert f"<b>quality.list_ratio</b> <span>at most {limits.new_line_ratio:g}<" in text
    # All values are 0.5: above the one threshold, beneath none of the other.
    figures = text.split("<figure>")
    for name, kinds in (("quality.list_ratio", ["out"]), ("quality.line_punct_ratio", ["in"])):
        (figure,) = (each for each in figures if f"<b>{name}</b>" in each)
        assert [kind for kind in ("in", "out") if f"class='{kind}'" in figure] == kinds
        assert figure.count("<line x1") == 1
    assert "web &amp; co" in text


def test_values_beyond_a_scale_and_none_at_all() -> None:
    import numpy as np

    histogram = Histogram()
    histogram.add("quality.words", np.array([0.0, 1e9, np.nan]))
    assert (histogram.counts[0], histogram.counts[-1], histogram.counts.sum()) == (1, 1, 2)


def test_a_place_of_which_nothing_stayed_or_came(tmp_path: Path) -> None:
    none_kept = place(
        tmp_path / "a", "fin_Latn", ["yksi", "kaksi"], {0: ("language", "x", ""), 1: ("language", "x", "")}
    )
    write_report_of([none_kept], str(tmp_path / "a.html"))
    assert "0 of 2 kept" in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_a_language_that_the_identifier_does_not_know(tmp_path: Path) -> None:
    (card,) = write_report_of([place(tmp_path, "ibo_Latn", ["Ndị obodo"] * 3, {})], str(tmp_path / "r.html"))
    assert "does not know it" in card_markdown(card)


def test_labelled_text_fills_precision_and_recall(tmp_path: Path) -> None:
    finnish = "Järven jää kantoi jo marraskuussa, ja lapset pääsivät luistelemaan koulun jälkeen."
    known = recognised_languages({"fin_Latn": [finnish] * 3})
    of = place(tmp_path, "fin_Latn", [finnish], {})
    (card,) = write_report_of([of], str(tmp_path / "r.html"), known)
    assert "precision 1.000, recall 1.000 on 3 texts" in card_markdown(card)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield Workspace(str(tmp_path_factory.mktemp("workspace")))


def test_a_build_of_the_sample_pack_has_its_report(workspace: Workspace, tmp_path: Path) -> None:
    plan = build(load_recipe("marco-mini", "4"), "sample", None, 0)
    wanted = [
        step
        for step in plan.as_far_as("curate")
        if step.settings["language"] in ("khm_Khmr", "deu_Latn", "ell_Grek")
    ]
    with pytest.raises(BabelmixError, match="nothing is curated there"):
        write_curation_report(workspace, wanted, str(tmp_path / "report.html"))
    run_steps(wanted, workspace, lambda *_: None)
    cards = write_curation_report(workspace, wanted, str(tmp_path / "report.html"))
    places = curated_places(workspace, wanted)
    assert [card.code for card in cards] == sorted({each.language.code for each in places})
    assert sum(card.documents for card in cards) == sum(each.totals["documents"] for each in places)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert sorted(page.ids) == [card.code for card in cards]
    assert all(link.removeprefix("#") in page.ids for link in page.links)
    assert all(text for text in page.examples)
    # A second report of the same run is the same page.
    before = (tmp_path / "report.html").read_bytes()
    write_curation_report(workspace, wanted, str(tmp_path / "report.html"))
    assert (tmp_path / "report.html").read_bytes() == before
