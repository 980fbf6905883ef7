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
from PIL import Image, ImageFont

from thaiocr.synth.fonts import open_font
from thaiocr.text.thai import is_thai

Picture: TypeAlias = NDArray[np.uint8]
"""[H, W]; once it has colours [H, W, 3], BGR."""

SIZES: Final = (*(22, 26, 30, 34, 40, 48, 56, 66, 80, 96) * 3, 120, 120, 150)
"""Font sizes of single clusters, in pixels, the large ones seldom, because they take long. A network reads 32 or 48
rows: small letters reach it enlarged and soft, large ones with the ragged edges of shrinking without smoothing."""
LINE_SIZES: Final = (28, 32, 36, 40, 46, 52)

PAPER: Final = 255
BODY: Final = 0.6
"""From the baseline to the top of a consonant, in em."""
ROOM: Final = 0.45
"""White round the ink while it is bent, in em."""
_HIGHEST: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A text before it is cut out."""

    picture: Picture
    em: float
    baseline: int
    """Row on which the letters stand."""
    text: str
    font: ImageFont.FreeTypeFont


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """Which part of a page a crop shows: columns and rows, the last ones excluded. It may reach beyond the page."""

    left: int
    top: int
    right: int
    bottom: int
    ink: tuple[int, int, int, int]
    """x, y, width, height of the ink, on the page."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How close to the ink a crop is cut: the least and the greatest margin of a side, in em."""

    weight: int
    beside: tuple[float, float]
    above: tuple[float, float]
    """Above and below."""
    whole_line: bool = False
    """Above and below are counted from the baseline and a consonant's top, where the ink does not reach them."""


MANNERS: Final[Mapping[str, Manner]] = {
    "tight": Manner(3, (0.0, 0.06), (0.0, 0.06)),
    "close": Manner(5, (0.02, 0.3), (0.03, 0.2)),
    "line": Manner(4, (0.05, 0.6), (0.04, 0.35), whole_line=True),
    "wide": Manner(3, (0.2, 0.8), (0.15, 0.5)),
}
"""Of single clusters. Nobody knows how the crops that a model will read were cut, so the range is broad."""
LINE: Final = Manner(1, (0.05, 0.75), (0.06, 0.35), whole_line=True)
"""Of lines."""


def typeset(text: str, path: Path, face: int, size: int, start: float = 0.0) -> Page:
    """Draw one line of text with some white around it.

    Args:
        text: What to draw.
        path: The font file.
        face: The face in it.
        size: Pixels per em.
        start: Where between two pixels the first letter begins, 0 to 1.

    Raises:
        OSError: the font cannot be opened.
    """
    font = open_font(path, face, size)
    ink, top = draw_ink(font, text, start)
    room = math.ceil(ROOM * size)
    picture = np.full((ink.shape[0] + 2 * room, ink.shape[1] + 2 * room), PAPER, np.uint8)
    picture[room : room + ink.shape[0], room : room + ink.shape[1]] -= ink
    return Page(picture=picture, em=size, baseline=room - top, text=text, font=font)


def draw_ink(font: ImageFont.FreeTypeFont, text: str, start: float = 0.0) -> tuple[Picture, int]:
    """Return the ink of a text, 0 none to 255, [H, W], and its first row, counted down from the baseline."""
    mask, (_, top) = font.getmask2(text, mode="L", anchor="ls", start=(start, 0.0))
    image = Image.new("L", mask.size)
    image.im.paste(mask, (0, 0, *mask.size))
    return np.asarray(image), top


def crop(page: Page, rng: random.Random, *, line: bool = False) -> Picture:
    """Cut the text out with random margins; see `choose_frame`."""
    return cut(page.picture, choose_frame(page, rng, line=line))


def choose_frame(page: Page, rng: random.Random, *, line: bool = False) -> Frame:
    """Choose the margins: the reference's "padding" (how much white) and "position" (on which side).

    A single cluster is cut in one of MANNERS; half of the crops have the same margin left and right, and above and
    below, the others have four that know nothing of each other. What is no Thai letter is cut as from a line nine
    times in ten, because `o` and `O` lose what tells them apart; what is lower than three quarters of a consonant
    (`.`, `-`, `'`) keeps its place on the line in every manner. Margins shrink where the crop would be higher than
    2 em: a tone mark has to survive the reduction to 32 pixels.
    """
    x, y, width, height = ink = ink_box(page.picture)
    manner = LINE if line else _choose_manner(page, rng)
    is_low = height < 0.75 * BODY * page.em
    top, bottom = y, y + height
    if manner.whole_line or is_low:
        top, bottom = min(top, round(page.baseline - BODY * page.em)), max(bottom, page.baseline)
    above, below = _margins(manner.above, rng)
    left, right = _margins(manner.beside, rng)
    shrink = min(1.0, max(_HIGHEST - (bottom - top) / page.em, 0.06) / max(above + below, 1e-6))
    return Frame(
        left=math.floor(x - left * page.em),
        top=math.floor(top - above * shrink * page.em),
        right=math.ceil(x + width + right * page.em),
        bottom=math.ceil(bottom + below * shrink * page.em),
        ink=ink,
    )


def _choose_manner(page: Page, rng: random.Random) -> Manner:
    if not is_thai(page.text) and rng.random() < 0.9:
        return MANNERS["line"]
    return rng.choices(list(MANNERS.values()), [manner.weight for manner in MANNERS.values()])[0]


def _margins(limits: tuple[float, float], rng: random.Random) -> tuple[float, float]:
    one, other = rng.uniform(*limits), rng.uniform(*limits)
    return (one, one) if rng.random() < 0.5 else (one, other)


def cut(picture: Picture, frame: Frame) -> Picture:
    """Return the part of a page that a frame shows; what lies outside the page is white."""
    height, width = picture.shape
    inside = picture[max(frame.top, 0) : frame.bottom, max(frame.left, 0) : frame.right]
    outside = (max(-frame.top, 0), max(frame.bottom - height, 0), max(-frame.left, 0), max(frame.right - width, 0))
    framed = cv2.copyMakeBorder(inside, *outside, borderType=cv2.BORDER_CONSTANT, value=[PAPER])
    return np.asarray(framed, dtype=np.uint8)


def ink_box(picture: Picture) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the ink; of everything when there is none."""
    _, ink = cv2.threshold(picture, 200, 255, cv2.THRESH_BINARY_INV)
    x, y, width, height = cv2.boundingRect(ink)
    return (x, y, width, height) if width else (0, 0, picture.shape[1], picture.shape[0])
