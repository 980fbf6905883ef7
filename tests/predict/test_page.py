from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import page_models
import pytest
from numpy.typing import NDArray

from thaiocr.data.images import Pixels
from thaiocr.predict.boxes import Polygon
from thaiocr.predict.detector import Detector
from thaiocr.predict.page import PageReader, TextLine, read_crops, read_polygons
from thaiocr.predict.reader import Reader

SCALE = 6
"""A stripe of the recogniser is 4 columns of 8 rows; on the pages here it is so many times larger."""
TEXTS = {"กกี่": (1, 0, 2), "น้ำAก": (3, 0, 4, 0, 1), "A": (4,), "กี่น้ำกี่น้ำ": (2, 0, 3, 0, 2, 0, 3)}
Page = Callable[[Sequence[tuple[str, int, int]]], Pixels]


@pytest.fixture
def reader(bundle: Path) -> Reader:
    return Reader(bundle, threads=2)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(page_models.write_detector(tmp_path_factory.mktemp("det")))


@pytest.fixture
def page(draw: Callable[..., Pixels]) -> Page:
    """Draw texts of TEXTS at (left, top) on a white page."""

    def make(places: Sequence[tuple[str, int, int]]) -> Pixels:
        pixels = np.full((700, 1000, 3), 255, np.uint8)
        for text, left, top in places:
            line = np.kron(draw(*TEXTS[text]), np.ones((SCALE, SCALE, 1), np.uint8))
            pixels[top : top + line.shape[0], left : left + line.shape[1]] = line
        return pixels

    return make


def texts(lines: Sequence[TextLine]) -> list[str]:
    return [line.text for line in lines]


def box(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def test_a_page_is_found_ordered_and_read(detector: Detector, reader: Reader, page: Page) -> None:
    places = [("กกี่", 50, 40), ("น้ำAก", 600, 40), ("A", 50, 200), ("กี่น้ำกี่น้ำ", 600, 210), ("กกี่", 100, 400)]
    lines = PageReader(detector, reader).read(page(places))
    assert texts(lines) == [text for text, _, _ in places]
    for line, (text, left, top) in zip(lines, places, strict=True):
        right, bottom = left + 4 * SCALE * len(TEXTS[text]), top + 8 * SCALE
        assert np.allclose(line.polygon, box(left, top, right, bottom), atol=2)
        assert line.score > 0.9
        assert line.polygon_score > 0.9


def test_a_turned_page_is_read_alike(detector: Detector, reader: Reader, page: Page) -> None:
    turn = cv2.getRotationMatrix2D((500, 350), 5, 1)
    flat = page([("น้ำAก", 300, 200), ("กี่น้ำกี่น้ำ", 300, 300), ("กกี่", 300, 400)])
    turned = cv2.warpAffine(flat, turn, (1000, 700), borderValue=(255, 255, 255))
    lines = PageReader(detector, reader).read(np.asarray(turned, np.uint8))
    assert texts(lines) == ["น้ำAก", "กี่น้ำกี่น้ำ", "กกี่"]


def test_text_that_runs_up_is_turned_before_it_is_read(detector: Detector, reader: Reader, page: Page) -> None:
    flat = page([("กี่น้ำกี่น้ำ", 100, 100)])
    lines = PageReader(detector, reader).read(np.ascontiguousarray(np.rot90(flat, k=-1)))
    assert texts(lines) == ["กี่น้ำกี่น้ำ"]


def test_a_page_without_text_says_nothing(detector: Detector, reader: Reader, page: Page) -> None:
    assert PageReader(detector, reader).read(page([])) == ()
    assert PageReader(detector, reader).read(np.zeros((0, 0, 3), np.uint8)) == ()


def test_a_page_of_one_pixel_has_a_result(detector: Detector, reader: Reader) -> None:
    """It is filled up with black, which this detector takes for text: what is read lies on the pixel all the same."""
    for line in PageReader(detector, reader).read(np.full((1, 1, 3), 255, np.uint8)):
        assert np.max(line.polygon) <= 1


def test_a_line_longer_than_in_training_is_not_squeezed(reader: Reader, draw: Callable[..., Pixels]) -> None:
    """The bundle's input has room for 10 stripes."""
    assert reader.bundle.preprocess.image_shape[2] == 40
    short, long = draw(4), draw(*[1, 0, 2, 0] * 20)
    assert [found.text for found in read_crops([long, short], reader)] == ["กกี่" * 20, "A"]


def test_what_stands_in_a_batch_with_a_line_does_not_change_it(reader: Reader, draw: Callable[..., Pixels]) -> None:
    crops = [draw(*[1, 0] * count) for count in range(1, 40)]
    together = read_crops(crops, reader)
    assert [found.text for found in together] == ["ก" * count for count in range(1, 40)]
    assert read_crops([], reader) == []


def test_bad_polygons_are_left_out_and_the_others_are_read(reader: Reader, page: Page) -> None:
    good = box(50, 40, 50 + 12 * SCALE, 40 + 8 * SCALE)
    bad = [
        np.full((4, 2), math.nan),
        box(2000, 10, 2100, 40),
        box(-100, -100, -10, -10),
        box(30, 30, 30, 30),
        box(30, 30, 300, 30),
        np.array([(0, 0), (math.inf, 0), (5, 5), (0, 5)]),
        np.zeros((0, 2)),
    ]
    crossing = good[[0, 2, 1, 3]]
    polygons = [*(Polygon(each, 0.5) for each in bad), Polygon(good, 0.9), Polygon(crossing, 0.8)]  # type: ignore[arg-type]  # corners may be floats here
    lines = read_polygons(page([("กกี่", 50, 40)]), polygons, reader)
    assert texts(lines) == ["กกี่", "กกี่"]
    assert {line.polygon_score for line in lines} == {0.9, 0.8}


@pytest.mark.slow
def test_ten_thousand_polygons_are_read(reader: Reader, page: Page) -> None:
    pixels = page([("A", 8 * column, 8 * 6 * row) for row in range(5) for column in range(0, 20, 4)])
    polygons = [
        Polygon(box(10 * column, 7 * row, 10 * column + 9, 7 * row + 6).astype(np.int32), 1.0)
        for row in range(100)
        for column in range(100)
    ]
    lines = read_polygons(pixels, polygons, reader)
    assert len(lines) == 10_000
    assert [line.polygon for line in lines] == [tuple(map(tuple, each.points_K2.tolist())) for each in polygons]


def test_every_page_of_a_document_is_read_and_a_bad_file_is_an_error_in_its_place(
    detector: Detector, reader: Reader, page: Page, tmp_path: Path
) -> None:
    from PIL import Image

    first, second = (Image.fromarray(page([(text, 50, 40)])) for text in ("กกี่", "A"))
    first.save(tmp_path / "two.tif", save_all=True, append_images=[second])
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 no")
    both = PageReader(detector, reader)
    readings = [reading for reading, _ in both.read_file(tmp_path / "two.tif", "two.tif")]
    assert [(each.page, each.pages, each.width, each.height) for each in readings] == [
        (1, 2, 1000, 700),
        (2, 2, 1000, 700),
    ]
    assert [texts(each.lines) for each in readings] == [["กกี่"], ["A"]]
    ((bad, pixels),) = both.read_file(tmp_path / "bad.pdf", "bad.pdf")
    assert bad.error.startswith("bad.pdf: cannot open the PDF file")
    assert bad.lines == ()
    assert pixels.size == 0
