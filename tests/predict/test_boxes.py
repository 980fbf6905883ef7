"""Maps of text probabilities -> polygons."""

from __future__ import annotations

import detection_golden as golden
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import Polygon as Shape

from thaiocr.config.schema.detection import DBPostProcess
from thaiocr.predict.boxes import find_polygons, unclip

OPTIONS = DBPostProcess(box_thresh=0.6, unclip_ratio=1.5)


def rectangle(height: int, width: int, top: int, left: int, bottom: int, right: int) -> NDArray[np.float32]:
    """A map with one rectangle of 0.9 whose last row and column are `bottom` and `right`."""
    map_HW = np.zeros((height, width), np.float32)
    map_HW[top : bottom + 1, left : right + 1] = 0.9
    return map_HW


@pytest.mark.parametrize("name", golden.BOXES)
def test_polygons_are_paddleocrs_corner_by_corner(name: str) -> None:
    with np.load(golden.FOLDER / "detection_boxes.npz") as stored:
        for number in range(golden.MAPS):
            found = find_polygons(
                golden.probability_map(number),
                DBPostProcess(**golden.BOXES[name]),
                width=golden.PAGE[1],
                height=golden.PAGE[0],
            )

            points = [polygon.points_K2 for polygon in found]
            assert [len(each) for each in points] == stored[f"{name}_{number}_corners"].tolist()
            np.testing.assert_array_equal(np.concatenate(points), stored[f"{name}_{number}_points"])
            np.testing.assert_allclose([polygon.score for polygon in found], stored[f"{name}_{number}_scores"])


def test_a_quad_starts_at_its_upper_left_corner_and_goes_clockwise() -> None:
    map_HW = rectangle(100, 200, 40, 50, 59, 149)

    ((points_42, score),) = find_polygons(map_HW, OPTIONS, width=200, height=100)

    # 99 x 19 pixels between the centres of the outermost ones: 99 * 19 * 1.5 / 236 = 11.96
    assert points_42.tolist() == [[38, 28], [161, 28], [161, 71], [38, 71]]
    assert score == pytest.approx(0.9)


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(-80, 80),
    long=st.floats(60, 220),
    short=st.floats(30, 50),
    scale=st.sampled_from([0.5, 1.0, 2.0]),
)
def test_text_that_was_shrunk_for_training_grows_back_to_itself(
    angle: float, long: float, short: float, scale: float
) -> None:
    """Shrunk by A (1 - r2) / L with r 0.4, as DB's targets are; the ratio that undoes it follows from both shapes."""
    import cv2

    text_42 = cv2.boxPoints(((150.0, 150.0), (long, short), angle))
    distance = long * short * (1 - 0.4**2) / (2 * (long + short))
    inner_42 = cv2.boxPoints(((150.0, 150.0), (long - 2 * distance, short - 2 * distance), angle))
    map_HW = np.zeros((300, 300), np.float32)
    cv2.fillPoly(map_HW, [np.round(inner_42).astype(np.int32)], 1.0)
    inner = Shape(inner_42)
    options = DBPostProcess(box_thresh=0.6, unclip_ratio=distance * inner.length / inner.area)

    (found,) = find_polygons(map_HW, options, width=round(300 * scale), height=round(300 * scale))

    ours, truth = Shape(found.points_K2), Shape(text_42 * scale)
    assert ours.intersection(truth).area / ours.union(truth).area > 0.75


@pytest.mark.parametrize(
    ("map_HW", "reason"),
    [
        (np.zeros((0, 0)), "no pixels"),
        (np.zeros((0, 7)), "no rows"),
        (np.ones((1, 1)), "one pixel"),
        (np.zeros((64, 64)), "no text"),
        (np.full((64, 64), np.nan), "nothing but NaN"),
        (np.full((64, 64), -np.inf), "nothing but -inf"),
        (np.eye(64), "a line of one pixel"),
        (rectangle(64, 64, 10, 10, 11, 50), "shorter than MIN_SIDE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("box_type", ["quad", "poly"])
def test_what_is_no_text_gives_no_polygon(map_HW: NDArray[np.float32], reason: str, box_type: str) -> None:
    options = DBPostProcess(box_type=box_type)  # type: ignore[arg-type]

    assert find_polygons(map_HW, options, width=64, height=64) == []


def test_nan_beside_text_is_no_text() -> None:
    map_HW = rectangle(100, 200, 40, 50, 59, 149)
    expected = find_polygons(map_HW, OPTIONS, width=200, height=100)
    map_HW[80:, :] = np.nan

    found = find_polygons(map_HW, OPTIONS, width=200, height=100)

    assert [polygon.points_K2.tolist() for polygon in found] == [polygon.points_K2.tolist() for polygon in expected]


def test_text_that_fills_the_page_stays_on_it() -> None:
    ((points_42, _),) = find_polygons(np.ones((50, 80), np.float32), OPTIONS, width=800, height=500)

    assert points_42.tolist() == [[0, 0], [800, 0], [800, 500], [0, 500]]


def test_of_too_many_regions_the_largest_are_kept_in_their_order() -> None:
    map_HW = np.zeros((100, 1000), np.float32)
    for column in range(9):
        map_HW[20 : 30 + 5 * (column % 3), 100 * column + 20 : 100 * column + 60] = 1
    every = find_polygons(map_HW, OPTIONS, width=1000, height=100)

    kept = find_polygons(map_HW, DBPostProcess(unclip_ratio=1.5, max_candidates=3), width=1000, height=100)

    assert len(every) == 9
    tall = [polygon.points_K2.tolist() for polygon in every if np.ptp(polygon.points_K2[:, 1]) > 30]
    assert [polygon.points_K2.tolist() for polygon in kept] == tall


def test_a_page_of_ten_thousand_specks_is_read_to_the_limit() -> None:
    map_HW = np.zeros((800, 800), np.float32)
    map_HW.reshape(100, 8, 100, 8)[:, 2:7, :, 2:7] = 1

    found = find_polygons(map_HW, DBPostProcess(box_thresh=0.5), width=800, height=800)

    assert len(found) == 1000


def test_a_polygon_without_area_has_nothing_to_grow() -> None:
    assert unclip(np.array([[3, 3], [3, 3], [3, 3]]), 1.5) is None
    assert unclip(np.array([[3, 3], [9, 3], [5, 3]]), 1.5) is None
