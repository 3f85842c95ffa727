"""Prints how well the bundled identifier knows the languages, on real text: precision, recall, confusions.

    python benchmarks/quality_language.py [DATA] [--identifier fasttext176]

DATA (default ../shared/data) holds `documents/<code>.jsonl.gz` (field `text`), sentences in
`lingua_lid/<iso>/testdata/sentences.txt`, and in `lid_confusables_ntrex/*.<iso>.txt.gz` sentences of languages
that are not in the curriculum; they are put together to texts beside the documents.
"""

import argparse
import gzip
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from filters.confusions import RELATED, Recognition, confusion_table, recognition
from filters.identifiers import IdentifierName
from sources.language import languages

_DATA = Path(__file__).parents[1].parent / "shared" / "data"
# Names of files to codes, where a language of RELATED is not registered.
_OUTSIDE = {"bos": "bos_Latn", "bs": "bos_Latn"}


def documents(data: Path) -> dict[str, list[str]]:
    """Documents by code: news, declarations, stories."""
    found = {}
    for code in languages():
        path = data / "documents" / f"{code}.jsonl.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="utf-8") as file:
                found[code] = [json.loads(line)["text"] for line in file]
    return found


def sentences(data: Path) -> dict[str, list[str]]:
    """Sentences by code; those of unregistered languages under the name of their file."""
    by_iso = {each.iso639_1: code for code, each in languages().items() if each.iso639_1}
    # Norwegian Bokmål is `nb` there.
    by_iso["nb"] = "nob_Latn"
    found = {}
    for path in sorted(data.glob("lingua_lid/*/testdata/sentences.txt")):
        iso = path.parts[-3]
        found[by_iso.get(iso, _OUTSIDE.get(iso, iso))] = path.read_text(encoding="utf-8").splitlines()
    return found


def confusables(data: Path, lines: int) -> dict[str, list[str]]:
    """News of languages that look like those of the curriculum, `lines` sentences a text."""
    found = {}
    for path in sorted(data.glob("lid_confusables_ntrex/*.txt.gz")):
        name = path.name.split(".")[1]
        with gzip.open(path, "rt", encoding="utf-8") as file:
            read = file.read().splitlines()
        found[_OUTSIDE.get(name, name)] = [" ".join(read[at : at + lines]) for at in range(0, len(read), lines)]
    return found


def print_recognition(found: dict[str, Recognition], title: str, console: Console) -> None:
    """A row a language, and the mean of each figure."""
    table = Table(title=title, title_justify="left", box=None)
    for column in ("language", "texts", "recall", "first", "precision", "taken for"):
        table.add_column(column, justify="left" if column in ("language", "taken for") else "right")
    for code, each in found.items():
        others = ", ".join(f"{label} {count}" for label, count in each.labels if label != code)
        table.add_row(
            code,
            f"{each.texts:,}",
            f"{each.recall:.3f}",
            f"{each.first:.3f}",
            "·" if each.precision is None else f"{each.precision:.3f}",
            others[:60],
        )
    precisions = [each.precision for each in found.values() if each.precision is not None]
    mean = [
        sum(values) / len(found) for values in zip(*((r.recall, r.first) for r in found.values()), strict=True)
    ]
    table.add_section()
    table.add_row(
        "mean",
        f"{sum(each.texts for each in found.values()):,}",
        *(f"{value:.3f}" for value in mean),
        f"{sum(precisions) / len(precisions):.3f}",
    )
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=_DATA)
    parser.add_argument("--identifier", choices=("fasttext176", "glotlid"), default="fasttext176")
    options = parser.parse_args()
    identifier: IdentifierName = options.identifier
    if not options.data.is_dir():
        parser.error(f"{options.data}: no such folder")
    console = Console(width=140)
    known = languages()
    whole = {**documents(options.data), **confusables(options.data, lines=15)}
    single = {**sentences(options.data)}
    for title, labelled in (("documents", whole), ("sentences", single)):
        print_recognition(recognition(labelled, known, identifier), f"{identifier}, {title}", console)
        for group in RELATED:
            columns, rows = confusion_table(labelled, known, identifier, group)
            table = Table(title=f"{title}: {' '.join(code[:3] for code in group)} taken for", box=None)
            for column in ("", *columns):
                table.add_column(column, justify="right")
            for code, shares in rows:
                table.add_row(code, *(f"{share:.3f}" for share in shares))
            console.print(table)


if __name__ == "__main__":
    main()
