"""The report and the card of a mixture: what they say, and that hostile text shows as text."""

import dataclasses
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from mixture_in_folder import BUCKETS, write_mixture

from mixtures.card import dataset_card
from mixtures.plan import Plan, PlanRow
from mixtures.report import write_report
from mixtures.report_facts import MixtureFacts, SampleText, facts_of_folder
from mixtures.tokenizer import QWEN3
from sources.errors import BabelmixError
from sources.shown_text import shown_in_markdown

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>",
    "![x](https://evil.example/x.png) [y](javascript:alert(1)) https://evil.example www.evil.example",
    "| a | b |\n# heading\n- item\n---\n```\ncode",
    "**bold** _soft_ `code` ~~gone~~ <b>bold</b> &lt;b&gt; {{ 7 * 7 }} $x$",
    "\x1b[31mred\x1b[0m \x00 \u202eevil\u202c \u2066x\u2069 \u200b \ufeff \U000e0041",
)
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0041]")
FUNNEL = (["language", "source", "in", "dropped: language", "dropped: quality", "kept"],)


def plan_of(names: list[tuple[str, str, str]], warnings: tuple[str, ...] = (), tokenizer: str = QWEN3) -> Plan:
    """A plan of buckets of 1,000 tokens each, of which 900 are there."""

    def row(category: str | None, source: str | None, language: str | None, count: int) -> PlanRow:
        share = count / len(names)
        return PlanRow(category, language, source, share, share, 1000 * count, 1000 * count, 900 * count, 1.11)

    categories, languages = Counter(name[0] for name in names), Counter(name[2] for name in names)
    return Plan(
        model="model", stage=1, tokens=1000 * len(names), tokens_planned=1000 * len(names),
        tokens_available=900 * len(names), inventory="ledger", tokenizer=tokenizer, max_epochs=4,
        fingerprint="ab" * 32, warnings=warnings, categories=tuple(row(name, None, None, count) for name, count
        in categories.items()), languages=tuple(row(None, None, name, count) for name, count in
        languages.items()), buckets=tuple(row(*name, 1) for name in names),
    )  # fmt: skip


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> MixtureFacts:
    folder = write_mixture(tmp_path_factory.mktemp("workspace"))
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [tuple(name.split("/")) for name, _, _ in BUCKETS]
    manifest["totals"] |= {"tokenizer": QWEN3, "plan": plan_of(names).as_dict()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return facts_of_folder(folder)


class Elements(HTMLParser):
    """Counts a page's elements, and collects their attributes and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def written(facts: MixtureFacts, path: Path, rows: list[list[object]] | None = None) -> str:
    write_report(facts.plan, *FUNNEL, rows or [["ell_Grek", "fineweb-2", 10, 1, 2, 7]], path, facts)
    return path.read_text(encoding="utf-8")


def test_facts_are_those_of_the_order_and_the_tokens(facts: MixtureFacts) -> None:
    for bucket, (name, shards, tokens) in zip(facts.buckets, BUCKETS, strict=True):
        assert (bucket.category, bucket.source, bucket.language) == tuple(name.split("/"))
        assert bucket.documents == sum(shards) == bucket.lengths.sum()
        assert abs(bucket.tokens - tokens) <= 61
        assert bucket.epochs == bucket.read / bucket.documents
        assert bucket.planned is not None
        # Documents have 3 to 61 tokens.
        places = np.flatnonzero(bucket.lengths)
        assert places.min() >= 6 and places.max() <= 23
        assert bucket.words > 0 and len(bucket.samples) == 2
    assert sum(bucket.tokens for bucket in facts.buckets) == facts.tokens
    assert sum(bucket.read for bucket in facts.buckets) == facts.documents
    assert [licence.source for licence in facts.licences] == ["finemath", "fineweb-2", "stack"]
    assert facts.licences[1].licence.startswith("ODC-BY") and "not in the catalog" in facts.licences[2].licence


def test_the_page_shows_every_part(facts: MixtureFacts, tmp_path: Path) -> None:
    page = Elements(written(facts, tmp_path / "report.html"))
    for said in (
        "Categories",
        "Languages",
        "Epochs",
        "Lengths of documents",
        "Tokens a word",
        "Funnel",
        "Licences",
    ):
        assert said in page.text, said
    for bucket in facts.buckets:
        assert f"{bucket.category} {bucket.language}" in page.text
        assert f"{bucket.epochs:.2f}" in page.text
    assert page.elements["details"] == len(facts.buckets)
    assert page.elements["svg"] == 1 + len({bucket.category for bucket in facts.buckets})


def test_a_page_needs_no_facts(facts: MixtureFacts, tmp_path: Path) -> None:
    write_report(facts.plan, *FUNNEL, [], tmp_path / "plain.html")
    page = Elements((tmp_path / "plain.html").read_text())
    assert "Categories" in page.text and "Samples" not in page.text


def test_the_page_loads_and_runs_nothing(facts: MixtureFacts, tmp_path: Path) -> None:
    page = written(facts, tmp_path / "report.html")
    assert "default-src 'none'" in page
    elements = Elements(page)
    assert not {"script", "link", "iframe", "img", "object", "embed", "form", "a"} & set(elements.elements)
    assert not {"src", "href", "srcset", "action"} & elements.attributes


def hostile(facts: MixtureFacts, text: str) -> MixtureFacts:
    """The same facts with a hostile text wherever a file or a document may bring one."""
    names = [(text, text, text), ("code", "stack", "eng_Latn"), ("math", "finemath", "eng_Latn")]
    first = dataclasses.replace(
        facts.buckets[0], category=text, source=text, language=text, samples=(SampleText(0, 5, text),)
    )
    licence = dataclasses.replace(facts.licences[0], source=text, title=text, licence=text, card=text)
    plan = dataclasses.replace(plan_of(names, (text, text), text), model=text)
    licences = (licence, *facts.licences[1:])
    return dataclasses.replace(facts, plan=plan, buckets=(first, *facts.buckets[1:]), licences=licences)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_text_on_the_page(facts: MixtureFacts, tmp_path: Path, text: str) -> None:
    plain = Elements(written(hostile(facts, "plain"), tmp_path / "plain.html", [["plain", "plain", 10, 1, 2, 7]]))
    page = written(hostile(facts, text), tmp_path / "report.html", [[text, text, 10, 1, 2, 7]])
    assert not CONTROLS.search(page)
    found = Elements(page)
    # No element or attribute more than with a plain text, but for the marks of what has no shape.
    assert found.attributes == plain.attributes
    assert found.elements - plain.elements <= Counter(i=10**6)
    if not CONTROLS.search(text) and "\n" not in text:
        assert found.text.count(text) >= 10


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_shows_as_text_in_the_card(facts: MixtureFacts, text: str) -> None:
    markdown = pytest.importorskip("markdown_it")
    card = dataset_card(hostile(facts, text))
    assert not CONTROLS.search(card)
    _, metadata, body = card.split("---\n", 2)
    assert yaml.safe_load(metadata)["pretty_name"].split() == f"{text} stage 1".split()
    parser = markdown.MarkdownIt("gfm-like", {"html": True, "linkify": False}).enable("table")
    plain = dataset_card(hostile(facts, "plain")).split("---\n", 2)[2]
    expected, found = Elements(parser.render(plain)), Elements(parser.render(body))
    assert found.elements == expected.elements
    assert found.attributes == expected.attributes
    if not CONTROLS.search(text) and "\n" not in text:
        assert found.text.count(text) >= 5


def test_the_card_has_the_metadata_of_the_hub(facts: MixtureFacts) -> None:
    card = dataset_card(facts, rows=123_456, data_files="data/*.parquet", columns={"text": "the text"})
    metadata = yaml.safe_load(card.split("---\n")[1])
    assert metadata["language"] == ["el", "en"]
    assert metadata["size_categories"] == ["100K<n<1M"]
    assert metadata["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "data/*.parquet"}]}
    ]
    assert "| text | the text |" in card
    assert "[fineweb-2](https://huggingface.co/datasets/HuggingFaceFW/fineweb-2)" in card


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ell_Grek 1.5 (half)", "ell_Grek 1.5 (half)"),
        ("1. first", "1&#46; first"),
        ("# not a heading", "&#35; not a heading"),
        ("a-b", "a-b"),
        ("- a", "&#45; a"),
    ],
)
def test_plain_text_stays_readable_in_markdown(text: str, said: str) -> None:
    assert shown_in_markdown(text, 100) == said


def test_a_mixture_without_a_plan_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BabelmixError, match="holds no plan"):
        facts_of_folder(write_mixture(tmp_path))
