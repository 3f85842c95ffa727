"""Spikes are found, do not raise the bar for the next, and what is known of them survives a restart."""

import json
import math

import pytest

from trainer.training.settings import SpikeSettings
from trainer.training.spikes import SpikeDetector

SETTINGS = SpikeSettings(window=16, sigmas=4.0)


def fed(steps: int) -> SpikeDetector:
    """A detector that has seen losses and norms that fall slowly and wobble."""
    detector = SpikeDetector(SETTINGS)
    for step in range(steps):
        assert detector.judge(5.0 - 0.01 * step + 0.05 * (step % 3), 1.0 + 0.1 * (step % 2)) is None
    return detector


def test_a_loss_far_above_the_last_ones_is_a_spike_and_is_forgotten() -> None:
    detector = fed(40)
    for turn in range(1, 4):
        spike = detector.judge(9.0, 1.0)
        assert spike is not None and spike.what == "loss"
        assert detector.in_a_row == turn
    assert detector.judge(4.65, 1.0) is None
    assert detector.in_a_row == 0


def test_a_large_gradient_is_a_spike_and_a_small_one_is_not() -> None:
    detector = fed(40)
    spike = detector.judge(4.6, 30.0)
    assert spike is not None and str(spike).startswith("gradient norm 30 above 1.")
    assert detector.judge(4.6, 0.001) is None
    assert detector.judge(0.1, 1.0) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number_is_a_spike_from_the_first_step_on(value: float) -> None:
    assert SpikeDetector(SETTINGS).judge(value, 1.0) is not None
    assert SpikeDetector(SETTINGS).judge(1.0, value) is not None


def test_a_short_history_lets_pass() -> None:
    assert fed(7).judge(50.0, 50.0) is None


def test_a_new_stage_may_have_another_loss() -> None:
    detector = fed(40)
    detector.forget()
    assert all(detector.judge(11.0 - 0.1 * (step % 4), 1.0) is None for step in range(20))
    assert detector.judge(30.0, 1.0) is not None


def test_goes_on_from_a_saved_state_exactly() -> None:
    detector, restored = fed(40), SpikeDetector(SETTINGS)
    restored.load(json.loads(json.dumps(detector.state())))
    assert restored.state() == detector.state()
    assert str(restored.judge(9.0, 1.0)) == str(detector.judge(9.0, 1.0))
