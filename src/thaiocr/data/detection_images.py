"""Page -> network input. Evaluation and prediction both go through `fit_page`; training normalises with it too.

H, W pixels of the page  h, w pixels of the input, multiples of 32  N images
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import Pixels

SIDE: Final = 32
"""The network halves an image five times."""
LONG_SIDE: Final = 128
"""What PaddleOCR rounds up to for resize_long."""
DEFAULT_LEAST: Final = 736
"""Least shorter side where nothing is said, as in PaddleOCR."""
LARGEST: Final = 4000
"""Pixels of the longer side after any resizing, as in PaddleOCR 3's clients: beyond, memory runs out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PagePreprocess:
    """What happens to a decoded page before the network sees it; travels with an exported model.

    The fields are those of PaddleOCR's DecodeImage, DetResizeForTest and NormalizeImage.
    """

    img_mode: Literal["BGR", "RGB"] = "BGR"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    image_shape: tuple[int, int] | None = None
    """Height and width."""
    keep_ratio: bool = False
    limit_side_len: int | None = None
    limit_type: Literal["min", "max", "resize_long"] = "min"
    resize_long: int | None = None

    @classmethod
    def of(cls, transforms: Sequence[Any]) -> PagePreprocess:
        """Collect from a config's transforms what concerns pixels; those of training have no resizing."""
        steps = {type(each).__name__: each for each in transforms}
        resize = steps.get("DetResizeForTest")
        names = ("image_shape", "keep_ratio", "limit_side_len", "limit_type", "resize_long")
        resizing = {} if resize is None else {name: getattr(resize, name) for name in names}
        normalize = steps["NormalizeImage"]
        return cls(img_mode=steps["DecodeImage"].img_mode, mean=normalize.mean, std=normalize.std, **resizing)


def input_size(width: int, height: int, preprocess: PagePreprocess) -> tuple[int, int]:
    """Return (w, h) that a page of W x H pixels is resized to."""
    if preprocess.image_shape is not None:
        high, wide = preprocess.image_shape
        return (math.ceil(width * high / height / SIDE) * SIDE if preprocess.keep_ratio else wide), high
    ratio = _ratio(width, height, preprocess)
    ratio *= min(1.0, LARGEST / (ratio * max(width, height)))
    sides = int(width * ratio), int(height * ratio)
    if preprocess.resize_long is not None:
        wide, high = (max(1, -(-side // LONG_SIDE)) * LONG_SIDE for side in sides)
    else:
        wide, high = (max(SIDE, round(side / SIDE) * SIDE) for side in sides)
    return wide, high


def _ratio(width: int, height: int, preprocess: PagePreprocess) -> float:
    if preprocess.resize_long is not None:
        return preprocess.resize_long / max(width, height)
    length = preprocess.limit_side_len or DEFAULT_LEAST
    if preprocess.limit_type == "resize_long":
        return length / max(width, height)
    if preprocess.limit_type == "max":
        return min(1.0, length / max(width, height))
    return max(1.0, length / min(width, height))


def fit_page(image_HWC: Pixels, preprocess: PagePreprocess) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Resize and normalise a BGR page.

    Returns:
        x_1Chw; and the width and height in pixels of the page that it shows: the page's own, but for a tiny page, which
        is filled up with black first.
    """
    height, width = image_HWC.shape[:2]
    if width + height < 2 * SIDE:
        canvas = np.zeros((max(SIDE, height), max(SIDE, width), 3), np.uint8)
        canvas[:height, :width] = image_HWC
        image_HWC, (height, width) = canvas, canvas.shape[:2]
    resized = cv2.resize(image_HWC, input_size(width, height, preprocess))
    return normalize(np.asarray(resized, np.uint8)[None], preprocess), (width, height)


def normalize(images_NhwC: Pixels, preprocess: PagePreprocess) -> NDArray[np.float32]:
    """Return x_NChw: pixels / 255, less the mean, by the deviation; the mean's first value is the first channel's."""
    scale_C = (1 / (255 * np.array(preprocess.std))).astype(np.float32)
    shift_C = (-np.array(preprocess.mean) / np.array(preprocess.std)).astype(np.float32)
    x_NChw = np.empty((len(images_NhwC), 3, *images_NhwC.shape[1:3]), np.float32)
    for channel in range(3):
        source = channel if preprocess.img_mode == "BGR" else 2 - channel
        np.multiply(images_NhwC[..., source], scale_C[channel], out=x_NChw[:, channel])
        x_NChw[:, channel] += shift_C[channel]
    return x_NChw
