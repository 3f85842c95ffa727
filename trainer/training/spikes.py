"""Steps that stand out are not taken: their loss or gradient norm is far above the last steps' or no number."""

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.training.settings import SpikeSettings


@dataclass(frozen=True, slots=True)
class Spike:
    """Why a step was not taken: `what` is `loss` or `gradient norm`, `limit` what it may have been."""

    what: str
    value: float
    limit: float

    def __str__(self) -> str:
        if not math.isfinite(self.value):
            return f"{self.what} {self.value}"
        return f"{self.what} {self.value:.4g} above {self.limit:.4g}"


class SpikeDetector:
    """Compares each step with the `window` steps taken before it.

    A value is a spike when it is no finite number, or above mean + `sigmas` standard deviations of the window,
    once the window is half full. Spikes do not enter the window. This is the rule of OLMo-core's skip-step
    optimisers.
    """

    def __init__(self, settings: SpikeSettings) -> None:
        self._settings = settings
        self._losses: deque[float] = deque(maxlen=settings.window)
        self._norms: deque[float] = deque(maxlen=settings.window)
        self.in_a_row = 0
        """Steps skipped since the last that was taken."""

    def forget(self) -> None:
        """Empties the window, where a stage begins: languages that are new to the model are no spikes."""
        self._losses.clear()
        self._norms.clear()

    def judge(self, loss: float, norm: float) -> Spike | None:
        """Whether the step of this loss and gradient norm is a spike; a step that is not enters the window."""
        spike = self._spike("loss", loss, self._losses) or self._spike("gradient norm", norm, self._norms)
        if spike is not None:
            self.in_a_row += 1
            return spike
        self.in_a_row = 0
        self._losses.append(loss)
        self._norms.append(norm)
        return None

    def state(self) -> dict[str, list[float]]:
        """What a checkpoint keeps: the windows, in order."""
        return {"losses": list(self._losses), "norms": list(self._norms)}

    def load(self, state: dict[str, Sequence[float]]) -> None:
        """Goes on from `state`."""
        self._losses = deque(state["losses"], maxlen=self._settings.window)
        self._norms = deque(state["norms"], maxlen=self._settings.window)

    def _spike(self, what: str, value: float, window: deque[float]) -> Spike | None:
        if not math.isfinite(value):
            return Spike(what, value, math.inf)
        if len(window) < max(2, self._settings.window // 2):
            return None
        mean = statistics.fmean(window)
        limit = mean + self._settings.sigmas * statistics.stdev(window, mean)
        return Spike(what, value, limit) if value > limit else None
