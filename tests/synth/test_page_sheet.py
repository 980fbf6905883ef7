from __future__ import annotations

import itertools
import random

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from thaiocr.synth import page_text
from thaiocr.synth.families import CheckedFont
from thaiocr.synth.page_designs import TRAIN
from thaiocr.synth.page_designs_unseen import TEST, VAL
from thaiocr.synth.page_sheet import INK_FROM, Box, Cell, Column, Pen, Sheet, typeset, write_row
from thaiocr.synth.page_text import Piece
from thaiocr.text.dictionary import Dictionary

TALL = (Piece("ฐิ์"), Piece("กี้"), Piece("ปู่"), Piece("น้ำ"), Piece("ฎุ", True))
DESIGNS = {**TRAIN, **VAL, **TEST}


@pytest.fixture
def sheet(pen_fonts: tuple[CheckedFont, ...], spelling: Dictionary) -> Sheet:
    return Sheet(
        pixels_HW3=np.full((1100, 800, 3), 255, np.uint8),
        words=page_text.load(spelling),
        fonts=pen_fonts,
        heading_fonts=pen_fonts,
        em=20,
        rng=random.Random(4),
    )


def ink_of(sheet: Sheet) -> NDArray[np.bool_]:
    """Where the page is dark, at the limit from which boxes count ink."""
    return np.asarray(sheet.pixels_HW3.max(axis=2) < 255 - INK_FROM + 2)


def overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def test_a_box_touches_the_ink_on_all_sides_with_its_marks(sheet: Sheet) -> None:
    box = sheet.put(typeset(TALL, sheet.pen(2)), 50, 100)
    x, y, width, height = cv2.boundingRect(ink_of(sheet).astype(np.uint8))
    assert np.allclose(box, (x, y, x + width, y + height), atol=1)
    (line,) = sheet.lines
    assert line.text == "ฐิ์กี้ปู่น้ำ ฎุ"
    assert [word.text for word in line.words] == [piece.text for piece in TALL]
    for word in line.words:
        left, top, right, bottom = (round(value) for value in word.box)
        inside = ink_of(sheet)[top:bottom, left:right]
        assert inside[0].any() or inside[1].any()
        assert inside[-1].any() or inside[-2].any()


def test_no_two_lines_of_a_narrow_pitch_touch(sheet: Sheet) -> None:
    column = Column(sheet, 50, 300, 30, 1000, pitch=0.5)
    boxes = column.lines([*TALL * 12])
    assert len(boxes) > 3
    assert all(upper[3] < lower[1] for upper, lower in itertools.pairwise(boxes))
    assert boxes[0][1] >= 30


def test_what_does_not_fit_below_is_left_out(sheet: Sheet) -> None:
    column = Column(sheet, 50, 300, 30, 100)
    boxes = column.lines([*TALL * 50])
    assert 0 < len(boxes) < 4
    assert len(sheet.lines) == len(boxes)
    assert max(box[3] for box in boxes) <= 100


def test_justified_lines_end_at_the_right_edge(sheet: Sheet) -> None:
    text = [Piece("ปลา", spaced=True)] * 60
    boxes = Column(sheet, 50, 411, 30, 1000).lines(text, justified=True)
    assert max(box[2] for box in boxes[:-1]) - min(box[2] for box in boxes[:-1]) <= 2
    assert boxes[-1][2] < boxes[0][2]


def test_cells_of_a_row_share_a_baseline_and_keep_to_their_edges(sheet: Sheet) -> None:
    cells = [Cell([Piece("ปู่")], 50, 200), Cell([Piece("ผาม")], 200, 300, "right"), Cell([Piece("ม" * 40)], 300, 350)]
    bottom = write_row(sheet, cells, 40)
    assert [line.text for line in sheet.lines] == ["ปู่", "ผาม"]
    first, second = (line.box for line in sheet.lines)
    assert first[1] >= 40
    assert bottom == max(first[3], second[3])
    assert 0 <= 300 - second[2] <= 4


def test_a_second_font_draws_what_the_first_lacks(pen_fonts: tuple[CheckedFont, ...]) -> None:
    thai, other = pen_fonts
    assert "A" not in thai.drawn
    pen = Pen(fonts=pen_fonts, size=30)
    assert pen.draws("A")
    assert not pen.prefers("A")
    assert pen.font("A").getname()[0] == other.file.family
    assert not pen.draws("中")


@pytest.mark.parametrize("design", DESIGNS)
def test_no_design_lets_lines_overlap_or_leave_the_page(sheet: Sheet, design: str) -> None:
    size = {"portrait": (1100, 800), "landscape": (560, 900), "slip": (900, 420), "card": (600, 700)}
    for seed in range(4):
        sheet.pixels_HW3 = np.full((*size[DESIGNS[design].paper], 3), 255, np.uint8)
        sheet.rng, sheet.lines, sheet.unread = random.Random(seed), [], []
        DESIGNS[design].fill(sheet)
        boxes = [line.box for line in sheet.lines]
        assert boxes
        for index, box in enumerate(boxes):
            assert box[0] >= 0
            assert box[1] >= 0
            assert box[2] <= sheet.width
            assert box[3] <= sheet.height
            assert not [other for other in boxes[:index] if overlap(box, other) > 0], (design, seed, box)
            assert all(overlap(box, unread) == 0 for unread in sheet.unread), (design, seed, box)
        assert all(line.words and line.text for line in sheet.lines)
