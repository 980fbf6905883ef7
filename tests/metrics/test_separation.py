from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.metrics.separation import auroc, separate

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0]), min_size=1, max_size=30)


@given(high=SCORES, low=SCORES)
def test_auroc_is_the_share_of_pairs_in_order_ties_half(high: list[float], low: list[float]) -> None:
    in_order = sum((a > b) + (a == b) / 2 for a in high for b in low)

    assert auroc(np.array(high), np.array(low)) == pytest.approx(in_order / (len(high) * len(low)))


@given(high=SCORES, low=SCORES)
def test_auroc_is_the_area_under_the_curve_of_kept_against_let_through(high: list[float], low: list[float]) -> None:
    """The other definition: a threshold goes down over all scores; trapezoids under the curve."""
    curve = [(0.0, 0.0)]
    for threshold in sorted({*high, *low}, reverse=True):
        curve.append(
            (sum(score >= threshold for score in low) / len(low), sum(score >= threshold for score in high) / len(high))
        )
    area = sum((right - left) * (a + b) / 2 for (left, a), (right, b) in pairwise(curve))

    assert auroc(np.array(high), np.array(low)) == pytest.approx(area)


def test_many_scores_take_no_table_of_all_pairs() -> None:
    random = np.random.default_rng(0)
    high, low = random.normal(1, 1, 200_000), random.normal(0, 1, 200_000)

    # Two normal distributions a standard deviation apart: Phi(1 / sqrt 2).
    assert auroc(high, low) == pytest.approx(0.76025, abs=0.003)


def test_an_empty_group_has_no_auroc() -> None:
    assert auroc(np.array([]), np.array([0.5])) is None
    assert auroc(np.array([0.5]), np.array([])) is None


def test_right_readings_are_compared_with_wrong_ones_and_with_images_without_text() -> None:
    found = separate([0.9, 0.8, 0.7, 0.75, 0.2], np.array([1.0, 1.0, 1.0, 0.0, 0.0]), [0.0, 0.85, 0.1])

    assert (found["right"], found["wrong"], found["negatives"]) == (3, 2, 3)
    assert found["auroc_wrong"] == pytest.approx(5 / 6)
    assert found["auroc_negatives"] == pytest.approx(7 / 9)
    assert found["auroc"] == pytest.approx(12 / 15)
    assert found["negatives_read"] == pytest.approx(2 / 3)
    assert found["threshold"] == 0.7
    assert found["wrong_above"] == 0.5
    assert found["negatives_above"] == pytest.approx(1 / 3)


def test_the_threshold_keeps_95_of_100_right_readings() -> None:
    scores = [number / 100 for number in range(1, 101)]

    found = separate(scores, np.ones(100), [0.05, 0.06])

    assert found["threshold"] == 0.06
    assert found["negatives_above"] == 0.5


def test_every_score_is_in_one_bin() -> None:
    scores = [0.0, 0.05, 0.1, 0.95, 1.0, float("nan")]

    bins = separate(scores, np.array([1.0, 1.0, 0.0, 1.0, 1.0, 0.0]), [0.0, 1.0])["bins"]

    assert [each["right"] for each in bins] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert [each["wrong"] for each in bins] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [each["negatives"] for each in bins] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (bins[0]["low"], bins[-1]["high"]) == (0.0, 1.0)


def test_nothing_read_right_and_no_negatives_give_no_figures() -> None:
    found = separate([0.5], np.zeros(1), [])

    assert found["wrong"] == 1
    for figure in ("auroc", "auroc_wrong", "auroc_negatives", "negatives_read", "threshold", "wrong_above"):
        assert found[figure] is None
