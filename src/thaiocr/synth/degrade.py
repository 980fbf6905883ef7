"""What happens to print on its way to an image file. Each kind of damage is a function of its own.

    effect(picture, em, rng, strength) -> picture

`picture` is uint8 [H, W], dark ink on light paper; `em` the font size in pixels, so that the same strength hurts a
small letter as much as a big one; `rng` decides what a strength leaves open (a direction, a place); `strength` runs
from 0 (nothing) to 1 (as much as a reader can take). Effects can be composed in any order; SHAPE and SURFACE hold the
order in which they happen in the world: ink, the way the page lies, light, lens and sensor, the file. The reference's
padding and position are `render.crop`.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from thaiocr.synth.render import PAPER, Picture

Effect: TypeAlias = Callable[[Picture, float, random.Random, float], Picture]

_TILE: Final = 1024


def ink_spread(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Ink runs into the paper: strokes grow by up to 0.02 em on each side."""
    return _restroke(picture, max(0.022 * em, 0.5), 0.5 - 0.3 * strength)


def ink_erosion(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Too little ink: strokes shrink; the thinnest stay, because what counts is the darkest stroke of the picture."""
    return _restroke(picture, max(0.014 * em, 0.4), 0.5 + 0.15 * strength)


def elastic(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """Paper that is not flat: points move by up to 0.045 em, neighbours together."""
    height, width = picture.shape
    shifts = []
    for length in (height, width):
        grid = (max(3, round(height / (0.6 * em))), max(3, round(width / (0.6 * em))))
        coarse = np.array([rng.uniform(-1, 1) for _ in range(grid[0] * grid[1])], np.float32).reshape(grid)
        shift = cv2.resize(coarse * (0.045 * em * strength), (width, height), interpolation=cv2.INTER_CUBIC)
        shifts.append((shift, np.arange(length, dtype=np.float32)))
    (down, rows), (right, columns) = shifts
    moved = cv2.remap(
        picture,
        right + columns,
        down + rows[:, None],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=[PAPER],
    )
    return _uint8(moved)


def rotation(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """Turn by up to 10 degrees; a long line by less, so that its ends move by no more than 0.25 em."""
    height, width = picture.shape
    most = min(10.0, math.degrees(math.atan2(0.5 * em, max(width - em, 1))))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.choice((-1, 1)) * strength * most, 1.0)
    return _uint8(cv2.warpAffine(picture, turn, (width, height), borderValue=[PAPER]))


def perspective(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """Seen from the side: each corner moves by up to 0.12 of the height."""
    height, width = picture.shape
    most = 0.12 * strength * min(height, width, 2 * em)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners + np.array([[rng.uniform(-most, most) for _ in range(2)] for _ in range(4)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    return _uint8(cv2.warpPerspective(picture, matrix, (width, height), borderValue=[PAPER]))


def contrast(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Move ink and paper towards a grey between them; at least 0.4 of the difference stays."""
    scale, grey = 1 - 0.6 * strength, rng.uniform(90, 190)
    return _uint8(cv2.convertScaleAbs(picture, alpha=scale, beta=grey * (1 - scale)))


def brightness(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Darker by up to 90 grey values, or brighter by up to 70: then ink is grey."""
    return _uint8(cv2.add(picture, np.array([strength * rng.choice((-90.0, 70.0))])))


def tone(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Another curve of greys, gamma 0.5 to 2: the soft edges of strokes turn lighter or darker."""
    gamma = 2.0 ** (strength * rng.choice((-1, 1)))
    return _uint8(cv2.LUT(picture, np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)))


def worn(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Ink that is partly gone: in patches up to 0.8 of it is missing."""
    clouds = _cut(_paper(), picture.shape, rng)
    gone = np.clip(clouds - np.float32(1.6 - 1.4 * strength), 0, 0.8)
    return _clip(picture + gone * (255 - picture.astype(np.float32)))


def uneven_light(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Light that falls off over the picture: each corner keeps between 0.4 and 1 of it."""
    corners = np.array([1 - 0.6 * strength * rng.random() for _ in range(4)], np.float32).reshape(2, 2)
    return _lit(picture, corners)


def shadow(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """A soft-edged shadow of a straight edge falls over a part of the picture and takes up to 0.6 of the light."""
    height, width = picture.shape
    step = max(1.0, 0.12 * em)
    rows, columns = np.mgrid[0 : max(2, round(height / step)), 0 : max(2, round(width / step))].astype(np.float32)
    angle = rng.uniform(0, 2 * math.pi)
    x, y = columns / columns.shape[1] - rng.uniform(0.2, 0.8), rows / rows.shape[0] - rng.uniform(0.2, 0.8)
    distance = (x * math.cos(angle) + y * math.sin(angle)) / rng.uniform(0.05, 0.3)
    return _lit(picture, 1 - 0.6 * strength * np.clip(distance + 0.5, 0, 1))


def paper_texture(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """The grain and clouds of paper, up to about 30 grey values; half of the papers are also darker."""
    tint = rng.choice((0.0, rng.uniform(0, 45))) * strength
    clouds = _cut(_paper(), picture.shape, rng)
    return _clip(picture + clouds * np.float32(11 * strength) - np.float32(tint + 12 * strength))


def blur(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Out of focus: a Gaussian of up to 0.03 em."""
    return _uint8(cv2.GaussianBlur(picture, (0, 0), max(0.2, 0.03 * em * strength)))


def noise(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """Sensor noise of up to 32 grey values (standard deviation), less on small letters."""
    return _clip(picture + _cut(_grain(), picture.shape, rng) * np.float32(32 * strength * min(1.0, 0.4 + em / 100)))


def downscale(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:
    """A smaller image, down to 26 pixels of height and 15 pixels per em, smooth or with ragged edges."""
    height, width = picture.shape
    smallest = max(26 / height, 15 / em)
    scale = 1 - strength * rng.uniform(0.5, 1) * (1 - min(1.0, smallest))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    return _uint8(cv2.resize(picture, size, interpolation=rng.choice((cv2.INTER_AREA, cv2.INTER_LINEAR))))


def jpeg(picture: Picture, em: float, rng: random.Random, strength: float) -> Picture:  # noqa: ARG001
    """Compression with a quality of 90 down to 20."""
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, round(90 - 70 * strength)])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    return _uint8(decoded)


SHAPE: Final[Mapping[str, Effect]] = {
    "ink_spread": ink_spread,
    "ink_erosion": ink_erosion,
    "elastic": elastic,
    "rotation": rotation,
    "perspective": perspective,
}
"""Happens before the text is cut out, so that nothing is cut off."""

SURFACE: Final[Mapping[str, Effect]] = {
    "worn": worn,
    "tone": tone,
    "contrast": contrast,
    "brightness": brightness,
    "paper_texture": paper_texture,
    "uneven_light": uneven_light,
    "shadow": shadow,
    "blur": blur,
    "noise": noise,
    "downscale": downscale,
    "jpeg": jpeg,
}


def _restroke(picture: Picture, sigma: float, level: float) -> Picture:
    """Move the edge of strokes to where the blurred ink has `level` (0 paper … 1 the darkest ink)."""
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma)
    darkest, lightest, _, _ = cv2.minMaxLoc(blurred)
    reach = max(1.0, lightest - darkest)
    steepness = 255 / (min(0.45, 1.8 * level) * reach)
    return _clip((blurred - np.float32(lightest - level * reach)) * np.float32(steepness) + np.float32(127))


def _lit(picture: Picture, light: NDArray[np.float32]) -> Picture:
    """Multiply by a coarse map of light, 1 is full."""
    height, width = picture.shape
    fine = cv2.resize(light.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return _uint8(cv2.multiply(picture, fine, dtype=cv2.CV_8U))


def _cut(tile: NDArray[np.float32], shape: tuple[int, ...], rng: random.Random) -> NDArray[np.float32]:
    """Take a piece of an endless tile from a random place."""
    height, width = shape
    top, left = rng.randrange(_TILE), rng.randrange(_TILE)
    if top + height <= _TILE and left + width <= _TILE:
        return tile[top : top + height, left : left + width]
    rows, columns = np.arange(top, top + height) % _TILE, np.arange(left, left + width) % _TILE
    return tile[np.ix_(rows, columns)]


@functools.cache
def _grain() -> NDArray[np.float32]:
    """White noise, standard deviation 1; slightly soft, as sensors and scalers leave it."""
    white = np.random.default_rng(1).standard_normal((_TILE, _TILE), np.float32)
    soft = cv2.GaussianBlur(white, (0, 0), 0.5)
    return np.asarray(soft / soft.std(), dtype=np.float32)


@functools.cache
def _paper() -> NDArray[np.float32]:
    """Clouds of several sizes and fine grain, standard deviation about 1."""
    random_state = np.random.default_rng(2)
    total = np.zeros((_TILE, _TILE), np.float32)
    for size, weight in ((16, 0.6), (64, 0.6), (256, 0.5), (_TILE, 0.5)):
        coarse = random_state.standard_normal((size, size), np.float32)
        total += weight * cv2.resize(coarse, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(total / total.std(), dtype=np.float32)


def _clip(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _uint8(picture: MatLike) -> Picture:
    return np.asarray(picture, dtype=np.uint8)
