"""Entries that have one and the same picture in a font: no reader can tell them apart in a lone crop.

Pictures are compared as a recogniser gets them from a tight crop: the ink alone, without its size and its place on the
line, at a height of 32 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.synth.fonts import FontFile, open_font
from thaiocr.synth.render import draw_ink

HEIGHT: Final = 32
WIDTH: Final = 96
"""In pixels; what is wider for its height is squeezed."""
EM: Final = 64
SAME: Final = 3.0
"""Root of the mean squared difference of grey values (0 … 255) up to which two pictures are the same."""


def same_pictures(font: FontFile, entries: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of entries that look the same, in the order of `entries`.

    Args:
        font: Where they are drawn.
        entries: What the font draws well.
    """
    opened = open_font(font.path, font.face, EM)
    pictures = [_raster(draw_ink(opened, entry)[0]) for entry in entries]
    flat = np.array(pictures, np.float32).reshape(len(entries), HEIGHT * WIDTH)
    squares = np.einsum("ij,ij->i", flat, flat)
    distance = (squares[:, None] + squares[None, :] - 2 * flat @ flat.T) / flat.shape[1]
    # What is close for 32-bit sums is compared once more without rounding.
    close = np.argwhere(np.triu(distance < 4 * SAME**2 + 1, 1))
    return [
        (entries[one], entries[other])
        for one, other in close.tolist()
        if float(np.mean((flat[one] - flat[other]).astype(np.float64) ** 2)) <= SAME**2
    ]


def _raster(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut to the ink and scale to HEIGHT, the aspect ratio kept as far as WIDTH allows. Shape [HEIGHT, WIDTH]."""
    x, y, width, height = cv2.boundingRect((ink > 60).astype(np.uint8))
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    if width:
        filled = min(WIDTH, max(1, round(HEIGHT * width / height)))
        canvas[:, :filled] = cv2.resize(
            ink[y : y + height, x : x + width], (filled, HEIGHT), interpolation=cv2.INTER_AREA
        )
    return canvas
