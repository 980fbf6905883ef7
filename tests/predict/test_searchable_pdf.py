"""Searchable PDF files, read back with PDFium's own extraction of text."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st

from thaiocr.predict.page import TextLine
from thaiocr.predict.searchable_pdf import FONT, LARGEST, SearchablePdf

TEXTS = (
    "น้ำ ที่นี่ A1",
    "กั้นพื้นที่ ครั้งที่ ๑๒",
    "ฤๅษี ฦๅ ฯลฯ ๆ",
    "€ – “ไทย” 漢 😀",
    "ก็ เเ แ กํา กำ่",
)


def line(text: str, left: int, top: int, right: int, bottom: int) -> TextLine:
    return TextLine(text, 1.0, ((left, top), (right, top), (right, bottom), (left, bottom)), 1.0)


def document(path: Path, pages: Sequence[Sequence[TextLine]], *, dpi: int = 144) -> pypdfium2.PdfDocument:
    pdf = SearchablePdf(dpi=dpi)
    for lines in pages:
        pixels = np.full((600, 800, 3), 255, np.uint8)
        pixels[100:200, 200:400] = (200, 0, 0)
        pdf.add(pixels, lines)
    pdf.save(path)
    pdf.close()
    return pypdfium2.PdfDocument(path.read_bytes())


def text_of(page: pypdfium2.PdfPage) -> list[str]:
    found: str = page.get_textpage().get_text_range()
    return found.splitlines()


def test_what_was_read_comes_out_line_by_line(tmp_path: Path) -> None:
    pages = [
        [line(text, 50, 40 + 90 * row, 700, 90 + 90 * row) for row, text in enumerate(TEXTS)],
        [],
        [line("หน้าสาม", 50, 50, 300, 90), line("", 50, 100, 300, 140)],
    ]
    found = document(tmp_path / "a.pdf", pages)
    assert [text_of(page) for page in found] == [list(TEXTS), [], ["หน้าสาม"]]


@settings(max_examples=10)
@given(st.lists(st.text([chr(code) for code in (*range(0x20, 0x7F), *range(0xE01, 0xE3B), *range(0xE3F, 0xE5C))])))
def test_any_thai_comes_out_but_for_runs_of_spaces(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """A hyphen at the end of a line is taken for a divided word by PDFium."""
    texts = [text.replace("-", " ").strip() for text in texts[:8]]
    lines = [line(text, 50, 10 + 70 * row, 750, 50 + 70 * row) for row, text in enumerate(texts)]
    (page,) = document(tmp_path_factory.getbasetemp() / "any.pdf", [lines])
    assert text_of(page) == [re.sub(" +", " ", text) for text in texts if text]


def test_columns_come_out_in_reading_order(tmp_path: Path) -> None:
    lines = [line(f"{column}{row}", 40 + 400 * column, 40 + 60 * row, 360 + 400 * column, 80 + 60 * row)
             for column in (0, 1) for row in range(3)]  # fmt: skip
    (page,) = document(tmp_path / "a.pdf", [lines])
    assert " ".join(text_of(page)).split() == ["00", "01", "02", "10", "11", "12"]


@pytest.mark.parametrize(
    ("corners", "first", "last"),
    [
        # Where the first and the last of four letters stand, in points of a page 400 x 300 seen at 144 dpi.
        (((100, 100), (500, 100), (500, 200), (100, 200)), (50, 200, 100, 250), (200, 200, 250, 250)),
        (((100, 100), (180, 100), (180, 500), (100, 500)), (50, 200, 90, 250), (50, 50, 90, 100)),
    ],
)
def test_letters_stand_where_they_were_read(
    tmp_path: Path,
    corners: tuple[tuple[int, int], ...],
    first: tuple[float, ...],
    last: tuple[float, ...],
) -> None:
    """The second quadrangle is tall: its text runs down the page."""
    (page,) = document(tmp_path / "a.pdf", [[TextLine("กขคง", 1.0, corners, 1.0)]])
    assert page.get_size() == (400, 300)
    text = page.get_textpage()
    assert text.get_charbox(0) == pytest.approx(first, abs=1)
    assert text.get_charbox(3) == pytest.approx(last, abs=1)
    assert text.get_text_bounded(0, 0, 400, 300) == "กขคง"


def test_the_page_looks_as_it_did(tmp_path: Path) -> None:
    """The text is invisible."""
    lines = [line("กขค", 0, 0, 800, 600)]
    (page,) = document(tmp_path / "a.pdf", [lines])
    seen = page.render(scale=2).to_numpy()[:, :, :3].astype(int)
    assert seen.shape == (600, 800, 3)
    assert np.abs(seen[110:190, 210:390] - (200, 0, 0)).max() < 12
    assert seen[250:, :].min() > 243


def test_lines_without_area_are_left_out(tmp_path: Path) -> None:
    lines = [line("ก", 5, 5, 5, 50), line("ข", 5, 5, 50, 5), line("ค", 50, 50, 90, 90)]
    (page,) = document(tmp_path / "a.pdf", [lines])
    assert text_of(page) == ["ค"]


def test_a_page_longer_than_pdf_allows_is_shrunk(tmp_path: Path) -> None:
    pdf = SearchablePdf(dpi=72)
    pdf.add(np.zeros((8, LARGEST + 10_000, 3), np.uint8), [line("ก", 0, 0, 8, 8)])
    pdf.save(tmp_path / "a.pdf")
    (page,) = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    assert page.get_width() == pytest.approx(14_400)
    assert text_of(page) == ["ก"]


def test_the_font_has_nothing_but_one_glyph_without_area() -> None:
    found, made = TTFont(FONT), TTFont(io.BytesIO(glyphless()))
    assert found.keys() == made.keys()
    assert found.getGlyphOrder() == [".notdef", "space"]
    assert found["hmtx"].metrics == {".notdef": (1000, 0), "space": (1000, 0)}
    assert found["head"].unitsPerEm == found["hhea"].ascent == 1000
    assert list(found["glyf"]["space"].coordinates) == [(0, 0), (1000, 1000)]
    assert found["glyf"][".notdef"].numberOfContours == 0


def glyphless() -> bytes:
    """Build `glyphless.ttf`."""
    pen = TTGlyphPen(None)
    nothing = pen.glyph()
    pen.moveTo((0, 0))
    pen.lineTo((1000, 1000))  # so that its box, which marked text shows, is a whole em
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "space"])
    builder.setupCharacterMap({0x20: "space"})
    builder.setupGlyf({".notdef": nothing, "space": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "space": (1000, 0)})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": "Glyphless", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=1000, usWinAscent=1000, usWinDescent=0)
    builder.setupPost(keepGlyphNames=False)
    builder.font["head"].created = builder.font["head"].modified = 0
    content = io.BytesIO()
    builder.save(content)
    return content.getvalue()
