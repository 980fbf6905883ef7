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
import numpy as np
import pytest
import tiny
import tiny_pages

from thaiocr.cli.main import main
from thaiocr.config.dump import to_yaml
from thaiocr.data.images import Pixels, read_image
from thaiocr.predict.boxes import Polygon
from thaiocr.predict.detector import Detector
from thaiocr.predict.page import read_crops
from thaiocr.predict.reader import Reader

pytestmark = pytest.mark.slow

SIDE: Final = 128
"""What the longer side of a page is resized to."""
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
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported detector that finds bars."""
    folder = tmp_path_factory.mktemp("bars")
    resize = "Eval.dataset.transforms.2={DetResizeForTest: {limit_side_len: 128, limit_type: resize_long}}"
    config = tiny_pages.config(tiny_pages.write_pages(folder, pages=16), folder / "run", *tiny_pages.LEARNS, resize)
    tiny_pages.fit(config)
    (folder / "det.yml").write_text(to_yaml(config), "utf-8")
    assert main(["export", "-c", str(folder / "det.yml"), "-o", str(folder / "det")]) == 0
    return folder / "det"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = [folder / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), tiny_pages.page(2000 + number)[0])
    return paths


def find_here(detector: Path, page: Path, engine: str) -> list[Polygon]:
    """Resize as the client is told to: left alone it takes `resize_long` of `inference.yml` for a limit."""
    here = Detector(detector, engine=engine)
    here.preprocess = replace(here.preprocess, resize_long=None, limit_side_len=SIDE, limit_type="resize_long")
    return here.detect(read_image(page))


@pytest.mark.parametrize("engine", ["paddle", "onnxruntime"])
def test_text_detection_finds_what_we_find(detector: Path, pages: list[Path], client: Client, engine: str) -> None:
    here = "onnx" if engine == "onnxruntime" else "paddle"
    answers = client("text_detection.py", "paddleocr", [detector, engine, SIDE, *pages])
    for page, found in zip(pages, answers, strict=True):
        polygons = find_here(detector, page, here)
        assert polygons
        assert found["polygons"] == [polygon.points_K2.tolist() for polygon in polygons]
        assert found["scores"] == pytest.approx([polygon.score for polygon in polygons], abs=1e-3)


def test_the_whole_pipeline_finds_and_reads_with_our_models(
    detector: Path, bundle: Path, pages: list[Path], client: Client
) -> None:
    answers = client("pipeline.py", "paddleocr", [detector, bundle, SIDE, *pages])
    for page, found in zip(pages, answers, strict=True):
        polygons = [polygon.points_K2.tolist() for polygon in find_here(detector, page, "paddle")]
        assert len(found["texts"]) == len(found["polygons"]) > 0
        assert all(polygon in polygons for polygon in found["polygons"])
