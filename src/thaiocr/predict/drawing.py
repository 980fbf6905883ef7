"""A page with its polygons, and beside it what was read, each line in its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from thaiocr.data.images import Pixels
from thaiocr.errors import EnvironmentProblem, UsageError
from thaiocr.predict.page import TextLine
from thaiocr.synth.fonts import HOW_TO_GET_FONTS, FontFile, find_fonts, open_font, require_raqm
from thaiocr.synth.qa import Judge

SAMPLE: Final = ("ก", "ที่", "น้ำ", "ปู่", "กั้", "5", "A")
"""What a font must draw to be taken."""
COLOURS: Final = ("#d02020", "#2050d0", "#109040", "#b000b0", "#c06000")
MAX_SIDE: Final = 4000
"""Of a drawn page in pixels; larger ones are shrunk."""


def find_thai_font(place: Path | None = None) -> FontFile:
    """Return a font for Thai and Latin: of a file or folder, or the system's first regular one by name that draws both.

    Raises:
        UsageError: `place` does not exist, is no font, or draws no Thai.
        EnvironmentProblem: there is none, or Pillow cannot shape Thai.
    """
    require_raqm()
    for font in sorted(find_fonts([place] if place else None), key=lambda font: font.style != "Regular"):
        if not any(map(Judge(font).verdict, SAMPLE)):
            return font
    if place:
        raise UsageError(f"--font {place}: this font does not draw Thai and Latin letters")
    raise EnvironmentProblem(f"no font of this machine draws Thai; {HOW_TO_GET_FONTS}")


def draw_page(image_HWC: Pixels, lines: Sequence[TextLine], font: FontFile) -> Image.Image:
    """Return the page with polygons and numbers in reading order, and on its right the texts."""
    height, width = image_HWC.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width, 1))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    page = Image.fromarray(np.ascontiguousarray(image_HWC[:, :, ::-1])).resize(size)
    both = Image.new("RGB", (2 * size[0], size[1]), "white")
    both.paste(page, (0, 0))
    draw = ImageDraw.Draw(both)
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = [(x * scale, y * scale) for x, y in line.polygon]
        draw.polygon(points, outline=colour, width=2)
        draw.text(points[0], str(number + 1), fill=colour, font=ImageFont.load_default(11), anchor="rt")
        shifted = [(x + size[0], y) for x, y in points]
        draw.polygon(shifted, outline="#dddddd")
        _write(draw, line.text, shifted, font)
    return both


def _write(draw: ImageDraw.ImageDraw, text: str, points: Sequence[tuple[float, float]], font: FontFile) -> None:
    """Write a text as large as its polygon's box allows."""
    xs, ys = zip(*points, strict=True)
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    size = max(6, min(200, round(0.75 * height)))
    length = open_font(font.path, font.face, size).getlength(text)
    if length > width > 0:
        size = max(6, int(size * width / length))
    middle = (min(ys) + max(ys)) / 2
    draw.text((min(xs), middle), text, fill="black", font=open_font(font.path, font.face, size), anchor="lm")
