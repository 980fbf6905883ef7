"""What stands on pages besides text: pictures, logos, stamps, signatures, bar codes. None of it is to be found."""

from __future__ import annotations

import math
import random
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.synth.page_sheet import Box, Colour, Sheet, typeset

INKS: Final[tuple[Colour, ...]] = ((40, 40, 190), (170, 60, 30), (120, 40, 120), (60, 60, 60))
"""Of stamps: red, blue, violet, grey."""


def random_colour(rng: random.Random, low: int, high: int) -> Colour:
    """Return a colour whose channels are between two values."""
    return rng.randint(low, high), rng.randint(low, high), rng.randint(low, high)


def photo(rng: random.Random, width: int, height: int) -> NDArray[np.uint8]:
    """Return what could be a photograph: clouds of colour and shapes before them, [height, width, 3]."""
    state = np.random.default_rng(rng.randrange(2**32))
    coarse = state.integers(0, 256, (rng.randint(2, 6), rng.randint(2, 6), 3)).astype(np.float32)
    picture = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 255), np.uint8)
    for _ in range(rng.randint(2, 8)):
        colour = random_colour(rng, 10, 240)
        centre = (rng.randrange(width), rng.randrange(height))
        axes = (rng.randint(2, max(3, width // 4)), rng.randint(2, max(3, height // 4)))
        if rng.random() < 0.5:
            cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            corners = np.array([(rng.randrange(width), rng.randrange(height)) for _ in range(rng.randint(3, 6))])
            cv2.fillPoly(picture, [corners.astype(np.int32)], colour, cv2.LINE_AA)
    grain = state.normal(0, rng.uniform(2, 14), (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


def logo(sheet: Sheet, left: float, top: float, size: int) -> None:
    """Draw rings, polygons and bars of one or two colours into a square."""
    rng = sheet.rng
    centre = (round(left + size / 2), round(top + size / 2))
    for radius, colour in zip((0.48, 0.36, 0.22), (random_colour(rng, 20, 200) for _ in range(3)), strict=True):
        corners = rng.choice((0, 3, 4, 5, 6, 8))
        if corners:
            turn = rng.uniform(0, 2 * math.pi)
            points = [
                (centre[0] + radius * size * math.cos(angle), centre[1] + radius * size * math.sin(angle))
                for angle in (turn + 2 * math.pi * corner / corners for corner in range(corners))
            ]
            cv2.fillPoly(sheet.pixels_HW3, [np.array(points, np.int32)], colour, cv2.LINE_AA)
        else:
            thickness = rng.choice((-1, max(1, size // 12)))
            cv2.circle(sheet.pixels_HW3, centre, round(radius * size), colour, thickness, cv2.LINE_AA)


def stamp(sheet: Sheet, left: float, top: float, size: int) -> Box | None:
    """Stamp a turned frame with a word over a place without text; to be ignored when text is looked for."""
    rng = sheet.rng
    left, top = round(left), round(top)
    target = sheet.pixels_HW3[max(top, 0) : top + size, max(left, 0) : left + size]
    if min(target.shape[:2]) < 8:
        return None
    layer = np.zeros((size, size), np.uint8)
    middle, half = size // 2, round(0.46 * size)
    thickness = max(1, size // 40)
    if rng.random() < 0.5:
        cv2.circle(layer, (middle, middle), half, 255, thickness, cv2.LINE_AA)
        cv2.circle(layer, (middle, middle), round(0.75 * half), 255, 1, cv2.LINE_AA)
    else:
        cv2.rectangle(layer, (middle - half, middle - half // 3), (middle + half, middle + half // 3), 255, thickness)
    pen = sheet.pen(0.9, heading=True)
    run = typeset(sheet.words.words(rng, pen, 1), pen)
    (word,) = run.glyphs
    ink = word.ink[: size // 3, : round(1.2 * half)]
    y, x = middle - ink.shape[0] // 2, middle - ink.shape[1] // 2
    layer[y : y + ink.shape[0], x : x + ink.shape[1]] |= ink
    turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-30, 30), 1.0)
    layer = np.asarray(cv2.warpAffine(layer, turn, (size, size)), np.uint8)[: target.shape[0], : target.shape[1]]
    share = layer[:, :, None] * np.float32(rng.uniform(0.5, 0.9) / 255)
    target[:] = np.rint(target * (1 - share) + np.array(rng.choice(INKS), np.float32) * share)
    box = (float(left), float(top), float(left + target.shape[1]), float(top + target.shape[0]))
    sheet.unread.append(box)
    return box


def signature(sheet: Sheet, left: float, right: float, baseline: float) -> None:
    """Draw a scribble."""
    rng = sheet.rng
    count = rng.randint(10, 24)
    xs = np.linspace(left, right, count) + np.array([rng.uniform(-0.5, 0.5) * sheet.em for _ in range(count)])
    ys = np.array([baseline - rng.uniform(0, 1.4) * sheet.em for _ in range(count)])
    fine = np.linspace(0, count - 1, 12 * count)
    knots = np.arange(count)
    points = np.stack([np.interp(fine, knots, xs), np.interp(fine, knots, ys)], axis=1)
    smooth = cv2.blur(points.astype(np.float32), (1, 15))
    colour = rng.choice(((150, 40, 20), (30, 30, 30)))
    cv2.polylines(sheet.pixels_HW3, [smooth.astype(np.int32)], False, colour, max(1, sheet.em // 12), cv2.LINE_AA)


def barcode(sheet: Sheet, left: float, right: float, top: float, bottom: float) -> None:
    """Draw black bars."""
    x, rng = left, sheet.rng
    unit = max(1, sheet.em // 10)
    while x < right:
        bar = unit * rng.randint(1, 3)
        sheet.fill((x, top, min(x + bar - 1, right), bottom), (15, 15, 15))
        x += bar + unit * rng.randint(1, 3)
