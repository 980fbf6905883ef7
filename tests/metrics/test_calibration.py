from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.calibration import BINS, accuracy_at_coverage, calibrate

READ = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def by_hand(read: list[tuple[float, bool]]) -> float:
    total = 0.0
    for number in range(BINS):
        low, high = np.linspace(0, 1, BINS + 1)[number : number + 2]
        inside = [each for each in read if low < each[0] <= high or (number == 0 and each[0] == 0)]
        if inside:
            gap = sum(right for _, right in inside) / len(inside) - sum(score for score, _ in inside) / len(inside)
            total += len(inside) / len(read) * abs(gap)
    return total


@given(READ)
def test_ece_is_the_weighted_gap_of_its_bins(read: list[tuple[float, bool]]) -> None:
    found = calibrate([score for score, _ in read], np.array([right for _, right in read], float))
    assert found["ece"] == pytest.approx(by_hand(read))
    assert sum(each["count"] for each in found["bins"]) == len(read)


@given(READ, st.randoms())
def test_the_order_of_readings_does_not_matter(read: list[tuple[float, bool]], random: Random) -> None:
    mixed = random.sample(read, len(read))
    first, second = (calibrate([s for s, _ in each], np.array([r for _, r in each], float)) for each in (read, mixed))
    assert first == second


@pytest.mark.parametrize(
    ("scores", "right", "ece"),
    [
        ([1.0, 1.0], [1, 1], 0.0),
        ([1.0, 1.0], [0, 0], 1.0),
        ([0.0, 0.0], [0, 0], 0.0),
        ([0.75] * 4, [1, 1, 1, 0], 0.0),
        ([math.nan, 1.5], [0, 1], 0.0),
    ],
)
def test_ece_of_plain_cases(scores: list[float], right: list[int], ece: float) -> None:
    assert calibrate(scores, np.array(right, float))["ece"] == pytest.approx(ece)


def test_an_empty_set_has_no_calibration() -> None:
    found = calibrate([], np.zeros(0))
    assert found["ece"] is found["mean_score"] is found["acc_at_coverage"] is found["score_at_coverage"] is None
    assert [each["count"] for each in found["bins"]] == [0] * BINS


@pytest.mark.parametrize(
    ("scores", "right", "coverage", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.1], [1, 1, 0, 0], 0.5, (1.0, 0.8)),
        ([0.1, 0.7, 0.8, 0.9], [0, 0, 1, 1], 0.5, (1.0, 0.8)),
        ([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0], 0.5, (0.75, 0.5)),
        ([0.2], [1], 0.9, (1.0, 0.2)),
        (np.linspace(0, 1, 10).tolist(), [0] + [1] * 9, 0.9, (1.0, 1 / 9)),
        ([0.5, 0.5], [1, 0], 1.0, (0.5, 0.5)),
    ],
)
def test_coverage_keeps_the_surest_and_shares_places_among_ties(
    scores: list[float], right: list[int], coverage: float, expected: tuple[float, float]
) -> None:
    assert accuracy_at_coverage(np.array(scores), np.array(right, float), coverage) == pytest.approx(expected)
