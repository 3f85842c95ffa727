import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli import app, main
from sources.source import Source, source, sources

runner = CliRunner()


def test_the_list_names_every_source_whole_on_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    printed = runner.invoke(app, ["sources", "list"])
    assert printed.exit_code == 0
    words = printed.output.split()
    assert [name for name in sources() if name not in words] == []
    assert words.count("gated") == 4
    assert max(map(len, printed.output.splitlines())) <= 80


def test_the_list_as_json_holds_what_the_catalog_holds() -> None:
    printed = runner.invoke(app, ["sources", "list", "--json"])
    assert [Source.model_validate(each) for each in json.loads(printed.output)] == list(sources().values())


@pytest.mark.parametrize(("option", "read"), [((), yaml.safe_load), (("--json",), json.loads)])
def test_show_prints_licence_gate_and_traps(option: tuple[str, ...], read: Callable[[str], Any]) -> None:
    printed = runner.invoke(app, ["sources", "show", "nemotron-cc-v2", *option])
    found = read(printed.output)
    assert found["gate"] == source("nemotron-cc-v2").gate
    assert found["licence"].startswith("NVIDIA")
    assert found["traps"]


def test_check_says_that_all_is_right() -> None:
    printed = runner.invoke(app, ["sources", "check"])
    assert (printed.exit_code, printed.output) == (
        0,
        f"{len(sources())} sources: the catalog is right; so are the files of sample.\n",
    )
    printed = runner.invoke(app, ["sources", "check", "--profile", "hub"])
    assert printed.exit_code == 0
    assert "the Hub's files are not looked at" in printed.output


def test_check_names_every_problem_on_a_line_and_fails(tmp_path: Path) -> None:
    for name in ("wiki", "flan"):
        path = tmp_path / "dolmino-mix-1124" / "data" / name / f"{name}-0000.json.gz"
        path.parent.mkdir(parents=True)
        path.touch()
    printed = runner.invoke(app, ["sources", "check", "--profile", str(tmp_path)])
    assert printed.exit_code == 1
    assert [line.partition(":")[0].rpartition("/")[2] for line in printed.stderr.splitlines()] == [
        "wiki-0000.json.gz",
        "flan-0000.json.gz",
    ]
    assert printed.stdout == ""


def test_an_unknown_source_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["babelmix", "sources", "show", "finemaths"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert capsys.readouterr().err == (
        "babelmix: no source 'finemaths' in the catalog; did you mean 'finemath'?;"
        " `babelmix sources list` names them\n"
    )
