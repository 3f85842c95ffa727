"""What documents, servers and files of others say shows as text in a terminal, a log and a table of Prefect's."""

import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from flows import cli
from flows.artifacts import reasons_table
from flows.cli_mine import mining_table
from flows.lineage_text import print_check, print_document, print_findings, print_parts, print_removed
from flows.synthesis_text import synthesis_lines
from flows.terminal import describe
from mixtures.compare import compare, render_comparison
from mixtures.inspect import render
from mixtures.lint_recipe import Finding
from mixtures.plan import Plan, PlanRow
from mixtures.recipe import load_recipe
from pipelines.build import build
from pipelines.removal_changes import RemovalChange, removal_table
from pipelines.synthesis_steps import WRITTEN_KINDS
from sources.shown_text import shown_in_terminal

HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J",
    "a\nbabelmix: done\r\n\tb \x00 \x85",
    "\u202eevil\u202c \u2066x\u2069 \u200b \ufeff \U000e0041 \u2028",
    "[red]x[/red] [/] [link=https://evil.example]y[/link] [[[",
    "<script>alert(1)</script> &lt;i&gt; <i>x</i> **b** | c |",
)
CONTROLS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\U000e0041]"
)
TEXTS = pytest.mark.parametrize("text", HOSTILE)


def printed(show: Callable[[Console], None]) -> str:
    """What is printed where there is no terminal, so that every escape in it is not rich's own."""
    out = io.StringIO()
    show(Console(file=out, width=4000, highlight=False))
    return out.getvalue()


def clean(out: str, text: str, lines: int | None = None) -> None:
    """Nothing of `text` is left that a terminal would heed, all of it can be read, and no line is broken by it."""
    assert not CONTROLS.search(out), ascii(out)
    assert shown_in_terminal(text) in out, ascii(out)
    if lines is not None:
        assert len(out.splitlines()) == lines, ascii(out)


@TEXTS
def test_one_line_stays_one_and_what_can_be_read_stays(text: str) -> None:
    shown = shown_in_terminal(text)
    assert not CONTROLS.search(shown) and "\n" not in shown
    assert shown_in_terminal("नमस्\u200dते می\u200cخواهم 漢字 ł") == "नमस्\u200dते می\u200cخواهم 漢字 ł"
    assert shown_in_terminal("[red] <b> &amp;") == "[red] <b> &amp;"


@TEXTS
def test_a_trace(text: str) -> None:
    names = {"category": text, "source": text, "language": text}
    part = {"from": 0, "to": 9, "cut": False, "id": text, "url": text, "epoch": 1, "tokens": 9, **names}
    clean(printed(lambda console: print_parts([part], 3, 8192, console)), text, 3)
    found = {
        **part, "epochs": 1, "revision": {"profile": text, "hub_id": text, "revision": text},
        "metadata": {text: text}, "synthetic": {"model": text}, "passed": [], "scores": {text: 1.0}, "text": text,
        "duplicates": {
            "cluster_size": 2, "stood_for": [{"id": text, "reason": text, "source": text}], "not_indexed": [text]
        },
        "made_by": [{"step": "curate", "version": 1, "fingerprint": "f" * 64, "folder": text}],
    }  # fmt: skip
    plain = printed(lambda console: print_document({**found, "url": "x"}, console))
    clean(printed(lambda console: print_document(found, console)), text, len(plain.splitlines()))


@TEXTS
def test_what_was_removed_and_what_is_still_held(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    done: dict[str, Any] = {
        "entries": 1, "added": 1, "documents": {text: 1}, "recomputed": [text, f"{text}2"], "near_duplicates": 1,
        "synthesised": 1, "unknown": [text],
    }  # fmt: skip
    print_removed(done, "workspace")
    clean(capsys.readouterr().out, text, 7)
    bucket = {"category": text, "source": text, "language": text, "documents": 1, "tokens": 1}
    print_check({"documents": 1, "tokens": 1, "share": 0.5, "buckets": [bucket]})
    clean(capsys.readouterr().out, text, 2)
    change = RemovalChange(text, text, 0, 1, 2, 1, 20, 10, 3, 1)
    clean(printed(lambda console: console.print(removal_table([change]))), text)
    print_findings([Finding("error", "rule", text)])
    clean(capsys.readouterr().out, text, 1)


@TEXTS
def test_a_plan_of_somebody_else(text: str) -> None:
    row = PlanRow(text, None, None, 0.5, 0.5, 10, 10, 9, 1.1)
    bucket = replace(row, source=text, language=text)
    plan = Plan(
        model=text, stage=1, tokens=10, tokens_planned=10, tokens_available=9, inventory="ledger", tokenizer=text,
        max_epochs=4, fingerprint="ab" * 32, warnings=(text,), categories=(row,),
        languages=(replace(row, category=None, language=text),), buckets=(bucket,),
    )  # fmt: skip
    clean(printed(lambda console: render(plan, console)), text)
    other = replace(plan, model="x", tokenizer="y", fingerprint="cd" * 32)
    clean(printed(lambda console: render_comparison(compare(other, plan), console)), text)


@TEXTS
def test_a_model_that_a_server_names(text: str) -> None:
    totals = {"documents": 1, "kept": 1, "dropped": [], "ranker": text, "model": text, "replayed": False}
    clean(printed(lambda console: console.print(mining_table({"ell_Grek": totals}))), text)
    (row,) = reasons_table({"ell_Grek": totals}, "model")
    assert row["model"] == shown_in_terminal(text)
    plan = build(load_recipe("marco-mini", "stage4"), "sample", None, 0)
    steps = [step for step in plan.steps if step.kind in WRITTEN_KINDS]
    assert text in describe(steps[0], totals)
    assert text in synthesis_lines(plan, {step.name: totals for step in steps})[0]


@TEXTS
def test_an_error_is_one_line(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["babelmix", "lint", "stage4", "--inventory", "upstream", "--use", text])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    # White space is one space in an error, wherever it goes.
    clean(capsys.readouterr().err, " ".join(text.split()), 1)
