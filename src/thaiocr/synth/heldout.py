"""Damage of kinds that training never sees: test sets C and D are made with it, nothing else.

Same form as in `degrade`: effect(picture, em, rng, strength) -> picture.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np

from thaiocr.synth.degrade import Effect, noise
from thaiocr.synth.render import Picture


def photocopy(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """A copy of a copy: only black and white, ragged edges, strokes thinner or thicker, specks on the paper."""
    soft = cv2.GaussianBlur(picture, (0, 0), max(0.4, 0.015 * em))
    ragged = noise(np.asarray(soft, dtype=np.uint8), em, rng, (0.4 + 0.9 * strength) * min(1.0, em / 60))
    ragged = np.asarray(cv2.GaussianBlur(ragged, (0, 0), max(0.5, 0.012 * em)), dtype=np.uint8)
    darkest, lightest = float(soft.min()), float(soft.max())
    level = darkest + (lightest - darkest) * (0.5 + strength * rng.uniform(-0.15, 0.25))
    _, copy = cv2.threshold(ragged, level, 255, cv2.THRESH_BINARY)
    height, width = copy.shape
    for _ in range(rng.randrange(round(8 * strength) + 1)):
        centre = (rng.randrange(width), rng.randrange(height))
        cv2.circle(copy, centre, max(1, round(rng.uniform(0.005, 0.02) * em)), 0.0, -1)
    return np.asarray(copy, dtype=np.uint8)


def motion_blur(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """The camera moves while it looks: a smear of 0.04 to 0.12 em in one direction."""
    length = max(3, round((0.04 + 0.08 * strength) * em)) | 1
    kernel = np.zeros((length, length), np.float32)
    angle, middle = rng.uniform(0, math.pi), length // 2
    reach_x, reach_y = middle * math.cos(angle), middle * math.sin(angle)
    start, end = (round(middle - reach_x), round(middle - reach_y)), (round(middle + reach_x), round(middle + reach_y))
    cv2.line(kernel, start, end, 1.0)
    smeared = cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smeared, dtype=np.uint8)


def moire(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """A photo of a screen: two gratings of nearly the same period beat against each other."""
    height, width = picture.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    period, angle = rng.uniform(0.09, 0.2) * em, rng.uniform(0, math.pi)
    waves = np.zeros((height, width), np.float32)
    for turn, stretch in ((0.0, 1.0), (rng.uniform(0.05, 0.2), rng.uniform(1.05, 1.2))):
        across = columns * math.cos(angle + turn) + rows * math.sin(angle + turn)
        waves += np.sin(across * np.float32(2 * math.pi / (period * stretch)) + np.float32(rng.uniform(0, 6.28)))
    return np.clip(picture - (12 + 30 * strength) * (1 + waves / 2), 0, 255).astype(np.uint8)


def low_resolution(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """A small image blown up again: 26 down to 16 pixels per em, then enlarged in squares or smoothly."""
    height, width = picture.shape
    scale = min(1.0, (26 - 10 * strength) / em)
    small = cv2.resize(
        picture, (max(4, round(width * scale)), max(4, round(height * scale))), interpolation=cv2.INTER_AREA
    )
    back = rng.choice((cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC))
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), dtype=np.uint8)


def bleed_through(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """The back of the page shines through: the text mirrored, elsewhere, larger or smaller, pale and soft."""
    height, width = picture.shape
    scale = rng.uniform(0.8, 1.3)
    move = np.array(
        [[-scale, 0, width * rng.uniform(0.7, 1.3)], [0, scale, height * rng.uniform(-0.5, 0.5)]], np.float32
    )
    back = cv2.warpAffine(picture, move, (width, height), borderValue=[float(picture.max())])
    back = cv2.GaussianBlur(back, (0, 0), max(0.4, 0.03 * em))
    pale = (0.15 + 0.4 * strength) * (float(picture.max()) - back.astype(np.float32))
    return np.minimum(picture, np.asarray(np.clip(float(picture.max()) - pale, 0, 255), dtype=np.uint8))


HELD_OUT: Final[Mapping[str, Effect]] = {
    "bleed_through": bleed_through,
    "moire": moire,
    "motion_blur": motion_blur,
    "low_resolution": low_resolution,
    "photocopy": photocopy,
}
