"""Pictures to measure with, as large as the crops of the reference."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from thaiocr.data.images import Pixels

HEIGHT: Final = 96
WIDTH: Final = 128


def pictures(count: int) -> list[Pixels]:
    """Return a letter with noise so many times, BGR [96, 128, 3]."""
    random = np.random.default_rng(0)
    found = []
    for number in range(count):
        image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
        cv2.putText(image, chr(65 + number % 26), (30, 75), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 4)
        found.append(image - random.integers(0, 30, image.shape, np.uint8))
    return found
