"""From a flat page to an image of it: as a file, from a scanner, or as a photograph, with the corners of every box.

H, W pixels of the flat page  h, w pixels of the image
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.synth.degrade import SURFACE
from thaiocr.synth.page_pictures import random_colour

Image: TypeAlias = NDArray[np.uint8]
"""[H, W, 3], blue, green, red."""
Matrix: TypeAlias = NDArray[np.float64]
"""[3, 3], from points of the flat page to points of the image."""


class Taken(NamedTuple):
    """An image of a page."""

    pixels_hw3: Image
    matrix_33: Matrix


SMALLEST_EM: Final = 12.0
"""Body text of the image in pixels; what is smaller cannot be read."""
EFFECTS: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "clean": {},
    "scan": {
        "paper_texture": (0.6, 0.5),
        "contrast": (0.5, 0.5),
        "uneven_light": (0.3, 0.3),
        "blur": (0.6, 0.6),
        "noise": (0.5, 0.35),
        "jpeg": (0.7, 0.8),
    },
    "photo": {
        "paper_texture": (0.6, 0.6),
        "contrast": (0.5, 0.6),
        "brightness": (0.3, 0.5),
        "uneven_light": (0.8, 0.8),
        "shadow": (0.5, 0.8),
        "blur": (0.7, 0.8),
        "noise": (0.6, 0.5),
        "jpeg": (0.8, 0.8),
    },
}
"""How a page was taken -> effect -> how often, and the greatest strength."""


def take(flat_HW3: Image, em: float, manner: str, rng: random.Random) -> Taken:
    """Return an image of a page.

    Args:
        flat_HW3: The page.
        em: Size of its body text, in pixels.
        manner: A key of EFFECTS.
        rng: Decides what is left open.
    """
    matrix_33, size = _PLACES[manner](flat_HW3, em, rng)
    pixels = flat_HW3 if manner == "clean" else _warp(flat_HW3, matrix_33, size, manner, rng)
    scale = math.sqrt(abs(np.linalg.det(matrix_33[:2, :2])))
    for name, (share, strongest) in EFFECTS[manner].items():
        if rng.random() < share:
            pixels = _on_colours(name, pixels, em * scale, rng, strongest * rng.uniform(0.15, 1))
    return Taken(pixels, matrix_33)


def move(points_K2: NDArray[np.float64], matrix_33: Matrix) -> NDArray[np.float64]:
    """Return where points of the flat page are in the image."""
    moved_K3 = np.concatenate([points_K2, np.ones((len(points_K2), 1))], axis=1) @ matrix_33.T
    return np.asarray(moved_K3[:, :2] / moved_K3[:, 2:])


def _as_it_is(flat_HW3: Image, em: float, rng: random.Random) -> tuple[Matrix, tuple[int, int]]:
    del em, rng
    return np.eye(3), (flat_HW3.shape[1], flat_HW3.shape[0])


def _scanned(flat_HW3: Image, em: float, rng: random.Random) -> tuple[Matrix, tuple[int, int]]:
    """Turn by up to 3 degrees, scale a little; half of the scans are straight."""
    corners_42 = _page_corners(flat_HW3)
    scale = rng.uniform(max(0.75, min(1.0, SMALLEST_EM / em)), 1.0)
    return _placed(corners_42, _turned(corners_42, rng.choice((0.0, rng.uniform(-3, 3)))) * scale, [0.0] * 4)


def _photographed(flat_HW3: Image, em: float, rng: random.Random) -> tuple[Matrix, tuple[int, int]]:
    """See the page from the side and turned by up to 12 degrees, with some of what it lies on around it."""
    corners_42 = _page_corners(flat_HW3)
    reach = rng.uniform(0, 0.08) * min(flat_HW3.shape[:2])
    seen_42 = corners_42 + np.array([[rng.uniform(-reach, reach) for _ in range(2)] for _ in range(4)])
    seen_42 = _turned(seen_42, rng.gauss(0, 4) if rng.random() < 0.8 else rng.uniform(-12, 12))
    seen_42 *= rng.uniform(max(0.7, min(1.0, SMALLEST_EM / em)), 1.0)
    return _placed(corners_42, seen_42, [rng.uniform(0, 0.08) for _ in range(4)])


def _page_corners(flat_HW3: Image) -> NDArray[np.float64]:
    height, width = flat_HW3.shape[:2]
    return np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)


def _turned(points_K2: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    angle = math.radians(degrees)
    turn_22 = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray(points_K2 @ turn_22.T)


def _placed(
    corners_42: NDArray[np.float64], seen_42: NDArray[np.float64], margins: Sequence[float]
) -> tuple[Matrix, tuple[int, int]]:
    """Fit an image round the seen corners of a page.

    Args:
        corners_42: Of the flat page.
        seen_42: The same in the image, but for a shift.
        margins: Left, above, right and below, as shares of the page's width and height in the image.

    Returns:
        The matrix, and width and height of the image.
    """
    low_2, size_2 = seen_42.min(0), np.ptp(seen_42, axis=0)
    before_2, after_2 = np.array(margins[:2]) * size_2, np.array(margins[2:]) * size_2
    shifted_42 = seen_42 - low_2 + before_2
    matrix = cv2.getPerspectiveTransform(corners_42.astype(np.float32), shifted_42.astype(np.float32))
    width, height = np.ceil(size_2 + before_2 + after_2).astype(int).tolist()
    return np.asarray(matrix, np.float64), (width, height)


_PLACES: Final[Mapping[str, Callable[[Image, float, random.Random], tuple[Matrix, tuple[int, int]]]]] = {
    "clean": _as_it_is,
    "scan": _scanned,
    "photo": _photographed,
}


def _warp(flat_HW3: Image, matrix_33: Matrix, size: tuple[int, int], manner: str, rng: random.Random) -> Image:
    """Place the page on a scanner's lid or on a table."""
    # A pixel's centre is half a pixel from its corner, from which boxes are counted.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    centres_33 = np.linalg.inv(half) @ matrix_33 @ half
    around = _table(size, rng) if manner == "photo" else np.full((size[1], size[0], 3), rng.randint(200, 255), np.uint8)
    placed = cv2.warpPerspective(
        flat_HW3, centres_33, size, dst=around, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    return np.asarray(placed, np.uint8)


def _table(size: tuple[int, int], rng: random.Random) -> Image:
    """Return what a page lies on: clouds between two colours."""
    state = np.random.default_rng(rng.randrange(2**32))
    coarse = state.random((rng.randint(2, 40), rng.randint(2, 40), 1)).astype(np.float32)
    share = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)[:, :, None]
    one = np.array(random_colour(rng, 0, 50), np.float32) + rng.uniform(10, 190)
    other = one + np.array(random_colour(rng, -12, 12), np.float32) + rng.uniform(-50, 50)
    return np.clip(one + (other - one) * share, 0, 255).astype(np.uint8)


def _on_colours(name: str, pixels: Image, em: float, rng: random.Random, strength: float) -> Image:
    """Let an effect of `degrade`, which knows grey pictures, happen to all channels alike."""
    seed = rng.random()
    channels = [
        SURFACE[name](np.ascontiguousarray(pixels[:, :, index]), em, random.Random(seed), strength)
        for index in range(3)
    ]
    return np.stack(channels, axis=2)
