"""What a run writes of itself: JSON lines that can be read and go on, and lines a person can."""

import io
import json
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from trainer.training.balance import Load
from trainer.training.flops import Cost
from trainer.training.progress import Progress, StepFigures

COST = Cost(2e9, "two GFLOP")


def figures(step: int, **changes: Any) -> StepFigures:
    given: dict[str, Any] = {
        "step": step,
        "tokens": step * 512,
        "stage": "one",
        "loss": 3.25,
        "balance": 1.01,
        "z": 9.0,
        "norm": 0.5,
        "rate": 1e-3,
        "load": Load(2.5, 1.5, 0.3, 0.0),
        "skipped": None,
    }
    return StepFigures(**(given | changes))


def progress_of(folder: Path | None, first: int = 0, peak: float | None = None) -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    return Progress(folder, first, 10, 512, COST, peak, out), out


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_step_is_a_row_and_a_line(tmp_path: Path) -> None:
    progress, out = progress_of(tmp_path, peak=1e15)
    progress.step(figures(1))
    progress.close()
    (row,) = rows(tmp_path)
    assert {"step": 1, "tokens": 512, "loss": 3.25, "load_worst": 2.5, "skipped": None}.items() <= row.items()
    assert abs(row["mfu"] - row["tokens_per_second"] * 2e9 / 1e15) <= 1e-5
    line = out.getvalue()
    for part in ("step 1/10", "one", "loss 3.2500", "lr 1.00e-03", "load 1.50", "tokens/s", "MFU", "ends "):
        assert part in line


def test_a_device_of_unknown_peak_has_no_mfu(tmp_path: Path) -> None:
    progress, out = progress_of(tmp_path)
    progress.step(figures(1))
    assert rows(tmp_path)[0]["mfu"] is None
    assert "GFLOP/s" in out.getvalue() and "MFU" not in out.getvalue()


def test_lines_are_some_seconds_apart_but_skips_and_the_last_step_are_always_told(tmp_path: Path) -> None:
    progress, out = progress_of(tmp_path)
    for step in range(1, 10):
        progress.step(figures(step))
    progress.step(figures(9, skipped="loss nan"))
    progress.step(figures(10))
    told = out.getvalue().splitlines()
    assert told[0].startswith("step 1/10") and told[-1].startswith("step 10/10")
    assert "step 9 skipped: loss nan" in told
    assert len(rows(tmp_path)) == 11


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    progress, _ = progress_of(tmp_path)
    progress.step(figures(1, loss=float("nan"), norm=float("inf")))
    row = rows(tmp_path)[0]
    assert row["loss"] is None and row["norm"] is None


def test_a_resumed_run_takes_out_what_it_does_again_and_a_cut_line(tmp_path: Path) -> None:
    progress, _ = progress_of(tmp_path)
    for step in (1, 2, 3, 4):
        progress.step(figures(step))
    progress.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    resumed, _ = progress_of(tmp_path, first=2)
    resumed.step(figures(3, loss=1.0))
    resumed.close()
    assert [(row["step"], row["loss"]) for row in rows(tmp_path)] == [(1, 3.25), (2, 3.25), (3, 1.0)]


def test_a_full_disk_is_told_once_and_does_not_end_the_run(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    out = io.StringIO()
    progress = Progress(tmp_path, 0, 10, 512, COST, None, out)
    for step in (1, 2, 3):
        progress.step(figures(step))
    progress.close()
    told = [line for line in out.getvalue().splitlines() if "cannot be written" in line]
    assert told == ["metrics.jsonl: cannot be written (No space left on device); steps are not noted until it can"]


def test_a_rank_without_a_folder_writes_nothing(tmp_path: Path) -> None:
    progress, _ = progress_of(None)
    progress.step(figures(1))
    progress.close()
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_has_the_curves_and_a_resumed_run_goes_on_in_them(tmp_path: Path) -> None:
    progress, _ = progress_of(tmp_path)
    for step in (1, 2, 3):
        progress.step(figures(step, loss=4.0 - step))
    progress.held_out(3, {"language/ell_Grek": 2.5})
    progress.close()
    resumed, _ = progress_of(tmp_path, first=2)
    resumed.step(figures(3, loss=0.5))
    resumed.close()
    shown = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(each.step, each.value) for each in shown.Scalars("train/loss")] == [(1, 3.0), (2, 2.0), (3, 0.5)]
    assert "train/mfu" not in shown.Tags()["scalars"]
    assert shown.Scalars("train/norm")[0].value == 0.5
