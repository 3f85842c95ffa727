"""The questions of benchmarks, from the files that they are published in."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from sources.errors import BabelmixError
from sources.loading import load_yaml

Format: TypeAlias = Literal["jsonl", "squad", "tsv", "csv", "lines"]

# Lists of one's own, separated as in PATH.
BENCHMARKS_ENVIRONMENT: Final = "BABELMIX_BENCHMARKS"
BUNDLED: Final = "bundled"
_BUNDLED_FOLDER: Final = Path(__file__).parent.parent / "sources" / "sample" / "benchmarks"
# Where a list says nothing of its fields.
_QUESTION: Final = ("question",)


class Benchmark(BaseModel):
    """Where a benchmark's items are, below the folder of the file that declares it, and which fields are theirs.

    `text` are fields of a JSON line or columns of a CSV file by name, or columns of a TSV file without a heading
    by number, from 0; what they hold is one item. `squad` is SQuAD's JSON: each question, and each context once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    path: str
    format: Format
    text: tuple[str | int, ...] = _QUESTION
    id: str | None = None


class Benchmarks(BaseModel):
    """A file that declares benchmarks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmarks: tuple[Benchmark, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class BenchmarkItem:
    """One question of a benchmark, with what else of it a document must not hold."""

    benchmark: str
    id: str
    question: str


def benchmark_files(lists: tuple[str, ...]) -> list[tuple[Benchmark, Path]]:
    """The files that `lists` name, each with what it is declared to be, in order.

    A list is a JSON lines file of questions, a folder of such files, or a YAML file that declares benchmarks.

    Raises:
        BabelmixError: a file or folder is not there, or a folder or a declared path holds no file.
    """
    found: list[tuple[Benchmark, Path]] = []
    for name in lists:
        path = _BUNDLED_FOLDER if name == BUNDLED else Path(name)
        if path.suffix in (".yaml", ".yml"):
            found += _declared(path)
            continue
        files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path] if path.is_file() else []
        if not files:
            raise BabelmixError(
                f"{BENCHMARKS_ENVIRONMENT}: {name} is no JSON lines file and no folder of *.jsonl; "
                "write the path of a list of benchmark questions"
            )
        found += [(Benchmark(name="", path=each.name, format="jsonl"), each) for each in files]
    return found


def _declared(path: Path) -> list[tuple[Benchmark, Path]]:
    found = []
    for benchmark in load_yaml(path, Benchmarks).benchmarks:
        files = sorted(each for each in path.parent.glob(benchmark.path) if each.is_file())
        if not files:
            raise BabelmixError(f"{path}: {benchmark.name}: no file matches {benchmark.path}; correct `path`")
        found += [(benchmark, each) for each in files]
    return found


def benchmark_items(lists: tuple[str, ...]) -> Iterator[BenchmarkItem]:
    """The items of all files of `lists`.

    Raises:
        BabelmixError: a file is not there, or not what it should be.
    """
    for benchmark, path in benchmark_files(lists):
        yield from items(benchmark, path)


def items(benchmark: Benchmark, path: Path) -> Iterator[BenchmarkItem]:
    """The items of one file, plain or with gzip.

    Where no name is declared, a JSON line's `benchmark` is the benchmark, or else the file's name; its `id` is the
    item's, or else the line's number, from 1.

    Raises:
        BabelmixError: the file is not what the benchmark declares; the line names file, line and field.
    """
    try:
        yield from _FORMATS[benchmark.format](benchmark, path)
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise BabelmixError(f"{path}: cannot be read as UTF-8 text ({error}); fetch it again") from error


def _open(path: Path) -> io.TextIOBase:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")  # type: ignore[return-value]
    return path.open(encoding="utf-8", newline="")


def _json_lines(benchmark: Benchmark, path: Path) -> Iterator[BenchmarkItem]:
    with _open(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BabelmixError(
                    f"{path}: line {number}: not JSON ({error}); write one object a line"
                ) from error
            if not isinstance(row, dict):
                raise BabelmixError(f'{path}: line {number}: no question; write {{"question": "..."}}')
            text = _text(row, benchmark, path, number)
            name = benchmark.name or str(row.get("benchmark", path.name.split(".")[0]))
            yield BenchmarkItem(name, str(row.get(benchmark.id or "id", number)), text)


def _squad(benchmark: Benchmark, path: Path) -> Iterator[BenchmarkItem]:
    with _open(path) as file:
        try:
            articles = json.load(file)["data"]
            for number, article in enumerate(articles):
                for at, paragraph in enumerate(article["paragraphs"]):
                    yield BenchmarkItem(benchmark.name, f"{path.name}:{number}.{at}", paragraph["context"])
                    for asked in paragraph["qas"]:
                        yield BenchmarkItem(benchmark.name, str(asked["id"]), asked["question"])
        except (ValueError, KeyError, TypeError) as error:
            raise BabelmixError(f"{path}: not SQuAD's JSON ({error!r}); declare another `format`") from error


def _tsv(benchmark: Benchmark, path: Path) -> Iterator[BenchmarkItem]:
    with _open(path) as lines:
        for number, line in enumerate(lines, 1):
            cells = dict(enumerate(line.rstrip("\r\n").split("\t")))
            if line.strip():
                yield BenchmarkItem(benchmark.name, f"{path.name}:{number}", _text(cells, benchmark, path, number))


def _csv(benchmark: Benchmark, path: Path) -> Iterator[BenchmarkItem]:
    with _open(path) as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            yield BenchmarkItem(benchmark.name, f"{path.name}:{number}", _text(row, benchmark, path, number))


def _lines(benchmark: Benchmark, path: Path) -> Iterator[BenchmarkItem]:
    with _open(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield BenchmarkItem(benchmark.name, f"{path.name}:{number}", line.strip())


_FORMATS: Final = {"jsonl": _json_lines, "squad": _squad, "tsv": _tsv, "csv": _csv, "lines": _lines}


def _text(row: dict[Any, Any], benchmark: Benchmark, path: Path, number: int) -> str:
    """What the declared fields of a row hold; lists (of choices) are put together."""
    parts: list[str] = []
    for field in benchmark.text:
        value = row.get(field)
        if isinstance(value, list):
            parts += [each for each in value if isinstance(each, str)]
        elif isinstance(value, str) and value.strip():
            parts.append(value)
        else:
            raise BabelmixError(
                f'{path}: line {number}: no {field}; write {{"{field}": "..."}}, or correct `text`'
            )
    return "\n".join(parts)
