"""What `babelmix trace`, `remove` and `lint` print for people; text of the web shows as what it is."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sources.shown_text import shown_in_terminal

if TYPE_CHECKING:
    from mixtures.lint_recipe import Finding

# Characters of a document that the terminal shows.
_SHOWN: Final = 300


def print_json(found: Any, as_json: bool) -> bool:
    """Prints it where JSON is wanted; whether it did."""
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    return as_json


def print_parts(parts: Sequence[Mapping[str, Any]], number: int, length: int, console: Console) -> None:
    console.print(Text(f"Sequence {number:,} of {length:,} tokens", style="bold"))
    for part in parts:
        span = f"{part['from']}-{part['to']}{' of a longer one' if part['cut'] else ''}"
        bucket = f"{part['category']}/{part['source']}/{part['language']}"
        console.print(Text(shown_in_terminal(f"{span}  {bucket}  epoch {part['epoch']}")), soft_wrap=True)
        console.print(
            Text(f"    {shown_in_terminal(part['id'])}  {shown_in_terminal(part['url'] or '')}", style="dim"),
            soft_wrap=True,
        )


def print_document(found: Mapping[str, Any], console: Console) -> None:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(found):
        grid.add_row(name, Text(shown_in_terminal(value)))
    console.print(grid)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("filter", "measured", "value", "threshold"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    if not found["passed"]:
        for name, value in found["scores"].items():
            named = shown_in_terminal(name)
            table.add_row(Text(named.partition(".")[0]), Text(named), f"{value:.6g}", "")
    for row in found["passed"]:
        value = "" if row["value"] is None else f"{row['value']:.6g}"
        table.add_row(row["filter"], row["statistic"], value, f"{row['bound']} {row['threshold']:.6g}")
    console.print(table)
    shown = shown_in_terminal(found["text"][:_SHOWN]) + ("…" if len(found["text"]) > _SHOWN else "")
    console.print(Text(shown, style="italic"))


def _facts(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    revision, copies = found["revision"], found["duplicates"]
    commit = f" @ {revision['revision']}" if revision["revision"] else ""
    profile = revision["profile"]
    facts = [
        ("document", found["id"]),
        ("URL", found["url"] or ""),
        ("source", found["source"] + (f": {revision['hub_id']}{commit}, profile {profile}" if profile else "")),
        ("language", found["language"]),
        ("category", found["category"]),
    ]
    for each in found.get("readings", [found] if "epoch" in found else []):
        where = (
            f"sequences {each['first_sequence']:,} to {each['last_sequence']:,}, " if "readings" in found else ""
        )
        where += f"{each['mixture']}, " if "mixture" in each else ""
        facts.append(("read", f"{where}epoch {each['epoch']} of {each['epochs']}, {each['tokens']:,} tokens"))
    if "readings" in found and not found["readings"]:
        facts.append(("read", "never: the mixture ends before its turn"))
    if found["metadata"]:
        facts.append(("metadata", json.dumps(found["metadata"], ensure_ascii=False)))
    if found["synthetic"]:
        facts.append(("written by", json.dumps(found["synthetic"], ensure_ascii=False)))
    stood = ", ".join(f"{each['id']} ({each['reason']}, {each['source']})" for each in copies["stood_for"])
    facts.append(("stood for", stood or ("no other" if copies["cluster_size"] == 1 else "")))
    if copies["not_indexed"]:
        facts.append(("", f"not looked through: {', '.join(copies['not_indexed'])}; run `babelmix trace --index`"))
    for step in found["made_by"]:
        facts.append((step["step"], f"version {step['version']}, {step['fingerprint'][:12]}, {step['folder']}"))
    return facts


def print_removed(done: Mapping[str, Any], workspace: str) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"{done['entries']:,} removals in {workspace.rstrip('/')}/removals.jsonl, {done['added']:,} new."
    )
    for what in ("near_duplicates", "synthesised"):
        if done[what]:
            console.print(f"{done[what]:,} of them {'near-duplicates' if what[0] == 'n' else 'generated'}.")
    for place, count in done["documents"].items():
        again = "; made again by the next build" if place in done["recomputed"] else "; dropped already"
        console.print(f"{shown_in_terminal(place)}: {count:,} documents{again}")
    for place in done["recomputed"]:
        if place not in done["documents"]:
            console.print(f"{shown_in_terminal(place)}: nothing is removed any more; made again by the next build")
    if done["documents"]:
        console.print(
            "Their texts stay until deleted in collected/, measured/ and bitext/, which hold what upstream has,"
            " and in completions/, which holds what a model said."
        )
    if done["unknown"]:
        shown = ", ".join(map(shown_in_terminal, done["unknown"][:5])) + (" …" if len(done["unknown"]) > 5 else "")
        console.print(f"No document has {len(done['unknown']):,} of the ids: {shown}")


def print_check(found: Mapping[str, Any]) -> None:
    if not found["documents"]:
        typer.echo("The mixture holds no document of the list.")
        return
    share = f"{100 * found['share']:.4f} %"
    typer.echo(f"The mixture holds {found['documents']:,} of them: {found['tokens']:,} tokens, {share} of it.")
    for each in found["buckets"]:
        name = f"{each['category']}/{each['source']}/{each['language']}"
        typer.echo(f"{shown_in_terminal(name)}: {each['documents']:,} documents, {each['tokens']:,} tokens")


def print_findings(found: "Sequence[Finding]") -> None:
    console = Console(highlight=False, soft_wrap=True)
    for each in found:
        style = "red" if each.level == "error" else "yellow"
        console.print(Text.assemble((each.level, style), f" {each.rule}: {shown_in_terminal(each.message)}"))
    if not found:
        console.print("Nothing was found.")
