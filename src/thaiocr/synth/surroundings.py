"""What a crop shows of the things round its text: pieces of the neighbouring letters and lines, rules of a form.

All is drawn into the white between the text and the edge of the crop, cut off by that edge, and never touches the ink.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Final

import cv2
import numpy as np

from thaiocr.synth.render import Frame, Page, Picture, draw_ink
from thaiocr.text.thai import is_thai

THAI: Final = "กขคงจดตทนบปพฟมยรลวสหอธภถผศ"
LATIN: Final = "abdehmnoprstuvxzEHNRS"
GAP: Final = 0.05
"""White that stays between the ink and what intrudes, in em."""
MOST: Final = {"beside": 0.22, "above": 0.13}
"""The widest piece of a neighbour, in em; more of it could be read."""


def intrude(picture: Picture, page: Page, frame: Frame, rng: random.Random) -> Picture:
    """Let one or two things reach into a crop, as far as its margins have room for them.

    Args:
        picture: The crop [H, W] that `frame` shows of the page; not changed.
        page: Where it was cut out.
        frame: Of the crop.
        rng: Decides what, and how far.
    """
    picture = picture.copy()
    letters = THAI if is_thai(page.text) else LATIN
    for name in rng.sample(sorted(INTRUDERS), rng.choice((1, 1, 2))):
        INTRUDERS[name](picture, page, frame, rng, letters)
    return picture


def _left(picture: Picture, page: Page, frame: Frame, rng: random.Random, letters: str) -> None:
    room = frame.ink[0] - frame.left
    if visible := _visible(room, page.em, "beside", rng):
        ink, top = _draw(page, rng.choice(letters))
        _put(picture, ink[:, -visible:], 0, page.baseline - frame.top + top)


def _right(picture: Picture, page: Page, frame: Frame, rng: random.Random, letters: str) -> None:
    room = frame.right - frame.ink[0] - frame.ink[2]
    if visible := _visible(room, page.em, "beside", rng):
        ink, top = _draw(page, rng.choice(letters))
        _put(picture, ink[:, :visible], picture.shape[1] - visible, page.baseline - frame.top + top)


def _above(picture: Picture, page: Page, frame: Frame, rng: random.Random, letters: str) -> None:
    room = frame.ink[1] - frame.top
    if visible := _visible(room, page.em, "above", rng):
        ink, _ = _draw(page, "".join(rng.choices(letters, k=5)))
        _put(picture, ink[-visible:], -rng.randrange(max(1, ink.shape[1] // 2)), 0)


def _below(picture: Picture, page: Page, frame: Frame, rng: random.Random, letters: str) -> None:
    room = frame.bottom - frame.ink[1] - frame.ink[3]
    if visible := _visible(room, page.em, "above", rng):
        ink, _ = _draw(page, "".join(rng.choices(letters, k=5)))
        _put(picture, ink[:visible], -rng.randrange(max(1, ink.shape[1] // 2)), picture.shape[0] - visible)


def _rule(picture: Picture, page: Page, frame: Frame, rng: random.Random, letters: str) -> None:  # noqa: ARG001
    """Draw a line of a table or form, from edge to edge."""
    x, y, width, height = frame.ink
    gap, thick = round(GAP * page.em), max(1, round(rng.uniform(0.01, 0.04) * page.em))
    turned, start, first, last = rng.choice(
        (
            (picture, 0, 0, y - frame.top - gap),
            (picture, 0, y + height - frame.top + gap, picture.shape[0]),
            (picture.T, 0, 0, x - frame.left - gap),
            (picture.T, 0, x + width - frame.left + gap, picture.shape[1]),
        )
    )
    if last - first > thick:
        at = rng.randrange(first, last - thick)
        turned[at : at + thick, start:] = 255 - rng.randrange(120, 256)


INTRUDERS: Final[Mapping[str, Callable[[Picture, Page, Frame, random.Random, str], None]]] = {
    "above": _above,
    "below": _below,
    "left": _left,
    "right": _right,
    "rule": _rule,
}


def _visible(room: int, em: float, where: str, rng: random.Random) -> int:
    """Return how many pixels of a neighbour show, 0 for none."""
    return max(0, round(min(rng.uniform(0.02, MOST[where]) * em, room - GAP * em)))


def _draw(page: Page, text: str) -> tuple[Picture, int]:
    """Draw a neighbour in the size of the page's text, which may have been scaled."""
    ink, top = draw_ink(page.font, text)
    scale = page.em / page.font.size
    if scale == 1 or not ink.size:
        return ink, top
    size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
    return np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), round(top * scale)


def _put(picture: Picture, ink: Picture, left: int, top: int) -> None:
    """Draw ink on a picture; what lies outside is cut off."""
    height, width = picture.shape
    ink = ink[max(0, -top) : height - top, max(0, -left) : width - left]
    row, column = max(0, top), max(0, left)
    part = picture[row : row + ink.shape[0], column : column + ink.shape[1]]
    np.minimum(part, 255 - ink[: part.shape[0], : part.shape[1]], out=part)
