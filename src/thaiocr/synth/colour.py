"""Ink and paper of any colour, light on dark too: the last thing that happens to a picture in grey."""

from __future__ import annotations

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from thaiocr.synth.render import Picture

BGR: Final = (0.114, 0.587, 0.299)
"""What the channels contribute to brightness, as OpenCV and Pillow weigh them."""
LEAST_DIFFERENCE: Final = 110
"""Between the brightness of paper and ink, 0 to 255; contrast and light take their share before."""
FRINGED: Final = 0.2
"""Share of coloured pictures with the fringes of text drawn for a screen's stripes, or of a lens."""


def invert(picture: Picture) -> Picture:
    """Turn dark on light into light on dark."""
    return 255 - picture


def tint(picture: Picture, rng: random.Random) -> Picture:
    """Replace the greys between ink and paper by the mixtures of two colours.

    Args:
        picture: [H, W]; its dark stays dark and its light light, so that `invert` may come before.
        rng: Decides the colours.

    Returns:
        [H, W, 3], BGR.
    """
    dark = rng.uniform(0, 255 - LEAST_DIFFERENCE) * rng.random()
    light = rng.uniform(dark + LEAST_DIFFERENCE, 255)
    light = max(light, rng.uniform(dark + LEAST_DIFFERENCE, 255))
    ends = [_colour(brightness, rng) for brightness in (dark, light)]
    steps = np.linspace(0, 1, 256)[:, None]
    table = np.rint((1 - steps) * ends[0] + steps * ends[1]).astype(np.uint8)
    if rng.random() >= FRINGED:
        return table[picture]
    return np.stack([table[plane, channel] for channel, plane in enumerate(_fringes(picture, rng))], axis=2)


def _colour(brightness: float, rng: random.Random) -> NDArray[np.float64]:
    """Draw a colour of this brightness, more often pale than bright."""
    grey = np.full(3, brightness)
    colour = np.array([rng.uniform(0, 255) for _ in range(3)])
    found = float(colour @ BGR)
    colour = (
        colour * brightness / found if found > brightness else 255 - (255 - colour) * (255 - brightness) / (255 - found)
    )
    return np.asarray(grey + (colour - grey) * rng.random() ** 0.7)


def _fringes(picture: Picture, rng: random.Random) -> tuple[Picture, Picture, Picture]:
    """Move the outer channels by up to half a pixel in opposite directions."""
    share = rng.uniform(0.15, 0.5)
    left, right = picture.astype(np.float32), picture.astype(np.float32)
    left[:, 1:] += share * (picture[:, :-1] - left[:, 1:])
    right[:, :-1] += share * (picture[:, 1:] - right[:, :-1])
    return left.astype(np.uint8), picture, right.astype(np.uint8)
