from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from thaiocr.data.loader import Batch
from thaiocr.engine.meter import Meter

BATCH = Batch(np.zeros((0, 3, 1, 1), np.float32), np.zeros((0, 1), np.int32), np.zeros(0, np.int64), [])


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def slow(clock: Clock, count: int) -> Iterator[Batch]:
    for _ in range(count):
        clock.now += 1
        yield BATCH


def test_speed_and_waiting_are_those_of_the_steps_since_the_last_reading(clock: Clock) -> None:
    meter = Meter(clock)
    for _ in meter.waiting(slow(clock, 3)):
        clock.now += 10  # an evaluation
        with meter.step(8):
            clock.now += 3
    assert meter.images_per_s == pytest.approx(3 * 8 / (3 * 4))
    assert meter.data_wait == pytest.approx(1 / 4)

    meter.reset()
    with meter.step(8):
        clock.now += 2
    assert (meter.images_per_s, meter.data_wait) == (4, 0)


def test_the_time_to_the_end_counts_everything_and_the_total_also_what_came_before(clock: Clock) -> None:
    meter = Meter(clock)
    meter.earlier = 50
    with meter.step(8):
        clock.now += 3
    clock.now += 3
    assert meter.eta(10) == timedelta(minutes=1)
    meter.reset()
    assert meter.eta(10) == timedelta(minutes=1)
    assert meter.total == 56


def test_before_the_first_step_nothing_is_divided_by_zero(clock: Clock) -> None:
    meter = Meter(clock)
    assert (meter.images_per_s, meter.data_wait, meter.eta(5)) == (0, 0, timedelta())
