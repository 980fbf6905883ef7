"""A PDF that shows pages as they are and lets their text be searched and copied: an invisible layer over the picture.

The text is written in a font without visible glyphs, one em for each UTF-16 code unit, which is its character code
too; a ToUnicode map says so to whoever extracts it. So any text comes out as it was read, whatever fonts a machine has:
the way of Tesseract and OCRmyPDF. `glyphless.ttf` has .notdef and one glyph of no area; a test builds it again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from thaiocr.data.images import Pixels
from thaiocr.errors import EnvironmentProblem
from thaiocr.predict.documents import POINTS_PER_INCH
from thaiocr.predict.page import TextLine
from thaiocr.predict.rectify import is_tall

FONT: Final = Path(__file__).with_name("glyphless.ttf")
CODES: Final = 1 << 16
GLYPH: Final = 1
"""Of every code."""
LONGEST: Final = 14_400
"""Points of a page's side: the most that readers take."""
LARGEST: Final = 30_000
"""Pixels of a picture's side, so many points at 150 dpi; JPEG has room for twice as many."""
QUALITY: Final = 85
"""Of JPEG."""


class SearchablePdf:
    """A document that grows by pages.

    Args:
        dpi: Resolution of the pages.

    Raises:
        EnvironmentProblem: pypdfium2 is not installed.
    """

    def __init__(self, *, dpi: int) -> None:
        try:
            import pypdfium2
        except ImportError as error:
            raise EnvironmentProblem("PDF files need the package pypdfium2; run: pip install pypdfium2") from error
        self._pdfium = pypdfium2
        self._scale = POINTS_PER_INCH / dpi
        self._document = pypdfium2.PdfDocument.new()
        self._font = self._load_font()

    def _load_font(self) -> Any:
        content, glyphs = FONT.read_bytes(), np.full(CODES, GLYPH, ">u2").tobytes()
        return self._pdfium.raw.FPDFText_LoadCidType2Font(
            self._document, _octets(content), len(content), _to_unicode(), _octets(glyphs), len(glyphs)
        )

    def add(self, image_HWC: Pixels, lines: Sequence[TextLine]) -> None:
        """Add a BGR page [H, W, 3] with its lines in reading order."""
        height, width = image_HWC.shape[:2]
        scale = min(self._scale, LONGEST / max(width, height))
        page = self._document.new_page(width * scale, height * scale)
        image = self._pdfium.PdfImage.new(self._document)
        image.load_jpeg(BytesIO(_jpeg(image_HWC)), inline=True)
        image.set_matrix(self._pdfium.PdfMatrix().scale(width * scale, height * scale))
        page.insert_obj(image)
        for line in lines:
            corners_42 = np.array(line.polygon, np.float64)
            self._write(page, line.text, np.stack([corners_42[:, 0], height - corners_42[:, 1]], axis=1) * scale)
        page.gen_content()
        page.close()

    def _write(self, page: Any, text: str, corners_42: NDArray[np.float64]) -> None:
        """Fill a quadrangle with a text; corners in points from the page's lower left one."""
        raw = self._pdfium.raw
        units = np.frombuffer(text.encode("utf-16-le", "ignore"), "<u2").tolist()
        upper_left, _, lower_right, lower_left = np.roll(corners_42, -1, axis=0) if is_tall(corners_42) else corners_42
        along_2, up_2 = lower_right - lower_left, upper_left - lower_left
        if not units or not along_2.any() or not up_2.any():
            return
        written = raw.FPDFPageObj_CreateTextObj(self._document, self._font, 1.0)
        raw.FPDFText_SetCharcodes(written, (ctypes.c_uint32 * len(units))(*units), len(units))
        raw.FPDFTextObj_SetTextRenderMode(written, raw.FPDF_TEXTRENDERMODE_INVISIBLE)
        matrix = raw.FS_MATRIX(*along_2 / len(units), *up_2, *lower_left)
        raw.FPDFPageObj_SetMatrix(written, matrix)
        raw.FPDFPage_InsertObject(page, written)

    def save(self, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be written.
        """
        content = BytesIO()
        self._document.save(content)
        path.write_bytes(content.getvalue())

    def close(self) -> None:
        """Give the memory back."""
        self._pdfium.raw.FPDFFont_Close(self._font)
        self._document.close()


def _octets(content: bytes) -> Any:
    return (ctypes.c_uint8 * len(content)).from_buffer_copy(content)


def _to_unicode() -> bytes:
    """Return the map of every code to itself: a range for each high byte, and 100 ranges a block, as PDF wants it."""
    rows = [f"<{high:02X}00> <{high:02X}FF> <{high:02X}00>" for high in range(CODES >> 8)]
    blocks = [rows[first : first + 100] for first in range(0, len(rows), 100)]
    ranges = [line for block in blocks for line in (f"{len(block)} beginbfrange", *block, "endbfrange")]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            "<0000> <FFFF>",
            "endcodespacerange",
            *ranges,
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        ]
    ).encode()


def _jpeg(image_HWC: Pixels) -> bytes:
    height, width = image_HWC.shape[:2]
    shrink = min(1.0, LARGEST / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small_HWC = cv2.resize(image_HWC, size, interpolation=cv2.INTER_AREA) if shrink < 1 else image_HWC
    encoded, content = cv2.imencode(".jpg", small_HWC, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert encoded
    return content.tobytes()
