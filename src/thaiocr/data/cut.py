"""Boxes cut out of pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np

from thaiocr.data.images import Pixels

Point: TypeAlias = tuple[float, float]

MORE: Final = 2
"""Times its box's width or height from which on a picture shows more than the box."""
LARGEST: Final = 4
"""Times the page's width or height above which a box is a mistake."""


def shows_more(image_HWC: Pixels, corners: Sequence[Point]) -> bool:
    """Tell whether a picture is a whole page with a box on it, rather than the box, cut out already."""
    width, height = np.ptp(np.array(corners), axis=0)
    return bool(image_HWC.shape[1] >= MORE * width or image_HWC.shape[0] >= MORE * height)


def cut_out(image_HWC: Pixels, corners: Sequence[Point]) -> Pixels | None:
    """Return the part of an image within four corners, made upright; None when it is empty or not on the image.

    Like PaddleOCR's `get_rotate_crop_image`, but what is taller than wide is not turned: a lone Thai cluster is.
    """
    from_42 = np.array(corners, np.float32)
    height, width = image_HWC.shape[:2]
    upper_left, upper_right, lower_right, lower_left = from_42
    wide = round(float(max(np.linalg.norm(upper_right - upper_left), np.linalg.norm(lower_right - lower_left))))
    high = round(float(max(np.linalg.norm(lower_left - upper_left), np.linalg.norm(lower_right - upper_right))))
    is_off = (from_42.max(axis=0) <= 0).any() or (from_42.min(axis=0) >= (width, height)).any()
    if is_off or not 0 < wide <= LARGEST * width or not 0 < high <= LARGEST * height:
        return None
    to_42 = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
    matrix = cv2.getPerspectiveTransform(from_42, to_42)
    cut = cv2.warpPerspective(image_HWC, matrix, (wide, high), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)
