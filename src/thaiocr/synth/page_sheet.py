"""A flat page: text with its boxes, rules, fills, pictures.

    H, W pixels of the page

Lengths are in pixels of the flat page, boxes are (left, top, right, bottom) around the ink, the last ones excluded. A
line never touches another one: its baseline is chosen from its own ink, so tone marks and vowels below have their room.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from thaiocr.synth.families import CheckedFont
from thaiocr.synth.fonts import open_font
from thaiocr.synth.page_text import Text, Words, break_lines, join
from thaiocr.text.clusters import clusters

Colour: TypeAlias = tuple[int, int, int]
"""Blue, green, red."""
Box: TypeAlias = tuple[float, float, float, float]
Align: TypeAlias = Literal["left", "centre", "right"]

BLACK: Final[Colour] = (25, 22, 20)
INK_FROM: Final = 60
"""Of 255: paler pixels at the edge of a stroke do not count as ink."""
GAP: Final = 0.1
"""Least distance of the ink of two lines, in em."""
MAX_STRETCH: Final = 0.6
"""Of a space in a justified line, in em; wider gaps would make two lines of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pen:
    """How text is drawn."""

    fonts: tuple[CheckedFont, ...]
    """A piece of text is drawn by the first one that draws all of it."""
    size: int
    """Pixels per em."""
    colour: Colour = BLACK

    def draws(self, text: str) -> bool:
        """Tell whether one of the fonts draws the text."""
        return self._choose(text) is not None

    def prefers(self, text: str) -> bool:
        """Tell whether the first font draws the text."""
        return self._choose(text) is self.fonts[0]

    def font(self, text: str) -> ImageFont.FreeTypeFont:
        """Return the font that draws the text; the first one where none does."""
        chosen = self._choose(text) or self.fonts[0]
        return open_font(chosen.file.path, chosen.file.face, self.size)

    def length(self, text: str) -> float:
        """Return how far the pen moves."""
        return float(self.font(text).getlength(text))

    def _choose(self, text: str) -> CheckedFont | None:
        needed = _needed(text)
        return next((font for font in self.fonts if needed <= font.drawn), None)


@functools.lru_cache(maxsize=100_000)
def _needed(text: str) -> frozenset[str]:
    return frozenset(clusters(text)) - {" "}


class _Glyphs(NamedTuple):
    """The ink of one piece of a line."""

    ink: NDArray[np.uint8]
    x: int
    y: int
    """Of the ink's upper left corner, from the line's start and baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A line of text that has no place yet."""

    text: Text
    glyphs: tuple[_Glyphs, ...]
    """One per piece."""
    box: Box
    """Around all ink, from the line's start and baseline."""
    width: float
    colour: Colour


class Word(NamedTuple):
    """A piece of a line with the corners of its ink."""

    text: str
    box: Box


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What is written in one place."""

    text: str
    box: Box
    words: tuple[Word, ...]


def typeset(text: Text, pen: Pen, *, stretch: float = 0.0) -> Run:
    """Draw the pieces of a line, spaces wider by `stretch` pixels."""
    x, glyphs = 0.0, []
    for index, piece in enumerate(text):
        font = pen.font(piece.text)
        if index and piece.spaced:
            x += font.getlength(" ") + stretch
        mask, (left, top) = font.getmask2(piece.text, mode="L", anchor="ls", start=(x % 1, 0.0))
        width, height = mask.size
        ink = np.frombuffer(bytes(mask), np.uint8).reshape(height, width)
        glyphs.append(_Glyphs(ink, math.floor(x) + left, top))
        x += font.getlength(piece.text)
    box = _around([_ink_box(each) for each in glyphs])
    return Run(text=tuple(text), glyphs=tuple(glyphs), box=box, width=x, colour=pen.colour)


def _ink_box(glyphs: _Glyphs) -> Box:
    x, y, width, height = cv2.boundingRect((glyphs.ink > INK_FROM).astype(np.uint8))
    return glyphs.x + x, glyphs.y + y, glyphs.x + x + width, glyphs.y + y + height


def _around(boxes: Sequence[Box]) -> Box:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _apart(words: list[Word]) -> tuple[Word, ...]:
    """Cut neighbours in the middle where the boxes of their ink overlap, as vowels lean over the letter before."""
    for index in range(len(words) - 1):
        left, right = words[index : index + 2]
        if left.box[2] > right.box[0]:
            middle = (left.box[2] + right.box[0]) / 2
            words[index] = Word(left.text, (*left.box[:2], middle, left.box[3]))
            words[index + 1] = Word(right.text, (middle, *right.box[1:]))
    return tuple(words)


@dataclass(kw_only=True, slots=True)
class Sheet:
    """A page that is being filled."""

    pixels_HW3: NDArray[np.uint8]
    words: Words
    fonts: tuple[CheckedFont, ...]
    """For body text, and behind it one that draws what the first lacks."""
    heading_fonts: tuple[CheckedFont, ...]
    em: int
    """Size of body text in pixels."""
    rng: random.Random
    lines: list[Line] = field(default_factory=list)
    """In reading order."""
    unread: list[Box] = field(default_factory=list)
    """What looks like text and is not to be learnt."""

    @property
    def height(self) -> int:
        """H."""
        return int(self.pixels_HW3.shape[0])

    @property
    def width(self) -> int:
        """W."""
        return int(self.pixels_HW3.shape[1])

    def pen(self, scale: float = 1.0, *, heading: bool = False, colour: Colour = BLACK) -> Pen:
        """Return a pen of `scale` times the size of body text, at least 12 pixels."""
        fonts = self.heading_fonts if heading else self.fonts
        return Pen(fonts=fonts, size=max(12, round(scale * self.em)), colour=colour)

    def put(self, run: Run, x: float, baseline: float) -> Box:
        """Write a line that starts at x; returns the box of its ink."""
        left, top = round(x), round(baseline)
        words = []
        for piece, glyphs in zip(run.text, run.glyphs, strict=True):
            self._ink(glyphs.ink, left + glyphs.x, top + glyphs.y, run.colour)
            words.append(Word(piece.text, _moved(_ink_box(glyphs), left, top)))
        box = _moved(run.box, left, top)
        self.lines.append(Line(text=join(run.text), box=box, words=_apart(words)))
        return box

    def rule(self, start: tuple[float, float], end: tuple[float, float], thickness: int = 1, grey: int = 60) -> None:
        """Draw a straight rule."""
        colour = (grey, grey, grey)
        cv2.line(self.pixels_HW3, _point(*start), _point(*end), colour, max(1, thickness))

    def dots(self, left: float, right: float, y: float, grey: int = 60) -> None:
        """Draw a dotted rule, as forms have it below what is filled in."""
        step = max(3, self.em // 5)
        radius = max(1, self.em // 18)
        for x in range(round(left), round(right), step):
            cv2.circle(self.pixels_HW3, (x, round(y)), radius, (grey, grey, grey), -1, cv2.LINE_AA)

    def frame(self, box: Box, thickness: int = 1, grey: int = 60) -> None:
        """Draw the outline of a box."""
        cv2.rectangle(self.pixels_HW3, _point(*box[:2]), _point(*box[2:]), (grey, grey, grey), max(1, thickness))

    def fill(self, box: Box, colour: Colour) -> None:
        """Fill a box."""
        cv2.rectangle(self.pixels_HW3, _point(*box[:2]), _point(*box[2:]), colour, -1)

    def paste(self, picture_HW3: NDArray[np.uint8], left: int, top: int) -> None:
        """Put a picture on the page, as far as it fits."""
        target = self.pixels_HW3[top : top + picture_HW3.shape[0], left : left + picture_HW3.shape[1]]
        target[:] = picture_HW3[: target.shape[0], : target.shape[1]]

    def _ink(self, ink: NDArray[np.uint8], left: int, top: int, colour: Colour) -> None:
        y0, x0 = max(top, 0), max(left, 0)
        target = self.pixels_HW3[y0 : max(top + ink.shape[0], 0), x0 : max(left + ink.shape[1], 0)]
        part = ink[y0 - top :, x0 - left :][: target.shape[0], : target.shape[1]]
        share = part[:, :, None].astype(np.float32) / np.float32(255)
        target[:] = np.rint(target * (1 - share) + np.array(colour, np.float32) * share)


def _moved(box: Box, x: float, y: float) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _point(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


class Cell(NamedTuple):
    """A text and where it stands in a row."""

    text: Text
    left: float
    right: float
    align: Align = "left"
    pen: Pen | None = None
    """The body's when left out."""


def write_row(sheet: Sheet, cells: Sequence[Cell], top: float) -> float:
    """Write texts on one baseline, all ink below `top`; returns the bottom of the ink.

    What does not fit between left and right is left out from its end.
    """
    placed = []
    for cell in cells:
        pen = cell.pen or sheet.pen()
        text = break_lines(cell.text, cell.right - cell.left, pen.length)[0] if cell.text else ()
        if text and (run := typeset(text, pen)).box[2] - run.box[0] <= cell.right - cell.left + pen.size / 4:
            placed.append((cell, run))
    if not placed:
        return top
    baseline = math.ceil(top - min(run.box[1] for _, run in placed))
    bottoms = []
    for cell, run in placed:
        free = cell.right - cell.left - run.width
        x = cell.left + max(0.0, free) * {"left": 0.0, "centre": 0.5, "right": 1.0}[cell.align]
        bottoms.append(sheet.put(run, x, baseline)[3])
    return max(bottoms)


class Column:
    """Text that flows down between a left and a right edge.

    Args:
        sheet: The page.
        left: Edge.
        right: Edge.
        top: All ink is below it.
        bottom: All ink is above it; what does not fit is left out.
        pitch: Distance of baselines in em; more where the ink needs it.
    """

    def __init__(
        self, sheet: Sheet, left: float, right: float, top: float, bottom: float, *, pitch: float = 1.6
    ) -> None:
        self.sheet = sheet
        self.left, self.right, self.bottom = left, right, bottom
        self.y = top
        """All that is written so far is above it."""
        self._pitch = pitch
        self._baseline = -math.inf

    @property
    def width(self) -> float:
        """From edge to edge."""
        return self.right - self.left

    @property
    def room(self) -> float:
        """What is left below."""
        return self.bottom - self.y

    def skip(self, ems: float) -> None:
        """Leave white."""
        self.y += ems * self.sheet.em
        self._baseline = -math.inf

    def lines(
        self,
        text: Text,
        pen: Pen | None = None,
        *,
        align: Align = "left",
        indent: float = 0.0,
        justified: bool = False,
        most: int | None = None,
    ) -> list[Box]:
        """Write a text in as many lines as it takes, `indent` pixels before the first; returns their boxes."""
        pen = pen or self.sheet.pen()
        broken = break_lines(text, self.width, pen.length, indent=indent)
        boxes: list[Box] = []
        for number, line in enumerate(broken[:most]):
            start = indent if not number else 0.0
            is_last = number == len(broken) - 1
            box = self._line(line, pen, align, start, justified=justified and not is_last)
            if box is None:
                break
            boxes.append(box)
        return boxes

    def _line(self, line: Text, pen: Pen, align: Align, indent: float, *, justified: bool) -> Box | None:
        run = typeset(line, pen)
        free = self.width - indent - run.width
        spaces = sum(piece.spaced for piece in line[1:])
        if justified and spaces and 0 < free <= spaces * MAX_STRETCH * pen.size:
            run = typeset(line, pen, stretch=free / spaces)
            free = 0.0
        baseline = max(self._baseline + self._pitch * pen.size, self.y + GAP * pen.size - run.box[1])
        if baseline + run.box[3] > self.bottom or free < -0.5 * pen.size:
            return None
        x = self.left + indent + max(0.0, free) * {"left": 0.0, "centre": 0.5, "right": 1.0}[align]
        box = self.sheet.put(run, x, baseline)
        self._baseline, self.y = baseline, box[3]
        return box
