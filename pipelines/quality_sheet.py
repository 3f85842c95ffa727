"""A page of questions for a person who reads the language: what is asked, what it rests on, what checks said."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from datatrove.io import get_datafolder

from pipelines.curation_style import STYLE
from sources.language import Language
from sources.shown_text import shown
from synth.questions.record import Question

_MOST: Final = 2_000
_LETTERS: Final = "ABCD"
_OWN_STYLE: Final = """
article { border: 1px solid var(--line); border-radius: 6px; padding: .6rem 1rem; margin: 1rem 0; }
article ol { list-style: upper-alpha; margin: .4rem 0; } article .key { font-weight: 600; color: var(--kept); }
blockquote { margin: .4rem 0; padding-left: .8rem; border-left: 3px solid var(--line); color: var(--faint); }
"""


def write_quality_sheet(
    questions: Sequence[Question], language: Language, balance: Mapping[str, Any], path: str
) -> None:
    """Writes the page to `path`, a file or URL; it needs no network and no script."""
    folder, _, name = path.rpartition("/")
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
        "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items()) + "</dl>",
        *(_article(each, language) for each in questions),
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Questions in {escape(language.name)}</title><style>{STYLE}{_OWN_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )
    with get_datafolder(folder).open(name, "w", encoding="utf-8") as file:
        file.write(page)


def _article(question: Question, language: Language) -> str:
    tongue = (language.iso639_1 or language.iso639_3) + f"-{language.script}"
    options = "".join(
        f"<li{' class=key' if at == question.answer else ''}>{shown(each, _MOST)}</li>"
        for at, each in enumerate(question.options)
    )
    checks = ", ".join(f"{name} {value:.2f}" for name, value in sorted(question.checks.items()))
    where = " / ".join((question.region, question.domain, question.topic, question.concept, question.facet))
    return (
        f'<article><small>{shown(where, _MOST)}</small><div dir="auto" lang="{escape(tongue)}">'
        f"<h3>{shown(question.stem, _MOST)}</h3><ol>{options}</ol><p>{shown(question.explanation, _MOST)}</p>"
        f"<blockquote>{shown(question.evidence, _MOST)}</blockquote></div>"
        f"<small>{shown(checks, _MOST)} · {shown(question.evidence_id, _MOST)} ·"
        f" {shown(question.id, _MOST)}</small></article>"
    )
