"""A polygon on a page -> an upright picture of its text, as PaddleOCR's `get_rotate_crop_image` cuts it.

H, W pixels of the page  h, w pixels of the crop  K corners
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import Pixels
from thaiocr.predict.boxes import smallest_box

TALL: Final = 1.5
"""Height by width from which a crop is taken for text that runs up or down, and turned to the left."""
LONGEST: Final = 32_000
"""Pixels of a crop's side; OpenCV warps no larger ones."""


def as_quad(points: NDArray[Any], *, width: int, height: int) -> NDArray[np.float64] | None:
    """Return the four corners of a polygon on a page: upper left, upper right, lower right, lower left.

    Corners outside the page move to its edge. A polygon of another number of corners, or whose sides cross, becomes the
    smallest rectangle around it.

    Args:
        points: Corners [K, 2], x and y in pixels.
        width: Of the page.
        height: Of the page.

    Returns:
        Corners [4, 2]; None where a coordinate is not finite, where fewer than three corners are given, or where less
        than a pixel of area lies on the page.
    """
    found_K2 = np.asarray(points, np.float64)
    if found_K2.ndim != 2 or found_K2.shape[1] != 2 or len(found_K2) < 3 or not np.isfinite(found_K2).all():
        return None
    found_K2 = np.clip(found_K2, 0, (width, height))
    if len(found_K2) != 4 or not cv2.isContourConvex(found_K2.astype(np.float32)):
        found_K2 = smallest_box(found_K2.astype(np.float32))[0].astype(np.float64)
    area = cv2.contourArea(found_K2.astype(np.float32))
    return found_K2 if area >= 1 else None


def rectify(image_HWC: Pixels, quad_42: NDArray[np.float64]) -> Pixels:
    """Cut the text out of a page and make it upright.

    Args:
        image_HWC: The page, BGR.
        quad_42: Corners on the page, as `as_quad` returns them.

    Returns:
        The crop [h, w, 3], at least a pixel wide and high; turned to the left where it is much higher than wide.
    """
    # Cut out before it is warped: OpenCV reads from at most 32,767 pixels.
    left, top = np.maximum(np.floor(quad_42.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(quad_42.max(axis=0)).astype(int) + 1
    part_HWC, corners_42 = image_HWC[top:bottom, left:right], (quad_42 - (left, top)).astype(np.float32)
    width, height = (int(np.clip(side, 1, LONGEST)) for side in _size(corners_42))
    upright_42 = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix_33 = cv2.getPerspectiveTransform(corners_42, upright_42)
    crop_hwC = cv2.warpPerspective(
        part_HWC, matrix_33, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    crop_hwC = np.rot90(crop_hwC) if height >= TALL * width else crop_hwC
    return np.ascontiguousarray(crop_hwC, np.uint8)


def is_tall(quad_42: NDArray[Any]) -> bool:
    """Tell whether a quadrangle is taken for text that runs down the page."""
    width, height = _size(quad_42)
    return height >= TALL * width


def _size(quad_42: NDArray[Any]) -> tuple[float, float]:
    """Return width and height, each the longer one of the two sides."""
    sides_4 = np.linalg.norm(np.roll(quad_42, -1, axis=0) - quad_42, axis=1)
    return float(sides_4[0::2].max()), float(sides_4[1::2].max())
