"""`babelmix plan`: the plan as `inspect` prints it, and mistakes in one line before anything is measured."""

import json
from pathlib import Path

import pytest
from command_line import CommandLine
from conftest import Built

from pipelines.cost.rates import PAIRED, measure_rates


def test_without_cost_it_is_the_plan(babelmix: CommandLine) -> None:
    assert babelmix("plan", "stage4").done() == babelmix("inspect", "stage4").done()
    read = json.loads(babelmix("plan", "stage4", "--tokens", "20G", "--json").done())
    assert read["tokens"] == 20 * 10**9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--prices", "prices.yaml"), "--prices goes with --cost; add it"),
        (("--workers", "3"), "--workers goes with --cost; add it"),
        (("--cost", "--prices", "prices.yaml"), "prices.yaml: cannot be read"),
        (("--cost", "--tokens", "many"), "--tokens: 'many' is not a number of tokens"),
        (("--cost", "--profile", "nowhere"), "profile nowhere: no such folder"),
        (("--cost", "--model", "marco-mono"), "model 'marco-mono': no recipes"),
    ],
)
def test_mistakes_are_one_line(babelmix: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    assert said in babelmix("plan", "stage4", *arguments).mistake()


@pytest.mark.slow
def test_rates_are_measured_on_this_machine() -> None:
    told: list[str] = []
    rates = measure_rates([PAIRED], told.append)
    assert rates.sampled == {"Latn": PAIRED}
    kinds = {kind for kind, _ in rates.lines}
    assert {
        "collect",
        "measure",
        "curate",
        "report",
        "mine",
        "across",
        "render",
        "questions",
        "tokenise",
        "mix",
    } == kinds
    for kind in ("collect", "measure", "curate", "tokenise"):
        line = rates.lines[kind, "Latn"]
        assert 0 < line.each.low <= line.each.middle <= line.each.high < 1e-4
    assert 0.1 < rates.tokens["eng_Latn"] < 0.5
    assert told


@pytest.mark.slow
def test_an_estimate_stands_beside_what_was_spent(built: Built, babelmix: CommandLine, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("core_hour: 0.04\n")
    arguments = ("plan", "stage4", "--cost", "--workspace", built.workspace, "--prices", prices, "--json")
    read = json.loads(babelmix(*arguments).done())
    assert read["total"]["spent"]["steps"] == read["total"]["steps"]
    assert read["total"]["money"][1] > 0
    # The same bytes are written and the same documents read; only time depends on what else the machine does.
    spent = read["total"]["spent"]
    assert 0.5 < spent["bytes_written"] / spent["estimated_bytes_written"] < 4
