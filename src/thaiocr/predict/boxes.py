"""A map of text probabilities -> polygons around the text (Liao et al. 2020, arXiv:1911.08947, "DB").

    H, W pixels of the map  h, w pixels of the page  K corners

DB learns regions that are smaller than the text, so that neighbouring lines stay apart: each connected region becomes a
polygon that is grown back ("unclipped") by area * unclip_ratio / perimeter. Results are those of PaddleOCR's
DBPostProcess, corner by corner, but where it gives nothing that can be used: see `find_polygons`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import cv2
import numpy as np
import pyclipper
from numpy.typing import NDArray

if TYPE_CHECKING:  # the schema takes a while to load, and a bundle brings the options
    from thaiocr.config.schema.detection import DBPostProcess

Corners: TypeAlias = NDArray[Any]
"""[K, 2], x and y."""

MIN_SIDE: Final = 3
"""Pixels of the map; a region with a shorter side is noise, and so is a box not 2 longer after it has grown."""
DETAIL: Final = 0.002
"""Of its perimeter, how far a `poly` may stay from the region's outline: corners closer than that are left out."""


class Polygon(NamedTuple):
    """A piece of text on a page."""

    points_K2: NDArray[np.int32]
    """Corners in pixels of the page; a quad's are upper left, upper right, lower right, lower left."""
    score: float
    """Mean probability, 0 to 1."""


def find_polygons(
    probability_HW: NDArray[np.floating], options: DBPostProcess, *, width: int, height: int
) -> list[Polygon]:
    """Return the text on a page, in the order of the regions that OpenCV finds (from below to above).

    Where PaddleOCR has no defined result: NaN is no text; of more than `max_candidates` regions the largest are taken,
    not the lowest on the page; a map without pixels has no text.

    Args:
        probability_HW: What the network says of each pixel, 0 to 1.
        options: How to read it.
        width: w of the page that corners are scaled to.
        height: h.
    """
    if not probability_HW.size:
        return []
    map_HW = np.nan_to_num(probability_HW.astype(np.float32, copy=False))
    map_size, page_size = (np.array(each, np.float32) for each in (map_HW.shape[::-1], (width, height)))
    found = []
    for grown_K2, score in _CANDIDATES[options.box_type](map_HW, _outlines(map_HW, options), options):
        scaled_K2 = np.clip(np.round(grown_K2 / map_size * page_size), 0, page_size)
        found.append(Polygon(scaled_K2.astype(np.int32), score))
    return found


def _outlines(map_HW: NDArray[np.float32], options: DBPostProcess) -> Sequence[Corners]:
    """Return the outlines of the regions above `thresh`, those of holes among them."""
    is_text_HW = (map_HW > options.thresh).astype(np.uint8)
    if options.use_dilation:
        is_text_HW = cv2.dilate(is_text_HW, np.ones((2, 2), np.uint8)).astype(np.uint8)
    outlines, _ = cv2.findContours(is_text_HW, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    if len(outlines) > options.max_candidates:
        areas = np.array([cv2.contourArea(outline) for outline in outlines])
        kept = np.sort(np.argsort(-areas, kind="stable")[: options.max_candidates])
        outlines = [outlines[index] for index in kept]
    return [outline.reshape(-1, 2) for outline in outlines]


def _quads(
    map_HW: NDArray[np.float32], outlines: Sequence[Corners], options: DBPostProcess
) -> Iterator[tuple[Corners, float]]:
    for outline_K2 in outlines:
        box_42, side = smallest_box(outline_K2)
        if side < MIN_SIDE:
            continue
        score = mean_inside(map_HW, box_42 if options.score_mode == "fast" else outline_K2)
        if score < options.box_thresh:
            continue
        grown_K2 = unclip(box_42, options.unclip_ratio)
        if grown_K2 is None:
            continue
        grown_42, side = smallest_box(grown_K2)
        if side >= MIN_SIDE + 2:
            yield grown_42, score


def _outline_polygons(
    map_HW: NDArray[np.float32], outlines: Sequence[Corners], options: DBPostProcess
) -> Iterator[tuple[Corners, float]]:
    for outline_K2 in outlines:
        points_K2 = cv2.approxPolyDP(outline_K2, DETAIL * cv2.arcLength(outline_K2, True), True).reshape(-1, 2)
        if len(points_K2) < 4:
            continue
        score = mean_inside(map_HW, points_K2)
        if score < options.box_thresh:
            continue
        grown_K2 = unclip(points_K2, options.unclip_ratio)
        if grown_K2 is not None and smallest_box(grown_K2)[1] >= MIN_SIDE + 2:
            yield grown_K2, score


_CANDIDATES: Final[Mapping[str, Callable[..., Iterator[tuple[Corners, float]]]]] = {
    "quad": _quads,
    "poly": _outline_polygons,
}


def smallest_box(points_K2: Corners) -> tuple[NDArray[np.float32], float]:
    """Return the smallest rotated rectangle around points, and its shorter side in pixels.

    Its corners [4, 2] are in the order upper left, upper right, lower right, lower left: of the two left ones the upper
    first, and so on.
    """
    rectangle = cv2.minAreaRect(points_K2)
    corners_42 = cv2.boxPoints(rectangle)
    by_x = corners_42[np.argsort(corners_42[:, 0], kind="stable")]
    (upper_left, lower_left), (upper_right, lower_right) = _upper_first(by_x[:2]), _upper_first(by_x[2:])
    return np.array([upper_left, upper_right, lower_right, lower_left], np.float32), min(rectangle[1])


def _upper_first(pair_22: Corners) -> Corners:
    """Return two corners, the upper one first; as they come where none is lower."""
    return pair_22 if pair_22[1, 1] > pair_22[0, 1] else pair_22[::-1]


def mean_inside(map_HW: NDArray[np.float32], points_K2: Corners) -> float:
    """Return the mean of a map over the pixels of a polygon, its border among them; parts off the map do not count."""
    limits = np.array([map_HW.shape[1] - 1, map_HW.shape[0] - 1])
    (left, top) = np.clip(np.floor(points_K2.min(axis=0)).astype(np.int32), 0, limits)
    (right, bottom) = np.clip(np.ceil(points_K2.max(axis=0)).astype(np.int32), 0, limits)
    mask_HW = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask_HW, [(points_K2 - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(map_HW[top : bottom + 1, left : right + 1], mask_HW)[0])


def unclip(points_K2: Corners, ratio: float) -> Corners | None:
    """Grow a polygon by area * ratio / perimeter with round corners (Vatti clipping).

    Returns:
        The grown polygon; None where nothing is left of it, or where it falls into several.
    """
    x_K, y_K = points_K2.astype(np.float64).T
    area = abs(np.dot(x_K, np.roll(y_K, -1)) - np.dot(y_K, np.roll(x_K, -1))) / 2
    perimeter = np.hypot(np.roll(x_K, -1) - x_K, np.roll(y_K, -1) - y_K).sum()
    if not perimeter:
        return None
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(points_K2.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    grown = offset.Execute(area * ratio / perimeter)
    return np.array(grown[0], np.int32) if len(grown) == 1 else None
