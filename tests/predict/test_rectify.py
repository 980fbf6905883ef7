from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thaiocr.predict.rectify import as_quad, rectify

PATTERN = np.kron(np.random.default_rng(3).integers(0, 2, (4, 20)) * 200 + 20, np.ones((10, 10))).astype(np.uint8)
"""[40, 200]"""


def page_with(
    matrix_33: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    warped = cv2.warpPerspective(PATTERN, matrix_33, (600, 500), borderValue=255)
    return np.repeat(np.asarray(warped, np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    "corners",
    [
        [(100, 100), (300, 100), (300, 140), (100, 140)],
        [(100, 150), (290, 90), (302, 128), (112, 188)],
        [(100, 150), (300, 120), (310, 170), (90, 185)],
    ],
)
def test_the_text_comes_out_upright(corners: list[tuple[int, int]]) -> None:
    source = np.array([(0, 0), (200, 0), (200, 40), (0, 40)], np.float32)
    page = page_with(cv2.getPerspectiveTransform(source, np.array(corners, np.float32)).astype(np.float64))
    quad = as_quad(np.array(corners), width=600, height=500)
    assert quad is not None
    crop = cv2.resize(rectify(page, quad), (200, 40))[:, :, 0].astype(float)
    assert np.corrcoef(crop.ravel(), PATTERN.ravel().astype(float))[0, 1] > 0.85


def test_a_tall_crop_is_turned_to_the_left_as_paddleocr_does() -> None:
    page = np.zeros((100, 50, 3), np.uint8)
    page[10:20, 10:20] = 255  # the upper end of a tall box
    quad = as_quad(np.array([(10, 10), (20, 10), (20, 70), (10, 70)]), width=50, height=100)
    assert quad is not None
    crop = rectify(page, quad)
    assert crop.shape == (10, 60, 3)
    assert crop[:, :9].min() > 200
    assert crop[:, 11:].max() < 50


@pytest.mark.parametrize(
    "points",
    [
        [(math.nan, 0), (10, 0), (10, 10), (0, 10)],
        [(0, 0), (math.inf, 0), (10, 10), (0, 10)],
        [(700, 10), (800, 10), (800, 40), (700, 40)],  # off the page
        [(10, -50), (40, -50), (40, -10), (10, -10)],
        [(5, 5), (5, 5), (5, 5), (5, 5)],
        [(5, 5), (50, 5), (90, 5), (20, 5)],  # no area
        [(5, 5), (50, 5)],
        [],
    ],
)
def test_what_is_no_polygon_on_the_page_is_none(points: list[tuple[float, float]]) -> None:
    assert as_quad(np.array(points), width=600, height=500) is None


def test_corners_outside_move_to_the_edge() -> None:
    quad = as_quad(np.array([(-20, -5), (100, -5), (100, 30), (-20, 30)]), width=60, height=500)
    assert quad is not None
    assert quad.tolist() == [[0, 0], [60, 0], [60, 30], [0, 30]]


@pytest.mark.parametrize(
    "points",
    [
        [(10, 10), (50, 30), (50, 10), (10, 30)],  # sides cross
        [(10, 10), (30, 10), (50, 10), (50, 30), (10, 30)],
        [(10, 10), (50, 10), (30, 15), (10, 30), (50, 30), (10, 20)],
    ],
)
def test_other_shapes_become_the_smallest_rectangle_around_them(points: list[tuple[int, int]]) -> None:
    quad = as_quad(np.array(points), width=600, height=500)
    assert quad is not None
    assert np.allclose(quad, [[10, 10], [50, 10], [50, 30], [10, 30]], atol=0.01)


@given(st.lists(st.tuples(*[st.floats(-200, 900) | st.floats()] * 2), max_size=7))
def test_any_points_give_a_crop_or_none(points: list[tuple[float, float]]) -> None:
    page = np.full((500, 600, 3), 127, np.uint8)
    quad = as_quad(np.array(points), width=600, height=500)
    if quad is not None:
        crop = rectify(page, quad)
        assert crop.shape[2] == 3
        assert min(crop.shape[:2]) >= 1
        assert max(crop.shape[:2]) <= 800
        assert (crop == 127).all()


def test_pages_beyond_the_limits_of_opencv_are_cut_from() -> None:
    page = np.zeros((40, 40_000, 3), np.uint8)
    page[10:30, 39_000:39_500] = 255
    quad = as_quad(np.array([(39_000, 10), (39_500, 10), (39_500, 30), (39_000, 30)]), width=40_000, height=40)
    assert quad is not None
    crop = rectify(page, quad)
    assert crop.shape == (20, 500, 3)
    assert crop.mean() > 250
    whole = as_quad(np.array([(0, 0), (40_000, 0), (40_000, 40), (0, 40)]), width=40_000, height=40)
    assert whole is not None
    assert rectify(page[:, :32_000], np.minimum(whole, (32_000, 40))).shape == (40, 32_000, 3)
