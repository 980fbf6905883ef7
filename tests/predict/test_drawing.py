from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thaiocr.errors import UsageError
from thaiocr.predict.drawing import MAX_SIDE, draw_page, find_thai_font
from thaiocr.predict.page import TextLine
from thaiocr.synth.fonts import find_fonts

LINE = TextLine("ที่นี่ปู่", 0.9, ((40, 50), (240, 50), (240, 90), (40, 90)), 0.9)


def test_the_page_has_its_polygons_and_the_texts_stand_beside_it() -> None:
    page = np.full((200, 300, 3), (250, 200, 150), np.uint8)
    drawn = np.asarray(draw_page(page, [LINE], find_thai_font()))
    assert drawn.shape == (200, 600, 3)
    assert drawn[199, 0].tolist() == [150, 200, 250]  # the page is BGR, the picture RGB
    assert drawn[50, 100].tolist() == [0xD0, 0x20, 0x20]
    text = drawn[52:88, 342:538]
    assert (text.max(axis=2) < 60).any()
    assert (drawn[100:, 300:] == 255).all()


def test_nothing_and_everything_can_be_drawn() -> None:
    font = find_thai_font()
    assert draw_page(np.full((1, 1, 3), 255, np.uint8), [], font).size == (2, 1)
    wide = draw_page(np.full((50, 20_000, 3), 255, np.uint8), [LINE], font)
    assert wide.size == (2 * MAX_SIDE, 10)
    flat = TextLine("", 0.0, ((5, 5), (5, 5), (5, 5), (5, 5)), 0.0)
    draw_page(np.full((20, 20, 3), 255, np.uint8), [flat], font)


def test_a_font_without_thai_or_no_font_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        find_thai_font(tmp_path / "none.ttf")
    latin = [font for font in find_fonts() if font.family == "Noto Sans" or font.family == "DejaVu Sans"]
    if not latin:
        pytest.skip("no font without Thai on this machine")
    with pytest.raises(UsageError, match="does not draw Thai"):
        find_thai_font(latin[0].path)
