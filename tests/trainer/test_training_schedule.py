"""The learning rate over a stage's tokens."""

import math

from hypothesis import given
from hypothesis import strategies as st

from trainer.training.schedule import learning_rate
from trainer.training.settings import ScheduleSettings


def test_wsd_rises_stays_and_falls() -> None:
    schedule = ScheduleSettings(kind="wsd", peak=1.0, start=0.2, final=0.1, warmup_tokens=100, decay_tokens=200)
    rates = [learning_rate(schedule, seen, 1000) for seen in (0, 50, 100, 500, 800, 900, 1000, 1100)]
    expected = [0.2, 0.6, 1.0, 1.0, 1.0, 0.55, 0.1, 0.1]
    assert all(math.isclose(rate, wanted) for rate, wanted in zip(rates, expected, strict=True))


def test_sqrt_decay_falls_faster_at_first() -> None:
    schedule = ScheduleSettings(kind="wsd", peak=1.0, decay_tokens=100, decay_shape="sqrt")
    assert math.isclose(learning_rate(schedule, 925, 1000), 0.5)


def test_cosine_is_halfway_in_the_middle() -> None:
    schedule = ScheduleSettings(kind="cosine", peak=1.0, final=0.2, warmup_tokens=200)
    assert math.isclose(learning_rate(schedule, 600, 1000), 0.6)
    assert math.isclose(learning_rate(schedule, 1000, 1000), 0.2)


@given(
    st.sampled_from(["wsd", "cosine", "constant"]),
    st.sampled_from(["linear", "sqrt", "cosine"]),
    st.integers(0, 500),
    st.integers(0, 500),
    st.integers(0, 1200),
)
def test_never_leaves_its_bounds_nor_jumps(kind: str, shape: str, warmup: int, decay: int, seen: int) -> None:
    schedule = ScheduleSettings.model_validate(
        {
            "kind": kind,
            "peak": 1.0,
            "final": 0.1,
            "warmup_tokens": warmup,
            "decay_tokens": decay,
            "decay_shape": shape,
        }
    )
    rate = learning_rate(schedule, seen, 1000)
    assert 0.0 <= rate <= 1.0
    assert rate >= 0.1 - 1e-12 or seen < warmup
