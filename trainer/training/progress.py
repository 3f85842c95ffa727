"""What a run says of itself: a line now and then, JSON lines always, TensorBoard where it is installed."""

import contextlib
import importlib.util
import json
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

from trainer.training.balance import Load
from trainer.training.flops import Cost

METRICS_FILE: Final = "metrics.jsonl"
# Steps over which speed is averaged.
_SPEED_STEPS: Final = 20
_SECONDS_BETWEEN_LINES: Final = 5.0


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What one step showed. `loss` is nats a token; `skipped` says why it was not taken, if it was not."""

    step: int
    tokens: int
    stage: str
    loss: float
    balance: float
    z: float
    norm: float
    rate: float
    load: Load | None
    skipped: str | None


class Progress:
    """Writes the figures of a run of `steps` steps of `step_tokens` tokens into `folder` and to `out`.

    `first` is the step that a resumed run begins with; what the file holds of it and later steps, which are done
    again, is taken out. Without a `folder` nothing is kept, as ranks do that are not the first. `peak` is the
    device's peak in FLOP/s times the ranks, or None.
    """

    def __init__(
        self,
        folder: Path | None,
        first: int,
        steps: int,
        step_tokens: int,
        cost: Cost,
        peak: float | None,
        out: TextIO | None = None,
    ) -> None:
        self._steps, self._step_tokens, self._cost, self._peak = steps, step_tokens, cost, peak
        self._out = out or sys.stdout
        self._times: deque[float] = deque([time.monotonic()], maxlen=_SPEED_STEPS + 1)
        self._said = -math.inf
        self._missed = False
        self._file: TextIO | None = None
        self._board: Any = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = _kept_until(folder / METRICS_FILE, first).open("a", encoding="utf-8")
            self._board = _board(folder, first)

    def step(self, figures: StepFigures) -> None:
        """Notes a step; prints a line if the last is some seconds old, or the step is the first or the last."""
        self._times.append(time.monotonic())
        speed = self.tokens_per_second
        row: dict[str, Any] = {
            "kind": "step",
            "step": figures.step,
            "tokens": figures.tokens,
            "stage": figures.stage,
            "loss": figures.loss,
            "balance": figures.balance,
            "z": figures.z,
            "norm": figures.norm,
            "rate": figures.rate,
            "tokens_per_second": round(speed, 1),
            "tflops": round(speed * self._cost.flops / 1e12, 4),
            "mfu": round(speed * self._cost.flops / self._peak, 5) if self._peak else None,
            "skipped": figures.skipped,
        }
        if figures.load:
            load = figures.load
            row |= {"load_worst": load.worst, "load_variation": load.variation, "load_idle": load.idle}
        self.note(row)
        if self._board is not None:
            for name in ("loss", "balance", "z", "norm", "rate", "tokens_per_second", "mfu"):
                if row[name] is not None:
                    self._board.add_scalar(f"train/{name}", row[name], figures.step)
        if figures.skipped:
            self.say(f"step {figures.step} skipped: {figures.skipped}")
        elif figures.step == self._steps or time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            self.say(self._line(figures, speed, row["mfu"]))

    def note(self, row: Mapping[str, Any]) -> None:
        """Adds a row to the JSON lines; a number that is none is written as null."""
        if self._file is None:
            return
        plain = {name: None if _no_number(value) else value for name, value in row.items()}
        try:
            self._file.write(json.dumps(plain, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            # A full disk must not end the training; it is told once, until there is room again.
            if not self._missed:
                self.say(f"{METRICS_FILE}: cannot be written ({error.strerror}); steps are not noted until it can")
            self._missed = True
            return
        self._missed = False

    def held_out(self, step: int, losses: Mapping[str, float]) -> None:
        """Notes held-out losses by name, such as `language/ell_Grek`."""
        if self._board is not None:
            for name, loss in losses.items():
                self._board.add_scalar(f"held_out/{name}", loss, step)

    def say(self, line: str) -> None:
        """Prints one line."""
        print(line, file=self._out, flush=True)

    def pause(self, work: Callable[[], None]) -> None:
        """Does `work` without counting its time as training's."""
        begin = time.monotonic()
        work()
        gone = time.monotonic() - begin
        self._times = deque((each + gone for each in self._times), maxlen=_SPEED_STEPS + 1)

    @property
    def tokens_per_second(self) -> float:
        """Over the last steps."""
        taken = self._times[-1] - self._times[0]
        return (len(self._times) - 1) * self._step_tokens / taken if taken > 0 else 0.0

    def close(self) -> None:
        """Closes the files."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # of a full disk, which was told
                self._file.close()
        if self._board is not None:
            self._board.close()

    def _line(self, figures: StepFigures, speed: float, mfu: float | None) -> str:
        work = f"MFU {mfu:.1%}" if mfu is not None else f"{speed * self._cost.flops / 1e9:,.0f} GFLOP/s"
        load = f"  load {figures.load.mean_worst:.2f}" if figures.load else ""
        left = (self._steps - figures.step) * self._step_tokens / speed if speed else 0.0
        end = datetime.now() + timedelta(seconds=left)
        return (
            f"step {figures.step}/{self._steps}  {figures.stage}  loss {figures.loss:.4f}  lr {figures.rate:.2e}"
            f"  norm {figures.norm:.2f}{load}  {speed:,.0f} tokens/s  {work}  ends {_when(end)}"
        )


def _when(end: datetime) -> str:
    return f"{end:%H:%M:%S}" if end.date() == datetime.now().date() else f"{end:%Y-%m-%d %H:%M}"


def _no_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _kept_until(path: Path, first: int) -> Path:
    """The file without its rows after step `first`, and without a last row that was cut off."""
    if not path.is_file():
        return path
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= first:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            continue
    written = path.with_suffix(".writing")
    written.write_text("".join(kept), encoding="utf-8")
    written.replace(path)
    return path


def _board(folder: Path, first: int) -> Any:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    # A resumed run hides what the one before wrote of the steps that are done again.
    return SummaryWriter(str(folder / "tensorboard"), purge_step=first + 1 if first else None)
