"""Text -> dark ink on white paper -> a crop with random margins.

Pictures are uint8 [H, W]: 0 ink, 255 paper. Lengths are in em, the font size in pixels; a Thai consonant is about
0.57 em high, a consonant with upper vowel and tone 1.2 em (in some hands 1.6 em).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from thaiocr.synth.fonts import open_font

Picture: TypeAlias = NDArray[np.uint8]

SIZES: Final = (28, 34, 40, 48, 56, 66, 80, 96)
"""Font sizes of single clusters, in pixels: training shrinks to an image height of 32 or 48."""
LINE_SIZES: Final = (28, 32, 36, 40, 46, 52)

PAPER: Final = 255
BODY: Final = 0.6
"""From the baseline to the top of a consonant, in em."""
_ROOM: Final = 0.45
"""White round the ink while it is bent, in em."""
_SIDES: Final = (0.05, 0.75)
_MARGINS: Final[Mapping[str, tuple[float, float]]] = {"line": (0.06, 0.35), "wide": (0.2, 0.5)}
"""The least and the greatest, in em."""
_HIGHEST: Final = 1.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A text before it is cut out."""

    picture: Picture
    em: int
    baseline: int
    """Row on which the letters stand."""


def typeset(text: str, path: Path, face: int, size: int) -> Page:
    """Draw one line of text with some white around it.

    Raises:
        OSError: the font cannot be opened.
    """
    font = open_font(path, face, size)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    room = math.ceil(_ROOM * size)
    x, y = room - math.floor(left), room - math.floor(top)
    image = Image.new("L", (math.ceil(right) + x + room, math.ceil(bottom) + y + room), PAPER)
    ImageDraw.Draw(image).text((x, y), text, font=font, fill=0, anchor="ls")
    return Page(picture=np.asarray(image), em=size, baseline=y)


def crop(page: Page, rng: random.Random, *, line: bool = False) -> Picture:
    """Cut the text out with random margins: the reference's "padding" (how much white) and "position" (on which side).

    Nobody knows how the crops that a model will read were cut, so the range is broad. To the left and right 0.05 to
    0.75 em, each side by itself. Above and below, a single cluster is cut

    - close, half of the time: 3 to 20 % of the ink's height, as a detector cuts it. What is lower than three quarters
      of a consonant (`.`, `-`, `'`) is never cut close, because it would lose its place and size;
    - as from a line, three times in ten: from the baseline to a consonant's top at least, plus 0.06 to 0.35 em;
    - wide, twice in ten: 0.2 to 0.5 em.

    Margins shrink, down to 3 % of the ink, where the crop would be higher than 1.8 em: a tone mark has to survive the
    reduction to 32 pixels. A line of text is always cut as from a line.
    """
    x, y, width, height = ink_box(page.picture)
    top, bottom = y, y + height
    is_low = height < 0.75 * BODY * page.em
    manner = "line" if line else rng.choices(("close", "line", "wide"), (5, 3, 2))[0]
    if manner == "close" and is_low:
        manner = "line"
    if manner == "line" or is_low:
        top, bottom = min(top, round(page.baseline - BODY * page.em)), max(bottom, page.baseline)
    least, most = (
        (0.03 * height, 0.2 * height) if manner == "close" else (share * page.em for share in _MARGINS[manner])
    )
    above, below = rng.uniform(least, most), rng.uniform(least, most)
    shrink = min(1.0, max(_HIGHEST * page.em - (bottom - top), 0.06 * height) / (above + below))
    left, right = x - rng.uniform(*_SIDES) * page.em, x + width + rng.uniform(*_SIDES) * page.em
    return _window(
        page.picture,
        (math.floor(left), math.floor(top - above * shrink)),
        (math.ceil(right), math.ceil(bottom + below * shrink)),
    )


def ink_box(picture: Picture) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the ink; of everything when there is none."""
    _, ink = cv2.threshold(picture, 200, 255, cv2.THRESH_BINARY_INV)
    x, y, width, height = cv2.boundingRect(ink)
    return (x, y, width, height) if width else (0, 0, picture.shape[1], picture.shape[0])


def _window(picture: Picture, start: tuple[int, int], end: tuple[int, int]) -> Picture:
    """Return columns and rows from `start` (x, y) to before `end`; what lies outside the picture is white."""
    height, width = picture.shape
    (left, top), (right, bottom) = start, end
    inside = picture[max(top, 0) : bottom, max(left, 0) : right]
    outside = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    framed = cv2.copyMakeBorder(inside, *outside, borderType=cv2.BORDER_CONSTANT, value=[PAPER])
    return np.asarray(framed, dtype=np.uint8)
