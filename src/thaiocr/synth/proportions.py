"""Letters in proportions that no font at hand has: wider or narrower, leaning, marks higher and larger or smaller."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from thaiocr.synth.render import BODY, PAPER, Page, Picture
from thaiocr.text.thai import is_thai

SCALE: Final = (0.7, 1.0)
"""The whole, shrunk smoothly: letters without the hinting that a renderer applies at a size."""
SMALLEST: Final = 21.0
"""Pixels per em, below which nothing is shrunk."""
WIDTH: Final = 1.28
"""Letters are made wider or narrower by up to this factor."""
ABOVE: Final = (0.78, 1.3)
BELOW: Final = (0.85, 1.2)
"""What stands above a consonant's top, and below the baseline."""
SLANT: Final = 0.22
"""Sideways per upwards."""


def vary(page: Page, rng: random.Random) -> Page:
    """Change the proportions of a page's letters."""
    scale = max(rng.uniform(*SCALE), min(1.0, SMALLEST / page.em))
    wide = math.exp(rng.uniform(-1, 1) * math.log(WIDTH))
    above, below = (rng.uniform(*ABOVE), rng.uniform(*BELOW)) if is_thai(page.text) else (1.0, 1.0)
    slant = rng.choice((0.0, rng.uniform(-SLANT, SLANT)))
    top = max(1, page.baseline - round(BODY * page.em))
    bands = (
        (page.picture[:top], above),
        (page.picture[top : page.baseline], 1.0),
        (page.picture[page.baseline :], below),
    )
    width = max(4, round(page.picture.shape[1] * scale * wide))
    scaled = [_resize(band, width, scale * share) for band, share in bands if len(band)]
    baseline = sum(map(len, scaled[:-1]))
    picture = np.vstack(scaled)
    if slant:
        matrix = np.array([[1, -slant, slant * (baseline - 0.4 * scale * page.em)], [0, 1, 0]], np.float32)
        size = (picture.shape[1], picture.shape[0])
        picture = np.asarray(cv2.warpAffine(picture, matrix, size, borderValue=[PAPER]), dtype=np.uint8)
    return replace(page, picture=picture, em=scale * page.em, baseline=baseline)


def _resize(band: Picture, width: int, scale: float) -> Picture:
    height = max(1, round(len(band) * scale))
    return np.asarray(cv2.resize(band, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
