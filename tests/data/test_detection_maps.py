"""Polygons -> targets, against PaddleOCR's and against shapely's distances, pixel by pixel."""

from __future__ import annotations

from typing import Any

import detection_golden as golden
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from thaiocr.config.schema import detection
from thaiocr.data.detection_labels import Region
from thaiocr.data.detection_maps import Maps, make_maps

BORDER, SHRINK = detection.MakeBorderMap(), detection.MakeShrinkMap()


def region(points: object, *, is_ignored: bool = False) -> Region:
    return Region(np.array(points, np.float32), "ก", is_ignored)


def made(*regions: Region, width: int = 80, height: int = 60) -> Maps:
    return make_maps(regions, width, height, BORDER, SHRINK)


def test_maps_are_paddleocrs() -> None:
    polygons, ignored = golden.polygons()

    maps = made(
        *(region(points, is_ignored=flag) for points, flag in zip(polygons, ignored, strict=True)),
        width=golden.SIZE[0],
        height=golden.SIZE[1],
    )

    with np.load(golden.FOLDER / "detection_maps.npz") as stored:
        for name in ("threshold_mask", "shrink_map", "shrink_mask"):
            np.testing.assert_array_equal(getattr(maps, f"{name}_HW") > 0, stored[name], err_msg=name)
        # PaddleOCR measures to the nearer end where the ends are seen at an acute angle: off a little at corners.
        difference = np.abs(maps.threshold_map_HW - stored["threshold_map"])
        assert difference.mean() < 1e-3
        assert (difference > 0.02).mean() < 5e-3


def test_a_window_shows_a_part_of_the_targets_of_the_page() -> None:
    points = np.array([(10, 20), (150, 44), (147, 62), (7, 38)])  # a line that leaves the window on both sides, leaning
    page = made(region(points), width=160, height=80)

    window = make_maps([region(points - (50, 10))], 60, 60, BORDER, SHRINK, whole_text=False)

    for name, whole_HW, part_HW in zip(page._fields, page, window, strict=True):
        # Offsets are rounded to whole pixels, left of the window the other way.
        assert (np.abs(part_HW - whole_HW[10:70, 50:110]) > 0.02).mean() < 0.02, name
    assert 0 < window.shrink_map_HW.mean() < 0.5


def shapely_thresholds(points: NDArray[Any], width: int, height: int) -> NDArray[np.float64]:
    """Rise from 0.3 to 0.7 over D = A (1 - 0.4^2) / L on both sides of the outline."""
    outline = shapely.Polygon(points)
    reach = outline.area * (1 - 0.4**2) / outline.length
    rows, columns = np.mgrid[:height, :width]
    distance = shapely.distance(outline.exterior, shapely.points(columns, rows))
    return np.asarray(0.3 + 0.4 * np.clip(1 - distance / reach, 0, 1))


@settings(max_examples=20, deadline=None)
@given(
    centre=st.tuples(st.floats(-5, 85), st.floats(-5, 65)),
    size=st.tuples(st.floats(12, 60), st.floats(8, 30)),
    angle=st.floats(-90, 90),
)
def test_thresholds_rise_with_the_distance_to_the_outline(
    centre: tuple[float, float], size: tuple[float, float], angle: float
) -> None:
    import cv2

    points = cv2.boxPoints((centre, size, angle))

    maps = made(region(points))

    assert np.abs(maps.threshold_map_HW - shapely_thresholds(points, 80, 60)).max() < 2e-3


def test_the_shrink_map_is_the_inside_at_the_paper_s_distance() -> None:
    # A = 800, L = 120: D = 5.6, and offsets are rounded to whole pixels
    maps = made(region([[10, 20], [50, 20], [50, 40], [10, 40]]))

    inside = np.argwhere(maps.shrink_map_HW > 0)
    assert inside.min(axis=0).tolist() == [26, 16]
    assert inside.max(axis=0).tolist() == [34, 44]
    assert maps.shrink_map_HW.sum() == 9 * 29
    assert maps.shrink_mask_HW.all()


def test_thresholds_count_near_text_only() -> None:
    maps = made(region([[20, 20], [60, 20], [60, 40], [20, 40]]))

    counted = np.argwhere(maps.threshold_mask_HW > 0)
    assert counted.min(axis=0).tolist() == [14, 14]
    assert counted.max(axis=0).tolist() == [46, 66]


def test_what_is_ignored_counts_neither_as_text_nor_as_paper() -> None:
    maps = made(region([[10, 20], [50, 20], [50, 40], [10, 40]], is_ignored=True))

    assert not maps.shrink_map_HW.any()
    assert not maps.threshold_mask_HW.any()
    assert (maps.shrink_mask_HW[20:41, 10:51] == 0).all()
    assert maps.shrink_mask_HW.sum() == 80 * 60 - 21 * 41


def test_text_that_is_too_small_is_ignored() -> None:
    maps = made(region([[10, 20], [50, 20], [50, 27], [10, 27]]))

    assert not maps.shrink_map_HW.any()
    assert (maps.shrink_mask_HW[20:28, 10:51] == 0).all()


@pytest.mark.parametrize(
    "points",
    [
        [[5, 5]] * 4,
        [[5, 5], [30, 5], [60, 5]],
        [[5, 5], [5.2, 5], [5.2, 5.3], [5, 5.3]],
        [[-50, -50], [-20, -50], [-20, -30], [-50, -30]],
        [[500, 500], [600, 500], [600, 600], [500, 600]],
    ],
    ids=["point", "line", "speck", "before", "beyond"],
)
@pytest.mark.parametrize("is_ignored", [False, True])
def test_text_without_area_or_off_the_image_is_no_target(points: object, is_ignored: bool) -> None:
    maps = made(region(points, is_ignored=is_ignored))

    assert not maps.shrink_map_HW.any()
    np.testing.assert_allclose(maps.threshold_map_HW, 0.3)


def test_a_page_without_text_is_all_paper() -> None:
    maps = made()

    assert not maps.shrink_map_HW.any()
    assert maps.shrink_mask_HW.all()
    assert not maps.threshold_mask_HW.any()


def test_text_across_an_edge_is_a_target_up_to_the_edge() -> None:
    maps = made(region([[-40, 20], [40, 20], [40, 44], [-40, 44]]))

    # Cut off, 40 x 24: D = 6.3
    assert maps.shrink_map_HW[32, 8]
    assert maps.shrink_map_HW[32, 32]
    assert not maps.shrink_map_HW[32, 36]
