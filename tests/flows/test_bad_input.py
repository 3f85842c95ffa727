"""Bad input, one mistake at a time: one clear line, exit code 1, and what was complete stays complete."""

import fcntl
import gzip
import json
import re
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import BABELMIX, PATIENCE_S, REPOSITORY, CommandLine, digests, environment, times
from conftest import Built

SAMPLE = REPOSITORY / "sources" / "sample"
GERMAN = Path("fineweb-2/data/deu_Latn/train/000_00000.parquet")
GREEK = Path("fineweb-2/data/ell_Grek/train/000_00000.parquet")
WIKI = Path("dolmino-mix-1124/data/wiki/wiki-0000.json.gz")
RECIPE = """\
model: own
stage: 1
tokens: 20000
categories: {wiki: 10, multilingual: 90}
languages: {deu_Latn: 60, ell_Grek: 30}
"""
MIX = ("mix", "recipe.yaml", "--profile", "mirror")


def _lay_out(folder: Path) -> None:
    """A recipe and a mirror of three files."""
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    for file in (GERMAN, GREEK, WIKI):
        (folder / "mirror" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SAMPLE / file, folder / "mirror" / file)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe, a mirror and the workspace that was made of them; to be read only."""
    folder = tmp_path_factory.mktemp("small")
    _lay_out(folder)
    CommandLine(folder)(*MIX).done()
    return folder


@pytest.fixture
def place(small: Path, tmp_path: Path) -> Path:
    """A copy of `small` that a test may change."""
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    return tmp_path


def _table(path: Path) -> pa.Table:
    return pq.read_table(path, partitioning=None)


def _with_text(path: Path, text: pa.Array) -> None:
    table = _table(path)
    pq.write_table(table.set_column(table.schema.get_field_index("text"), "text", text), path)


def _empty(path: Path) -> None:
    pq.write_table(_table(path).slice(0, 0), path)


def _blank(path: Path) -> None:
    _with_text(path, pa.array([""] * _table(path).num_rows))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200:2200] = bytes(2000)
    path.write_bytes(content)


def _binary(path: Path) -> None:
    _with_text(path, _table(path)["text"].cast(pa.binary()))


def _numbers(path: Path) -> None:
    _with_text(path, pa.array(range(_table(path).num_rows)))


def _renamed(path: Path) -> None:
    table = _table(path)
    pq.write_table(
        table.rename_columns(["texts" if name == "text" else name for name in table.schema.names]), path
    )


def _second(path: Path, text: bytes) -> None:
    """Puts `text`, whatever its bytes, into the second document of a Parquet file."""
    first, _, *rest = _table(path)["text"].cast(pa.binary()).to_pylist()
    column = pa.array([first, text, *rest], type=pa.binary())
    _with_text(path, pa.Array.from_buffers(pa.string(), len(column), column.buffers()))


def _no_utf8(path: Path) -> None:
    _second(path, "Grüße aus Köln. ".encode("latin-1") * 20)


def _nul(path: Path) -> None:
    _second(path, b"Ein Satz mit einem \0 darin. " * 20)


def _hundred_megabytes(path: Path) -> None:
    _second(path, b"Ein langes Dokument hoert nie auf. " * 3_000_000)


def _lines(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Changes the second line of a file of JSON lines."""

    def write(path: Path) -> None:
        first, second, *rest = gzip.decompress(path.read_bytes()).splitlines()
        path.write_bytes(gzip.compress(b"\n".join([first, change(second), *rest]), compresslevel=1))

    return write


def _plain(path: Path) -> None:
    path.write_bytes(gzip.decompress(path.read_bytes()))


@dataclass(frozen=True, slots=True)
class Case:
    """A way to spoil a file of the mirror, and what the one line then says."""

    name: str
    file: Path
    spoil: Callable[[Path], None]
    said: tuple[str, ...]


CASES = [
    Case("empty source", GERMAN, _empty, ("no document in any of its files",)),
    Case("empty texts", GERMAN, _blank, ("documents is empty", "column")),
    Case("truncated Parquet", GERMAN, _truncate, (str(GERMAN),)),
    Case("damaged Parquet", GERMAN, _damage, (str(GERMAN),)),
    Case("no Parquet", GERMAN, lambda path: path.write_text("<html>Too many requests</html>"), (str(GERMAN),)),
    Case("no byte", GERMAN, lambda path: path.write_bytes(b""), (str(GERMAN),)),
    Case("binary column", GERMAN, _binary, (str(GERMAN), "'text'", "binary", "should be string")),
    Case("column of numbers", GERMAN, _numbers, (str(GERMAN), "'text'", "int64", "should be string")),
    Case("missing column", GERMAN, _renamed, (str(GERMAN), "'text'", "texts")),
    Case("invalid UTF-8", GERMAN, _no_utf8, (str(GERMAN), "row 2", "not UTF-8 at byte 3")),
    Case("NUL byte", GERMAN, _nul, (str(GERMAN), "row 2", "NUL byte")),
    Case("100 MB document", GERMAN, _hundred_megabytes, (str(GERMAN), "row 2", "105 MB", "at most")),
    Case("invalid UTF-8 in a line", WIKI, _lines(lambda line: line + b"\xff"), (str(WIKI), "row 2", "not UTF-8")),
    Case("NUL byte in a line", WIKI, _lines(lambda line: b"\0" + line), (str(WIKI), "row 2", "NUL byte")),
    Case(
        "escaped NUL byte in a line",
        WIKI,
        _lines(lambda line: json.dumps({"id": "n", "text": "a\0b"}).encode()),
        (str(WIKI), "row 2", "NUL byte"),
    ),
    Case(
        "100 MB document in a line",
        WIKI,
        _lines(lambda line: b'{"id": "l", "text": "%s"}' % (b"word " * 21_000_000)),
        (str(WIKI), "row 2", "105 MB", "at most"),
    ),
    Case(
        "text of another type in a line", WIKI, _lines(lambda line: b'{"text": 7}'), (str(WIKI), "row 2", "string")
    ),
    Case("no JSON in a line", WIKI, _lines(lambda line: line[:-5]), (str(WIKI), "row 2", "not JSON")),
    Case("truncated gzip", WIKI, lambda path: path.write_bytes(path.read_bytes()[:-500]), (str(WIKI),)),
    Case("wrong compression", WIKI, _plain, (str(WIKI), "gzip")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_spoilt_file_of_a_source(case: Case, place: Path, babelmix: CommandLine) -> None:
    before = times(place / "workspace")
    case.spoil(place / "mirror" / case.file)
    said = babelmix(*MIX).mistake()
    for words in case.said:
        assert words in said
    assert times(place / "workspace") == before


def test_what_was_made_before_a_mistake_was_met_is_kept(
    small: Path, tmp_path: Path, babelmix: CommandLine
) -> None:
    """In a new workspace: the other sources' folders are complete, and the second run makes only the rest."""
    _lay_out(tmp_path)
    _truncate(tmp_path / "mirror" / GERMAN)
    babelmix(*MIX).mistake()
    made = digests(tmp_path / "workspace")
    assert not any("deu_Latn" in name for name in made)
    shutil.copyfile(SAMPLE / GERMAN, tmp_path / "mirror" / GERMAN)
    before = times(tmp_path / "workspace")
    babelmix(*MIX).done()
    after = times(tmp_path / "workspace")
    assert {name: after[name] for name in before} == before
    assert digests(tmp_path / "workspace") == digests(small / "workspace")


RECIPES = {
    "shares of 97": (RECIPE.replace("wiki: 10", "wiki: 7"), ("recipe.yaml", "97", "normalise: true")),
    "shares of 100.2": (RECIPE.replace("wiki: 10", "wiki: 10.2"), ("recipe.yaml", "100.2", "normalise: true")),
    "languages of 95": (RECIPE.replace("ell_Grek: 30", "ell_Grek: 35"), ("recipe.yaml", "95", "normalise: true")),
    "unknown language": (RECIPE.replace("deu_Latn", "deu_Latin"), ("recipe.yaml", "'deu_Latin'", "deu_Latn")),
    "unknown category": (RECIPE.replace("wiki", "wikis"), ("recipe.yaml", "'wikis'", "wiki")),
    "typo in a key": (RECIPE.replace("categories", "catgories"), ("recipe.yaml", "catgories", "categories")),
    "no number": (RECIPE.replace("20000", "many"), ("recipe.yaml", "tokens", "many")),
    "negative share": (RECIPE.replace("wiki: 10", "wiki: -10"), ("recipe.yaml", "wiki", "0")),
    "no YAML": (RECIPE.replace("{wiki", "[wiki"), ("recipe.yaml",)),
    "a key twice": (RECIPE + "model: other\n", ("recipe.yaml", "model")),
    "empty recipe": ("", ("recipe.yaml",)),
    "no UTF-8": (RECIPE.replace("own", "eig\udce4n"), ("recipe.yaml", "UTF-8")),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_mistake_in_a_recipe(name: str, place: Path, babelmix: CommandLine) -> None:
    text, words = RECIPES[name]
    before = times(place / "workspace")
    (place / "recipe.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    said = babelmix(*MIX).mistake()
    for word in words:
        assert word in said
    assert times(place / "workspace") == before


def test_shares_that_are_to_be_normalised(place: Path, babelmix: CommandLine) -> None:
    text = RECIPE.replace("wiki: 10", "wiki: 30") + "normalise: true\n"
    (place / "recipe.yaml").write_text(text, encoding="utf-8")
    plan = json.loads(babelmix("inspect", "recipe.yaml", "--json").done())
    assert [row["share_wanted"] for row in plan["categories"]] == pytest.approx([0.25, 0.75])
    assert any("120" in warning for warning in plan["warnings"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mix", "stage9"), ("stage9", "stage4")),
        (("mix", "stage4", "--model", "marco-mimi"), ("marco-mimi", "marco-mini")),
        (("mix", "stage4", "--profile", "nowhere"), ("nowhere", "sample")),
        (("mix", "none.yaml"), ("none.yaml", "no such recipe")),
        (("mix", "stage4", "--tokens", "5 bushels"), ("--tokens", "5 bushels")),
        (("mix", "stage4", "--workspace", "/dev/null/workspace"), ("/dev/null/workspace", "--workspace")),
        (("inspect", "stage4", "--inventory", "attic"), ("attic", "upstream")),
        (("inspect", "stage4", "--inventory", "ledger"), ("ledger.parquet", "--inventory upstream")),
        (("languages", "show", "elll_Grek"), ("elll_Grek", "ell_Grek")),
        (("sources", "show", "fineweb"), ("fineweb", "fineweb-2")),
        (("curate", "--input", "none.jsonl", "--language", "ell_Grek", "--output", "out"), ("none.jsonl",)),
        (("curate", "--input", "x.jsonl", "--language", "el", "--output", "out"), ("'el'", "languages add")),
        (("curate", "--input", "x.jsonl"), ("--language",)),
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line(
    arguments: tuple[str, ...], words: tuple[str, ...], tmp_path: Path, babelmix: CommandLine
) -> None:
    said = babelmix(*arguments).mistake()
    for word in words:
        assert word in said
    assert not (tmp_path / "workspace").exists()


def test_a_typo_in_a_languages_file(place: Path, babelmix: CommandLine) -> None:
    babelmix("languages", "add", "isl_Latn", "--folder", "own").done()
    path = place / "own" / "isl_Latn.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("new_line_ratio", "new_lines_ratio"), encoding="utf-8"
    )
    said = babelmix(*MIX, own={"BABELMIX_LANGUAGES": "own"}).mistake()
    for word in ("own/isl_Latn.yaml", "new_lines_ratio", "new_line_ratio"):
        assert word in said


def test_a_removal_outside_its_band_stops_with_the_figures(place: Path, babelmix: CommandLine) -> None:
    before = times(place / "workspace")
    (place / "bands.yaml").write_text("fewest: 5\nsources: {fineweb-2/deu_Latn: {most: 0.2}}\n", encoding="utf-8")
    said = babelmix(*MIX, own={"BABELMIX_REMOVAL": "bands.yaml"}).mistake()
    for words in (
        "fineweb-2/deu_Latn: curation removed 7 of 16 documents",
        "duplicates 2",
        "expected are 0% to 20%",
    ):
        assert words in said
    after = times(place / "workspace")
    assert {name: after[name] for name in before if "deu_Latn" in name} == {
        name: before[name] for name in before if "deu_Latn" in name
    }
    # The rows that the line names are there to be looked at.
    (rows,) = re.findall(r"rows in (\S+),? ", said)
    assert list((place / rows.rstrip(",")).glob("*.parquet"))


def test_a_second_run_at_the_same_time(place: Path, babelmix: CommandLine) -> None:
    before = times(place / "workspace")
    with (place / "workspace" / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        said = babelmix(*MIX, "--seed", "1").mistake()
        assert "another babelmix run is working in it" in said
        # Looking is free.
        assert "14 of 14" in babelmix("status", *MIX[1:]).done()
    assert times(place / "workspace") == before
    assert "Nothing was recomputed" in babelmix(*MIX).done()


def test_files_may_not_become_large_enough(small: Path, tmp_path: Path, babelmix: CommandLine) -> None:
    _lay_out(tmp_path)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    said = babelmix(*MIX, before=limit).mistake()
    assert "workspace workspace: File too large; what was complete is untouched" in said
    before = times(tmp_path / "workspace")
    babelmix(*MIX).done()
    after = times(tmp_path / "workspace")
    assert {name: after[name] for name in before} == before
    assert digests(tmp_path / "workspace") == digests(small / "workspace")


FULL_DISK = """\
mount -t tmpfs -o size=1400k none disk || exit 99
"$0" mix stage4 --workspace disk/workspace > first.out 2> first.err
echo $? > first.code
"$0" status --json --workspace disk/workspace > status.json
mount -o remount,size=64m disk
"$0" mix stage4 --workspace disk/workspace > second.out 2> second.err
echo $? > second.code
cp -r disk/workspace workspace
"""


@pytest.fixture
def own_mounts() -> Iterator[list[str]]:
    """How to run a command that may mount file systems, which nobody else then sees."""
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets no user mount a file system of their own")
    yield command


def test_a_full_disk(own_mounts: list[str], built: Built, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    subprocess.run(
        [*own_mounts, "sh", "-c", FULL_DISK, BABELMIX],
        cwd=tmp_path,
        env=environment(),
        check=True,
        timeout=PATIENCE_S,
    )

    def read(name: str) -> str:
        return (tmp_path / name).read_text(encoding="utf-8")

    assert read("first.code").strip() == "1"
    (said,) = read("first.err").splitlines()
    assert said.startswith("babelmix: workspace disk/workspace: No space left on device; what was complete")
    steps = json.loads(read("status.json"))
    complete = {row["step"] for row in steps if row["complete"]}
    assert 0 < len(complete) < len(steps)
    # With more room the rest is made, and nothing but the rest.
    assert (read("second.code").strip(), read("second.err")) == ("0", "")
    made = {line.partition(": ")[0] for line in read("second.out").splitlines()}
    assert made & {row["step"] for row in steps} == {row["step"] for row in steps} - complete
    assert digests(tmp_path / "workspace") == digests(built.workspace)
