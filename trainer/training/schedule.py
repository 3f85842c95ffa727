"""The learning rate as a pure function of the tokens seen in a stage: nothing of it is saved or restored."""

import math

from trainer.training.settings import ScheduleSettings


def learning_rate(schedule: ScheduleSettings, seen: int, stage_tokens: int) -> float:
    """The learning rate of a step that begins after `seen` of the stage's `stage_tokens` tokens.

    With w the warm-up's share done and d the decay's, both from 0 to 1:
    warm-up `start + (peak - start) w`; decay linear `peak + (final - peak) d`, sqrt `peak + (final - peak)
    sqrt(d)` (Haegele et al. 2024), cosine `final + (peak - final) (1 + cos(pi d)) / 2`.
    """
    if seen < schedule.warmup_tokens:
        return schedule.start + (schedule.peak - schedule.start) * seen / schedule.warmup_tokens
    if schedule.kind == "constant":
        return schedule.peak
    if schedule.kind == "cosine":
        decay, shape = stage_tokens - schedule.warmup_tokens, "cosine"
    else:
        decay, shape = schedule.decay_tokens, schedule.decay_shape
    done = seen - (stage_tokens - decay)
    if done <= 0 or decay == 0:
        return schedule.peak
    return schedule.peak + (schedule.final - schedule.peak) * _fallen(min(1.0, done / decay), shape)


def _fallen(done: float, shape: str) -> float:
    """How much of the way from the peak to the end is gone, from 0 to 1."""
    if shape == "cosine":
        return (1.0 - math.cos(math.pi * done)) / 2.0
    return math.sqrt(done) if shape == "sqrt" else done
