"""What is exported here is read by PaddleOCR's own clients, offline, as it is read here.

The clients' environment: python -m venv clients && clients/bin/pip install paddlepaddle==3.3.1 paddleocr==3.7.0, then
THAIOCR_CLIENTS_PYTHON=clients/bin/python pytest tests/clients
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import line_models
import numpy as np
import pytest
import tiny
import tiny_pages

from thaiocr.cli.main import main
from thaiocr.config.dump import to_yaml
from thaiocr.data.images import Pixels, read_image
from thaiocr.predict.boxes import Polygon
from thaiocr.predict.bundle import open_bundle
from thaiocr.predict.detector import Detector
from thaiocr.predict.page import read_crops, read_polygons
from thaiocr.predict.reader import Reader
from thaiocr.text.dictionary import Dictionary, find_dictionary

pytestmark = pytest.mark.slow

SIDE: Final = 128
"""Longer side from which a page is shrunk."""
SCALES: Final = (1.0, 2.0, 0.8)
"""Of pages that are 128 high."""
DICTIONARY: Final = "thai_letters/th_codepoints.txt"
ENTRIES: Final = 20
"""Of a line; with spaces between them it fills the input."""
INPUT: Final = (line_models.HEIGHT, line_models.WIDTH)
Client: TypeAlias = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def images(trained: tiny.Trained, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of val, some of them much wider than what the network was trained with, or higher."""
    folder = tmp_path_factory.mktemp("images")
    paths = []
    for number, source in enumerate(sorted((trained.data / "val").iterdir())[:16]):
        picture = read_image(source)
        stretched: Pixels = (
            np.concatenate([picture] * (1 + number % 3), axis=1) if number % 4 else picture.repeat(2, axis=0)
        )
        path = folder / f"{number:02}.png"
        cv2.imwrite(str(path), stretched)
        paths.append(path)
    return paths


def read_here(bundle: Path, images: list[Path], engine: str) -> list[tuple[str, float]]:
    """Read one by one: what shares a batch with an image changes its padding. Clients do not calibrate scores."""
    reader = Reader(bundle, engine=engine, threads=1)
    reader.bundle = replace(reader.bundle, temperature=1.0)
    return [(found.text, found.score) for path in images for found in read_crops([read_image(path)], reader)]


@pytest.mark.parametrize("engine", ["paddle", "onnxruntime"])
def test_text_recognition_reads_a_bundle_as_we_do(
    bundle: Path, images: list[Path], client: Client, engine: str
) -> None:
    found = client("text_recognition.py", "paddleocr", [bundle, engine, *images])
    expected = read_here(bundle, images, "onnx" if engine == "onnxruntime" else "paddle")
    assert [each["text"] for each in found] == [text for text, _ in expected]
    assert any(text for text, _ in expected)
    assert [each["score"] for each in found] == pytest.approx([score for _, score in expected], abs=1e-3)


def test_rapidocr_reads_a_bundle_as_we_do(bundle: Path, images: list[Path], client: Client) -> None:
    shape = json.dumps(list(Reader(bundle, threads=1).bundle.preprocess.image_shape))
    found = client("rapid.py", "rapidocr", [bundle, shape, *images])
    expected = read_here(bundle, images, "onnx")
    assert [each["text"] for each in found] == [text for text, _ in expected]
    assert [each["score"] for each in found] == pytest.approx([score for _, score in expected], abs=1e-3)


@pytest.fixture(scope="module")
def line_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of lines with the dictionary of code points and the space."""
    folder = tmp_path_factory.mktemp("lines") / "bundle"
    line_models.write_bundle(folder, Dictionary.load(find_dictionary(DICTIONARY)))
    return folder


@pytest.fixture(scope="module")
def lines(line_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[str]]:
    """Pictures in which each class is shown, the space between all of them, and what they say."""
    folder = tmp_path_factory.mktemp("line_images")
    codec = open_bundle(line_bundle).codec
    space = codec.num_classes - 1
    paths, texts = [], []
    for number, first in enumerate(range(1, space, ENTRIES)):
        entries = range(first, min(first + ENTRIES, space))
        shown = [each for entry in entries for each in (entry, space)][:-1]
        paths.append(folder / f"{number:02}.png")
        cv2.imwrite(str(paths[-1]), line_models.draw(shown))
        texts.append(codec.decode(shown))
    return paths, texts


@pytest.mark.parametrize("reader", ["paddle", "onnxruntime", "rapidocr"])
def test_each_class_of_a_line_bundle_and_the_space_are_read_by_clients_and_here(
    line_bundle: Path, lines: tuple[list[Path], list[str]], client: Client, reader: str
) -> None:
    paths, texts = lines
    here = Reader(line_bundle, engine="paddle" if reader == "paddle" else "onnx", threads=1)
    assert [found.text for found in here.read_files((path.name, path) for path in paths)] == texts
    if reader == "rapidocr":
        found = client("rapid.py", "rapidocr", [line_bundle, json.dumps([3, *INPUT]), *paths])
    else:
        found = client("text_recognition.py", "paddleocr", [line_bundle, reader, *paths])
    assert [each["text"] for each in found] == texts


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported detector that finds bars."""
    folder = tmp_path_factory.mktemp("bars")
    resize = f"Eval.dataset.transforms.2={{DetResizeForTest: {{limit_side_len: {SIDE}, limit_type: max}}}}"
    config = tiny_pages.config(tiny_pages.write_pages(folder, pages=16), folder / "run", *tiny_pages.LEARNS, resize)
    tiny_pages.fit(config)
    (folder / "det.yml").write_text(to_yaml(config), "utf-8")
    assert main(["export", "-c", str(folder / "det.yml"), "-o", str(folder / "det")]) == 0
    return folder / "det"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = [folder / f"{number}.png" for number in range(len(SCALES))]
    for number, path in enumerate(paths):
        pixels = tiny_pages.page(2000 + number)[0]
        # 128, 256 and 102 rows high.
        cv2.imwrite(str(path), cv2.resize(pixels, None, fx=SCALES[number], fy=SCALES[number]))
    return paths


@pytest.mark.parametrize("engine", ["paddle", "onnxruntime"])
def test_text_detection_finds_what_we_find(detector: Path, pages: list[Path], client: Client, engine: str) -> None:
    """Nothing is said about sizes: a page larger than the limit is shrunk, one that is smaller is not enlarged."""
    here = Detector(detector, engine="onnx" if engine == "onnxruntime" else "paddle")
    answers = client("text_detection.py", "paddleocr", [detector, engine, *pages])
    assert sum(bool(found["polygons"]) for found in answers) >= 2
    for page, found in zip(pages, answers, strict=True):
        polygons = here.detect(read_image(page))
        # PaddleOCR's training code, which we follow, and its clients round halves of a pixel in different ways.
        assert found["polygons"] == [pytest.approx(polygon.points_K2, abs=1) for polygon in polygons]
        assert found["scores"] == pytest.approx([polygon.score for polygon in polygons], abs=1e-3)


def test_the_whole_pipeline_finds_and_reads_with_our_models(
    detector: Path, pages: list[Path], client: Client, tmp_path: Path
) -> None:
    """What the recogniser reads does not depend on what else is in a batch, nor on a pixel more or less of a crop."""
    recogniser = tmp_path / "rec"
    line_models.write_bundle(recogniser, Dictionary.load(find_dictionary(DICTIONARY)), step=48)
    answers = client("pipeline.py", "paddleocr", [detector, recogniser, SIDE, *pages])
    here, reader = Detector(detector, engine="paddle"), Reader(recogniser, engine="paddle", threads=1)
    texts = 0
    for page, found in zip(pages, answers, strict=True):
        pixels = read_image(page)
        polygons = [pytest.approx(polygon.points_K2, abs=1) for polygon in here.detect(pixels)]
        for points, text in zip(found["polygons"], found["texts"], strict=True):
            assert points in polygons
            (line,) = read_polygons(pixels, [Polygon(np.array(points, np.int32), 1.0)], reader)
            assert text == line.text
            texts += bool(text)
    assert texts >= 4
