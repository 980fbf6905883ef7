"""Files -> pages: images, TIFF files of several pages, PDF files.

H, W pixels of a page
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from thaiocr.data.images import MAX_PIXELS, BadImage, Pixels, decode, read_file
from thaiocr.data.images import SUFFIXES as IMAGE_SUFFIXES
from thaiocr.errors import DataError, EnvironmentProblem

POINTS_PER_INCH: Final = 72
DPI: Final = 150
"""Of a PDF's pages, unless another resolution is asked for."""
SUFFIXES: Final = IMAGE_SUFFIXES | {".pdf"}
"""What is looked for in folders."""


class DocumentPage(NamedTuple):
    """A page of a file."""

    number: int
    """From 1."""
    pages: int
    """Pages of the file."""
    pixels_HWC: Pixels | DataError
    """BGR [H, W, 3], or why the page cannot be read."""


def open_document(path: Path, name: str, *, dpi: int = DPI) -> Iterator[DocumentPage]:
    """Yield the pages of a file one after the other; a page that is damaged is an error in its place.

    Args:
        path: The file; what it is follows from its content.
        name: What errors call it.
        dpi: Resolution of a PDF's pages; less for a page that would have more than `MAX_PIXELS`.

    Raises:
        BadImage: missing, unreadable, or no file of a kind that is known.
        DataError: a damaged PDF, or one with a password.
        EnvironmentProblem: a PDF, and pypdfium2 is not installed.
    """
    content = read_file(path, name)
    if content.lstrip(b"\0\t\n\r\f ")[:5] == b"%PDF-":
        yield from _pdf(content, name, dpi)
    elif content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        yield from _tiff(content, name)
    else:
        yield DocumentPage(1, 1, decode(content, name))


def _tiff(content: bytes, name: str) -> Iterator[DocumentPage]:
    """Yield the pages of a TIFF file; of a file of one page what is read everywhere else."""
    from PIL import Image

    try:
        opened = Image.open(BytesIO(content), formats=("TIFF",))
        count = getattr(opened, "n_frames", 1)
    except Exception:  # Pillow's errors have no class in common; OpenCV decides, and says what is wrong
        count = 1
    if count == 1:
        yield DocumentPage(1, 1, decode(content, name))
        return
    with opened:
        for number in range(1, count + 1):
            yield DocumentPage(number, count, _tiff_page(opened, number, f"{name}, page {number}"))


def _tiff_page(opened: Any, number: int, name: str) -> Pixels | DataError:
    try:
        opened.seek(number - 1)
        if opened.width * opened.height > MAX_PIXELS:
            return BadImage("huge", f"{name}: the image has too many pixels to be decoded safely; crop or shrink it")
        return np.ascontiguousarray(np.asarray(opened.convert("RGB"))[:, :, ::-1])
    except Exception as error:  # as above
        return BadImage("not_an_image", f"{name}: cannot decode the page ({error})")


def _pdf(content: bytes, name: str, dpi: int) -> Iterator[DocumentPage]:
    try:
        import pypdfium2
    except ImportError as error:
        raise EnvironmentProblem(f"{name}: PDF files need the package pypdfium2; run: pip install pypdfium2") from error
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        hint = "; remove its password" if "password" in str(error).lower() else "; it may be damaged, save it again"
        raise DataError(f"{name}: cannot open the PDF file: {error}{hint}") from error
    try:
        for number in range(1, len(document) + 1):
            try:
                pixels: Pixels | DataError = _pdf_page(document, number, dpi)
            except (pypdfium2.PdfiumError, ValueError) as error:
                pixels = DataError(f"{name}, page {number}: cannot draw the page: {error}")
            yield DocumentPage(number, len(document), pixels)
    finally:
        document.close()


def _pdf_page(document: Any, number: int, dpi: int) -> Pixels:
    page = document[number - 1]
    try:
        width, height = page.get_size()
        scale = min(dpi / POINTS_PER_INCH, math.sqrt(MAX_PIXELS / max(1.0, width * height)))
        return np.ascontiguousarray(page.render(scale=scale).to_numpy()[:, :, :3])
    finally:
        page.close()
