"""Pages -> lines of text with polygons: detect, order, rectify, recognise.

H, W pixels of the page  K corners
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from thaiocr.data.images import Pixels, Preprocess, fit, normalize
from thaiocr.errors import DataError
from thaiocr.predict.boxes import Polygon
from thaiocr.predict.decode import Decoded, greedy_decode
from thaiocr.predict.detector import Detector
from thaiocr.predict.documents import DPI, open_document
from thaiocr.predict.order import reading_order
from thaiocr.predict.reader import Reader
from thaiocr.predict.rectify import as_quad, rectify

BATCH: Final = 16
"""Crops of about the same shape that go through the network at once."""
WIDEST: Final = 3200
"""Pixels of a crop as the network sees it, as in PaddleOCR's clients; what is longer is squeezed."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text on a page."""

    text: str
    score: float
    """Of the reading, 0 to 1."""
    polygon: tuple[tuple[int, int], ...]
    """Corners in pixels of the page, from the upper left one clockwise."""
    polygon_score: float
    """Of the polygon, 0 to 1."""


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a page says, or why it could not be read."""

    image: str
    """Name of the file."""
    page: int
    """From 1."""
    pages: int
    """Of the file."""
    width: int = 0
    height: int = 0
    lines: tuple[TextLine, ...] = ()
    """In reading order."""
    error: str = ""


class PageReader:
    """Reads whole pages.

    Args:
        detector: Finds the lines.
        reader: Reads them.
    """

    def __init__(self, detector: Detector, reader: Reader) -> None:
        self.detector = detector
        self.reader = reader

    def read(self, image_HWC: Pixels) -> tuple[TextLine, ...]:
        """Read a BGR page [H, W, 3]."""
        return read_polygons(image_HWC, self.detector.detect(image_HWC), self.reader)

    def read_file(self, path: Path, name: str, *, dpi: int = DPI) -> Iterator[tuple[PageReading, Pixels]]:
        """Yield what every page of a file says, with its pixels; what cannot be read gives an `error` in its place.

        Args:
            path: An image, a TIFF file of several pages, or a PDF file.
            name: What results and errors call it.
            dpi: Resolution of a PDF's pages.

        Raises:
            EnvironmentProblem: a PDF, and pypdfium2 is not installed.
        """
        nothing = np.zeros((0, 0, 3), np.uint8)
        try:
            for number, count, pixels in open_document(path, name, dpi=dpi):
                if isinstance(pixels, DataError):
                    yield PageReading(name, number, count, error=str(pixels)), nothing
                else:
                    height, width = pixels.shape[:2]
                    yield PageReading(name, number, count, width, height, self.read(pixels)), pixels
        except DataError as error:
            yield PageReading(name, 1, 1, error=str(error)), nothing


def read_polygons(image_HWC: Pixels, polygons: Sequence[Polygon], reader: Reader) -> tuple[TextLine, ...]:
    """Read what polygons enclose, in reading order.

    Polygons that do not lie on the page, that enclose no area or have a coordinate that is no number are left out; see
    `rectify.as_quad` for others that are no quadrangles.
    """
    height, width = image_HWC.shape[:2]
    found = [(as_quad(points_K2, width=width, height=height), score) for points_K2, score in polygons]
    kept = [(quad_42, score) for quad_42, score in found if quad_42 is not None]
    ordered = [kept[index] for index in reading_order([quad_42 for quad_42, _ in kept])]
    crops = [rectify(image_HWC, quad_42) for quad_42, _ in ordered]
    return tuple(
        TextLine(text, score, tuple((round(x), round(y)) for x, y in quad_42.tolist()), polygon_score)
        for (quad_42, polygon_score), (text, score) in zip(ordered, read_crops(crops, reader), strict=True)
    )


def read_crops(crops: Sequence[Pixels], reader: Reader) -> list[Decoded]:
    """Read pictures of lines, those of about the same shape together so that little of a batch is filling.

    A batch is as wide as its widest line needs, and no narrower than what the network was trained with.
    """
    order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1] / crops[index].shape[0])
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]

    def read(batch: list[int]) -> list[Decoded]:
        images = [crops[index] for index in batch]
        preprocess = _widened(reader.bundle.preprocess, images[-1])
        fitted = [fit(image_HWC, preprocess) for image_HWC in images]
        x_NChw = normalize(np.stack([pixels for pixels, _ in fitted]), np.array([filled for _, filled in fitted]))
        return greedy_decode(reader.network(x_NChw), reader.codec, temperature=reader.bundle.temperature)

    with ThreadPoolExecutor(reader.threads) as pool:
        decoded = dict(zip(order, chain.from_iterable(pool.map(read, batches)), strict=True))
    return [decoded[index] for index in range(len(crops))]


def _widened(preprocess: Preprocess, widest_HWC: Pixels) -> Preprocess:
    """Return a preprocessing whose input has room for a crop; one that stretches to its width stays as it is."""
    channels, height, width = preprocess.image_shape
    if not preprocess.padding:
        return preprocess
    needed = math.ceil(height * widest_HWC.shape[1] / widest_HWC.shape[0])
    return replace(preprocess, image_shape=(channels, height, max(width, min(needed, WIDEST))))
