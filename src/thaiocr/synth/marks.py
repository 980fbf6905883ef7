"""What else is on the paper that text stands on: uneven material, and strokes of a pencil.

Same form as in `degrade`: effect(picture, em, rng, strength) -> picture. Both only darken, and less than ink does.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.synth.degrade import Effect
from thaiocr.synth.render import Picture

_TILE: Final = 512
_FINEST: Final = 4.0
"""Pixels of the tile that a streak is thick."""


def streaks(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """Fibres of cloth, wood or recycled paper: random streaks 0.05 to 0.25 em thick that take up to 60 grey values."""
    height, width = picture.shape
    scale, angle = rng.uniform(0.05, 0.25) * em / _FINEST, rng.uniform(0, math.pi)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float32) / scale
    place = np.array([[rng.uniform(0, _TILE)], [rng.uniform(0, _TILE)]], np.float32)
    fibres = cv2.warpAffine(
        _fibres(),
        np.hstack([turn, place]),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    darker = np.float32(60 * strength) * np.clip(0.5 + 0.3 * fibres, 0, 1)
    return np.asarray(np.clip(picture - darker, 0, 255), dtype=np.uint8)


def scrawl(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """One to three curved strokes of a pencil across the text, 0.03 to 0.15 em thick, at most half as dark."""
    height, width = picture.shape
    dark = np.zeros((height, width), np.float32)
    for _ in range(rng.randint(1, 3)):
        points_42 = np.array([(rng.uniform(-0.3, 1.3) * width, rng.uniform(-0.3, 1.3) * height) for _ in range(4)])
        stroke = np.zeros((height, width), np.uint8)
        thickness = max(1, round(rng.uniform(0.03, 0.15) * em))
        cv2.polylines(stroke, [np.rint(_bezier(points_42)).astype(np.int32)], False, (255.0,), thickness, cv2.LINE_AA)
        dark = np.maximum(dark, stroke * np.float32(rng.uniform(0.2, 0.5) * strength))
    soft = cv2.GaussianBlur(dark, (0, 0), max(0.3, rng.uniform(0.005, 0.03) * em))
    return np.asarray(np.clip(picture * (1 - soft / 255), 0, 255), dtype=np.uint8)


MARKS: Final[Mapping[str, Effect]] = {"streaks": streaks, "scrawl": scrawl}


def _bezier(points_42: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return 24 points on the cubic Bézier curve of four."""
    t = np.linspace(0, 1, 24)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return np.asarray(weights @ points_42)


@functools.cache
def _fibres() -> NDArray[np.float32]:
    """Noise that is long in one direction; mean 0, standard deviation 1."""
    white = np.random.default_rng(3).standard_normal((_TILE, _TILE)).astype(np.float32)
    long = cv2.GaussianBlur(np.tile(white, (3, 3)), (0, 0), sigmaX=10 * _FINEST, sigmaY=_FINEST / 2)
    middle = long[_TILE : 2 * _TILE, _TILE : 2 * _TILE]
    return np.asarray((middle - middle.mean()) / middle.std(), dtype=np.float32)
