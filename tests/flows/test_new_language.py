"""A language that nobody registered, by one file and a handful of documents, all the way into a mixture."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import REPOSITORY, CommandLine, Ended, times

from mixtures.reader import MixtureReader
from mixtures.tokenizer import load_tokenizer

ICELANDIC = Path(__file__).with_name("icelandic.txt").read_text(encoding="utf-8").strip().split("\n\n")
ENGLISH = (
    "The bus that crosses the heath leaves at seven and comes back at four, unless it snows. The driver knows who "
    "gets on where, and waits for the two sisters from the farm behind the hill, who are often late. In winter he "
    "carries the post as well, and in spring he has been seen with a lamb on the seat beside him. Nobody has ever "
    "asked him for a timetable, because there is none, and nobody has ever missed the bus for want of one."
)
FILE = "fineweb-2/data/isl_Latn/train/000_00000.parquet"
OF_ICELANDIC = [
    "collected/fineweb-2/isl_Latn",
    "measured/fineweb-2/isl_Latn",
    "curated/fineweb-2/isl_Latn",
    "curation",
    "tokens/multilingual/fineweb-2/isl_Latn",
]
GLOBAL = ("stage4", "--model", "marco-mini-global")


def _fineweb2(texts: list[str]) -> pa.Table:
    """Documents of Icelandic in FineWeb-2's columns."""
    rows = [
        {
            "text": text,
            "id": f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>",
            "dump": "CC-MAIN-2024-10",
            "url": f"https://isl.example.org/{number}",
            "date": "2024-03-01T12:00:00Z",
            "file_path": "sample/isl_Latn/000_00000.warc.gz",
            "language": "isl",
            "language_score": 0.99,
            "language_script": "Latn",
            "minhash_cluster_size": 1,
            "top_langs": '{"isl_Latn_score": 0.99}',
        }
        for number, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows)


@dataclass(frozen=True, slots=True)
class Added:
    """A mirror's mixture before and after Icelandic was added."""

    workspace: Path
    mirror: Path
    own: Mapping[str, str]
    # What `babelmix languages add` and the two following commands printed.
    add: Ended
    status: Ended
    mix: Ended
    before: Mapping[str, int]

    def manifest(self, folder: str | Path) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.workspace / folder / "manifest.json").read_text(encoding="utf-8"))
        return found

    @property
    def mixture(self) -> Path:
        """The newer of the two mixtures."""
        (new,) = (
            path
            for path in (self.workspace / "mixtures/marco-mini-global/stage4").iterdir()
            if f"{path.relative_to(self.workspace)}/manifest.json" not in self.before
        )
        return new


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Added:
    """Builds a mirror's mixture, adds Icelandic by one file, and builds it again."""
    folder = tmp_path_factory.mktemp("isl")
    babelmix = CommandLine(folder)
    mirror = Path(shutil.copytree(REPOSITORY / "sources/sample", folder / "mirror"))
    (mirror / FILE).parent.mkdir(parents=True)
    pq.write_table(_fineweb2([*ICELANDIC, ENGLISH]), mirror / FILE)
    babelmix("mix", *GLOBAL, "--profile", mirror).done()
    workspace = folder / "workspace"
    before = times(workspace)

    add = babelmix("languages", "add", "isl_Latn", "--folder", "languages")
    own = {"BABELMIX_LANGUAGES": "languages"}
    status = babelmix("status", *GLOBAL, "--profile", mirror, "--json", own=own)
    mix = babelmix("mix", *GLOBAL, "--profile", mirror, own=own)
    return Added(workspace, mirror, own, add, status, mix, before)


def test_adding_says_where_the_file_is_and_what_to_look_at(added: Added) -> None:
    first, *notes = added.add.done().splitlines()
    assert first == "Wrote languages/isl_Latn.yaml. Look at:"
    assert any("native_name" in note for note in notes)


def test_only_what_is_new_runs(added: Added) -> None:
    would_run = [row["step"] for row in json.loads(added.status.done()) if not row["complete"]]
    mixed = str(added.mixture.relative_to(added.workspace))
    assert sorted(would_run) == sorted([*OF_ICELANDIC, mixed])
    added.mix.done()
    after = times(added.workspace)
    changed = {str(Path(name).parent) for name in after if after[name] != added.before.get(name)} - {"."}
    besides = {f"{room}/fineweb-2/isl_Latn" for room in ("dropped", "standing")}
    assert changed == {*OF_ICELANDIC, *besides, "curation/cards", mixed}


def test_it_is_curated_like_any_other(added: Added) -> None:
    added.mix.done()
    kept = pq.read_table(added.workspace / "curated/fineweb-2/isl_Latn/00000.parquet")
    assert kept["text"].to_pylist() == ICELANDIC
    (dropped,) = (added.workspace / "dropped/fineweb-2/isl_Latn").glob("*.parquet")
    assert pq.read_table(dropped)["filter"].to_pylist() == ["language"]
    assert "isl_Latn" in added.mix.out


def test_it_is_in_the_plan_and_the_ledger(added: Added) -> None:
    plan = added.manifest(added.mixture)["totals"]["plan"]
    language = next(row for row in plan["languages"] if row["language"] == "isl_Latn")
    bucket = next(row for row in plan["buckets"] if row["language"] == "isl_Latn")
    assert bucket["tokens_planned"] == language["tokens_planned"] > 0
    assert bucket["tokens_available"] == added.manifest(OF_ICELANDIC[-1])["totals"]["tokens"] > 0
    ledger = pq.read_table(added.workspace / "ledger.parquet").to_pylist()
    assert [row["documents"] for row in ledger if row["language"] == "isl_Latn"] == [len(ICELANDIC)]


def test_its_documents_are_read_from_the_mixture(added: Added) -> None:
    reader = MixtureReader(added.mixture, length=256)
    tokenizer = load_tokenizer(reader.totals["tokenizer"])
    number = next(n for n, row in enumerate(reader.totals["buckets"]) if row["language"] == "isl_Latn")
    buckets, _ = reader.order.entries(0, reader.totals["documents"])
    entries = [entry for entry, bucket in enumerate(buckets) if bucket == number]
    assert entries
    documents = [reader.document(entry) for entry in entries]
    planned = next(row for row in reader.totals["plan"]["buckets"] if row["language"] == "isl_Latn")
    assert abs(sum(map(len, documents)) - planned["tokens_planned"]) <= max(map(len, documents))
    assert all(tokens[-1] == tokenizer.eod for tokens in documents)
    assert {tokenizer.decode(tokens[:-1]) for tokens in documents} <= set(ICELANDIC)


def test_upstream_sizes_know_it_too(added: Added, babelmix: CommandLine) -> None:
    own = {"BABELMIX_LANGUAGES": str(added.workspace.parent / "languages")}
    arguments = ("inspect", *GLOBAL, "--inventory", "upstream", "--json")
    with_it, without = json.loads(babelmix(*arguments, own=own).done()), json.loads(babelmix(*arguments).done())
    codes = {row["language"] for row in without["languages"]}
    assert {row["language"] for row in with_it["languages"]} - codes == {"isl_Latn"}
    assert len(codes) == 64


def test_the_charted_recipes_do_not_ask_for_it(added: Added, babelmix: CommandLine) -> None:
    own = {"BABELMIX_LANGUAGES": str(added.workspace.parent / "languages")}
    plan = json.loads(babelmix("inspect", "stage4", "--inventory", "upstream", "--json", own=own).done())
    assert "isl_Latn" not in {row["language"] for row in plan["languages"]}
