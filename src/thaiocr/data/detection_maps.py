"""Polygons -> what DB learns of an image: its shrink map, its threshold map, and what of them counts.

    h, w pixels of the image  K corners

After Liao et al. 2020, arXiv:1911.08947: a polygon of area A and perimeter L is shrunk by D = A (1 - r^2) / L, and the
thresholds rise towards its edges over the same distance D on both sides. Offsets are Vatti's (pyclipper). Rounding is
PaddleOCR's: corners lose their fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
import pyclipper
from numpy.typing import NDArray

from thaiocr.config.schema import detection
from thaiocr.data.detection_labels import Corners, Region

NEARLY_NOTHING: Final = 1.0
"""Pixels; a polygon of a smaller area is ignored."""

Map = NDArray[np.float32]


class Maps(NamedTuple):
    """Targets of one image, [h, w] each, in PaddleOCR's order."""

    threshold_map_HW: Map
    threshold_mask_HW: Map
    """1 near the edges of text, where thresholds count."""
    shrink_map_HW: Map
    """1 inside shrunk text."""
    shrink_mask_HW: Map
    """0 in what is ignored."""


def make_maps(
    regions: Sequence[Region],
    width: int,
    height: int,
    border: detection.MakeBorderMap,
    shrink: detection.MakeShrinkMap,
    *,
    whole_text: bool = True,
) -> Maps:
    """Return the targets of an image of width x height pixels.

    Polygons may reach over its edges. With `whole_text` their corners are moved to the edges, as PaddleOCR does;
    without, they stay where they are, and the image shows a part of their targets.
    """
    threshold_HW, threshold_mask_HW, shrink_HW = np.zeros((3, height, width), np.float32)
    shrink_mask_HW = np.ones((height, width), np.float32)
    maps = Maps(threshold_HW, threshold_mask_HW, shrink_HW, shrink_mask_HW)
    limits = np.array((width - 1, height - 1), np.float32)
    for region in regions:
        if not region.is_ignored:
            _draw_border(region.points_K2, border.shrink_ratio, maps)
        points_K2 = np.clip(region.points_K2, 0, limits) if whole_text else region.points_K2
        inner = None
        if not region.is_ignored and np.ptp(points_K2, axis=0).min() >= shrink.min_text_size:
            inner = _shrunk(points_K2, shrink.shrink_ratio)
        if inner is None:
            cv2.fillPoly(shrink_mask_HW, [points_K2.astype(np.int32)], (0.0,))
        else:
            for part_K2 in inner:
                cv2.fillPoly(shrink_HW, [part_K2], (1.0,))
    threshold_HW *= border.thresh_max - border.thresh_min
    threshold_HW += border.thresh_min
    return maps


def _distance(points_K2: Corners, ratio: float) -> float:
    """Return D; 0 for a polygon without area."""
    x_K, y_K = points_K2.astype(np.float64).T
    next_x_K, next_y_K = np.roll(x_K, -1), np.roll(y_K, -1)
    area = abs(np.dot(x_K, next_y_K) - np.dot(y_K, next_x_K)) / 2
    perimeter = np.hypot(next_x_K - x_K, next_y_K - y_K).sum()
    return float(area * (1 - ratio**2) / perimeter) if area >= NEARLY_NOTHING else 0.0


def _offset(points_K2: Corners, distance: float) -> list[NDArray[np.int32]]:
    """Return the polygon grown by a distance, or shrunk by a negative one: none, one or several polygons."""
    offset = pyclipper.PyclipperOffset()
    try:
        offset.AddPath(points_K2.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    except pyclipper.ClipperException:  # fewer than three different corners once their fractions are lost
        return []
    return [np.array(each, np.int32) for each in offset.Execute(distance)]


def _shrunk(points_K2: Corners, ratio: float) -> list[NDArray[np.int32]] | None:
    """Return what is inside; a polygon that falls apart is shrunk less. None where nothing remains."""
    parts: list[NDArray[np.int32]] = []
    for tried in np.arange(ratio, 1, ratio):
        distance = _distance(points_K2, float(tried))
        parts = _offset(points_K2, -distance) if distance else []
        if len(parts) == 1:
            break
    return parts or None


def _draw_border(points_K2: Corners, ratio: float, maps: Maps) -> None:
    """Let the thresholds rise to 1 at the edges of a polygon; where two are near each other the higher one holds."""
    distance = _distance(points_K2, ratio)
    outer = _offset(points_K2, distance) if distance else []
    if not outer:
        return
    cv2.fillPoly(maps.threshold_mask_HW, [outer[0]], (1.0,))
    for start, end in zip(points_K2, np.roll(points_K2, -1, axis=0), strict=True):
        _draw_edge(start, end, distance, maps.threshold_map_HW)


def _draw_edge(start: Corners, end: Corners, distance: float, canvas_HW: Map) -> None:
    """Let the thresholds rise from 0 at a distance from an edge to 1 on it."""
    height, width = canvas_HW.shape
    left, top = np.clip(np.floor(np.minimum(start, end) - distance).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(np.maximum(start, end) + distance).astype(int) + 1, 0, (width, height))
    if left >= right or top >= bottom:
        return
    (dx, dy), (x, y) = (end - start).tolist(), (start - (left, top)).tolist()
    length = dx * dx + dy * dy or 1.0  # of a point: its own distance, whatever it is divided by
    x_1W = np.arange(right - left, dtype=np.float32)[None] - np.float32(x)
    y_H1 = np.arange(bottom - top, dtype=np.float32)[:, None] - np.float32(y)
    # The foot of the perpendicular, as a share of the edge; beyond its ends the end is nearest.
    foot_HW = np.clip(x_1W * np.float32(dx / length) + y_H1 * np.float32(dy / length), 0, 1)
    squared_HW = np.square(x_1W - foot_HW * np.float32(dx)) + np.square(y_H1 - foot_HW * np.float32(dy))
    part_HW = canvas_HW[top:bottom, left:right]
    np.maximum(part_HW, 1 - np.sqrt(squared_HW) / np.float32(distance), out=part_HW)
