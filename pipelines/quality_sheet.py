"""Pages for a person who reads the language: what a model wrote, what it rests on, what checks said."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from datatrove.io import get_datafolder

from pipelines.curation_style import STYLE
from sources.language import Language
from sources.shown_text import shown
from synth.questions.record import Question

_MOST: Final = 2_000
# Characters of a document that is shown, and of the one that it was made of.
_MOST_TEXT: Final = 8_000
_LETTERS: Final = "ABCD"
_OWN_STYLE: Final = """
article { border: 1px solid var(--line); border-radius: 6px; padding: .6rem 1rem; margin: 1rem 0; }
article ol { list-style: upper-alpha; margin: .4rem 0; } article .key { font-weight: 600; color: var(--kept); }
blockquote { margin: .4rem 0; padding-left: .8rem; border-left: 3px solid var(--line); color: var(--faint); }
article .text { white-space: pre-wrap; }
"""


def write_quality_sheet(
    questions: Sequence[Question], language: Language, balance: Mapping[str, Any], path: str
) -> None:
    """Writes the page to `path`, a file or URL; it needs no network and no script."""
    positions = ", ".join(
        f"{letter} {count}" for letter, count in zip(_LETTERS, balance["positions"], strict=True)
    )
    by = sorted({each.model + (f"@{each.revision}" if each.revision else "") for each in questions})
    verified = sorted({each.verifier for each in questions if each.verifier})
    facts = {
        "kept": f"{balance['questions']:,}",
        "right answers at": f"{positions} (p {balance['probability']:.2f})",
        "right answer is longest": f"{balance['longest_is_key']:.0%}",
        "guessable without the question": f"{balance['guessable']:.0%}",
    }
    body = [
        f"<h1>Questions in {escape(language.name)} ({escape(language.native_name)})</h1>",
        f"<p>Writer: {shown(', '.join(by), _MOST)}. Verifier: {shown(', '.join(verified) or 'none', _MOST)}."
        f" Shown are {len(questions)}, drawn by a hash of their ids.</p>",
        _facts(facts),
        *(_article(each, language) for each in questions),
    ]
    _write(path, f"Questions in {language.name}", body)


@dataclass(frozen=True, slots=True)
class Item:
    """A document that a model wrote, a row of `synth.written.WRITTEN`, and the text that it was made of."""

    record: Mapping[str, Any]
    source_text: str


def write_documents_sheet(
    items: Sequence[Item], language: Language, title: str, facts: Mapping[str, str], path: str
) -> None:
    """Writes a page of documents beside what they were made of to `path`, a file or URL."""
    by = sorted({f"{each.record['model']}@{each.record['revision']}".rstrip("@") for each in items})
    body = [
        f"<h1>{shown(title, _MOST)} in {escape(language.name)} ({escape(language.native_name)})</h1>",
        f"<p>Writer: {shown(', '.join(by), _MOST)}. Shown are {len(items)}, drawn by a hash of their ids.</p>",
        _facts(facts),
        *(_document(each, language) for each in items),
    ]
    _write(path, f"{title} in {language.name}", body)


def _facts(facts: Mapping[str, str]) -> str:
    rows = (
        f"<div><dt>{shown(name, _MOST)}</dt><dd>{shown(value, _MOST)}</dd></div>" for name, value in facts.items()
    )
    return f"<dl>{''.join(rows)}</dl>"


def _write(path: str, title: str, body: Iterable[str]) -> None:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{shown(title, _MOST)}</title><style>{STYLE}{_OWN_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )
    folder, _, name = path.rpartition("/")
    with get_datafolder(folder).open(name, "w", encoding="utf-8") as file:
        file.write(page)


def _document(item: Item, language: Language) -> str:
    record, about = item.record, json.loads(item.record["about"])
    checks = ", ".join(f"{name} {value:.2f}" for name, value in record["checks"])
    passages = (shown(each["text"], _MOST) for each in about.pop("evidence", ()))
    evidence = "".join(f"<blockquote>{each}</blockquote>" for each in passages)
    said = ", ".join(f"{name} {value}" for name, value in about.items() if value)
    return (
        f'<article><small>{shown(said, _MOST)}</small><div dir="auto" lang="{escape(_tongue(language))}">'
        f'<div class="text">{shown(record["text"], _MOST_TEXT)}</div>{evidence}</div>'
        '<details><summary>made of</summary><div class="text" dir="auto">'
        f"{shown(item.source_text, _MOST_TEXT)}</div></details>"
        f"<small>{shown(checks, _MOST)} · {shown(record['source_id'], _MOST)} ·"
        f" {shown(record['id'], _MOST)}</small></article>"
    )


def _tongue(language: Language) -> str:
    return (language.iso639_1 or language.iso639_3) + f"-{language.script}"


def _article(question: Question, language: Language) -> str:
    options = "".join(
        f"<li{' class=key' if at == question.answer else ''}>{shown(each, _MOST)}</li>"
        for at, each in enumerate(question.options)
    )
    checks = ", ".join(f"{name} {value:.2f}" for name, value in sorted(question.checks.items()))
    where = " / ".join((question.region, question.domain, question.topic, question.concept, question.facet))
    return (
        f'<article><small>{shown(where, _MOST)}</small><div dir="auto" lang="{escape(_tongue(language))}">'
        f"<h3>{shown(question.stem, _MOST)}</h3><ol>{options}</ol><p>{shown(question.explanation, _MOST)}</p>"
        f"<blockquote>{shown(question.evidence, _MOST)}</blockquote></div>"
        f"<small>{shown(checks, _MOST)} · {shown(question.evidence_id, _MOST)} ·"
        f" {shown(question.id, _MOST)}</small></article>"
    )
