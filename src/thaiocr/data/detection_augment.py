"""A page -> the part of it that one step of training sees: flipped, turned, scaled, cut out, resized.

All changes of one page are one affine map, applied to its pixels once. That is as good as PaddleOCR's one change after
the other, and does not enlarge a whole page threefold to keep a part of it.

    W, H pixels of the page  w, h pixels of the result
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.config.schema import detection
from thaiocr.data.detection_labels import Corners, Region
from thaiocr.data.images import Pixels

Matrix: TypeAlias = NDArray[np.float64]
"""[3, 3], from points of the page, as (x, y, 1), to points of the result."""


class View(NamedTuple):
    """How a page is looked at: where its points go, and how large that makes it."""

    matrix: Matrix
    width: float
    height: float


class Box(NamedTuple):
    """Part of a view, in whole pixels."""

    left: int
    top: int
    width: int
    height: int


def _move(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _scale(x: float, y: float) -> Matrix:
    return np.diag([x, y, 1.0])


def _flip_sides(view: View, args: detection.AugmenterArgs, rng: np.random.Generator) -> View:
    flipped = _move(view.width, 0) @ _scale(-1, 1) @ view.matrix
    return view._replace(matrix=flipped) if rng.random() < _probability(args) else view


def _flip_upside_down(view: View, args: detection.AugmenterArgs, rng: np.random.Generator) -> View:
    flipped = _move(0, view.height) @ _scale(1, -1) @ view.matrix
    return view._replace(matrix=flipped) if rng.random() < _probability(args) else view


def _probability(args: detection.AugmenterArgs) -> float:
    return 1.0 if args.p is None else args.p


def _turn(view: View, args: detection.AugmenterArgs, rng: np.random.Generator) -> View:
    """Turn about the middle; what leaves the page is lost, what enters it is black."""
    angle = np.deg2rad(rng.uniform(*(args.rotate or (0.0, 0.0))))
    cos, sin = np.cos(angle), np.sin(angle)
    turning = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    middle = view.width / 2, view.height / 2
    return view._replace(matrix=_move(*middle) @ turning @ _move(-middle[0], -middle[1]) @ view.matrix)


def _resize(view: View, args: detection.AugmenterArgs, rng: np.random.Generator) -> View:
    factor = rng.uniform(*(args.size or (1.0, 1.0)))
    return View(_scale(factor, factor) @ view.matrix, view.width * factor, view.height * factor)


_AUGMENTERS: Final[Mapping[str, Callable[[View, detection.AugmenterArgs, np.random.Generator], View]]] = {
    "Fliplr": _flip_sides,
    "Flipud": _flip_upside_down,
    "Affine": _turn,
    "Resize": _resize,
}


def augment_page(
    image_HWC: Pixels,
    regions: Sequence[Region],
    augmenters: Sequence[detection.Augmenter],
    crop: detection.EastRandomCropData,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Pixels, list[Region]]:
    """Return a random part of a page as an image of `size` (width, height), and the text on it.

    Text that the part touches is kept, and reaches over its edges where it does; the rest is left out. What the page
    does not fill is black.

    Args:
        image_HWC: The page.
        regions: Its text.
        augmenters: Changes before the part is chosen.
        crop: How it is chosen.
        size: Of the result in pixels, a fixed one or one of `multi_scale`.
        rng: What decides.
    """
    view = View(np.eye(3), image_HWC.shape[1], image_HWC.shape[0])
    for each in augmenters:
        view = _AUGMENTERS[each.type](view, each.args, rng)
    moved = [replace(region, points_K2=transform(region.points_K2, view.matrix)) for region in regions]
    width, height = max(1, int(view.width)), max(1, int(view.height))
    polygons = [each.points_K2 for each in moved if not each.is_ignored]
    if crop.whole_text:
        part = choose_part(polygons, width, height, crop, rng)
        x_factor, y_factor = size[0] / part.width, size[1] / part.height
        if crop.keep_ratio:
            x_factor = y_factor = min(x_factor, y_factor)
    else:
        part, x_factor, y_factor = choose_window(polygons, width, height, size, crop.max_tries, rng), 1.0, 1.0
    # Rounded, for 640 / 3 * 3 is less than 640.
    shown = tuple(
        max(1, min(most, int(round(side * factor, 6))))
        for most, side, factor in ((size[0], part.width, x_factor), (size[1], part.height, y_factor))
    )
    into = _scale(x_factor, y_factor) @ _move(-part.left, -part.top)
    pixels = _warp(image_HWC, into @ view.matrix, size)
    pixels[shown[1] :], pixels[:, shown[0] :] = 0, 0
    kept = []
    for region in moved:
        points_K2 = transform(region.points_K2, into)
        if _touches(points_K2, Box(0, 0, *shown)):
            kept.append(replace(region, points_K2=points_K2))
    return pixels, kept


def transform(points_K2: Corners, matrix: Matrix) -> Corners:
    """Return where an affine map moves points."""
    return (points_K2 @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)


def _warp(image_HWC: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    # The middle of pixel 0 is at 0.5, and OpenCV counts from the middle.
    middles = _move(-0.5, -0.5) @ matrix @ _move(0.5, 0.5)
    return np.asarray(cv2.warpAffine(image_HWC, middles[:2], size, flags=cv2.INTER_LINEAR), np.uint8)


def choose_part(
    polygons: Sequence[Corners], width: int, height: int, crop: detection.EastRandomCropData, rng: np.random.Generator
) -> Box:
    """Return a random part whose edges run where no polygon lies, and that shows one; else all (Zhou et al. 2017).

    The free columns between polygons form gaps; two gaps are drawn, and in each a column. Rows alike.
    """
    whole = Box(0, 0, width, height)
    columns, rows = _free(polygons, 0, width), _free(polygons, 1, height)
    if not len(columns) or not len(rows):
        return whole
    for _ in range(crop.max_tries):
        (left, right), (top, bottom) = _draw(columns, rng), _draw(rows, rng)
        part = Box(left, top, right - left, bottom - top)
        is_large = min(part.width / width, part.height / height) >= crop.min_crop_side_ratio
        if is_large and part.width and part.height and any(_touches(points_K2, part) for points_K2 in polygons):
            return part
    return whole


def choose_window(
    polygons: Sequence[Corners], width: int, height: int, size: tuple[int, int], tries: int, rng: np.random.Generator
) -> Box:
    """Return a random part of `size` (width, height), less where the page is smaller; one with text if one is found."""
    part = Box(0, 0, min(size[0], width), min(size[1], height))
    for _ in range(tries):
        left, top = (int(rng.integers(free + 1)) for free in (width - part.width, height - part.height))
        part = part._replace(left=left, top=top)
        if any(_touches(points_K2, part) for points_K2 in polygons):
            break
    return part


def _free(polygons: Sequence[Corners], axis: int, size: int) -> NDArray[np.int64]:
    """Return the columns (axis 0) or rows (axis 1) that no polygon lies on."""
    is_free = np.ones(size, np.bool_)
    for points_K2 in polygons:
        first, last = np.round(points_K2[:, axis].min()), np.round(points_K2[:, axis].max())
        is_free[int(max(0, first)) : int(max(0, last))] = False
    return np.flatnonzero(is_free)


def _draw(free: NDArray[np.int64], rng: np.random.Generator) -> tuple[int, int]:
    """Draw two of the free columns: one of each of two gaps, or, where there is a single gap, two of it."""
    gaps = np.split(free, np.flatnonzero(np.diff(free) > 1) + 1)
    drawn = [int(rng.choice(gaps[int(rng.integers(len(gaps)))])) for _ in range(2)]
    return min(drawn), max(drawn)


def _touches(points_K2: Corners, box: Box) -> bool:
    """Tell whether the rectangle around a polygon and a box have anything in common."""
    least, most = points_K2.min(axis=0), points_K2.max(axis=0)
    first, last = (box.left, box.top), (box.left + box.width, box.top + box.height)
    return bool((most >= first).all() and (least <= last).all())
