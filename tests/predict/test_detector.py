from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import page_models
import pytest
import yaml

from thaiocr.data.detection_images import PagePreprocess
from thaiocr.errors import DataError
from thaiocr.predict.detector import SETTINGS, Detector, read_settings


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(page_models.write_detector(tmp_path_factory.mktemp("det")))


def page(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A white page with black boxes: left, top, right, bottom, the last ones excluded."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    for left, top, right, bottom in boxes:
        pixels[top:bottom, left:right] = 0
    return pixels


def test_boxes_are_found_where_they_are_on_the_page(detector: Detector) -> None:
    """The page is shrunk to 1024 pixels for the network."""
    found = detector.detect(page(1000, 2048, (100, 200, 900, 260), (1400, 700, 1500, 800)))
    corners = sorted((polygon.points_K2[[0, 2]].ravel().tolist() for polygon in found), key=lambda box: box[0])
    assert np.allclose(corners, [(100, 200, 900, 260), (1400, 700, 1500, 800)], atol=4)
    assert all(polygon.score > 0.9 for polygon in found)


@pytest.mark.parametrize("shape", [(1, 500), (300, 1), (0, 0), (0, 10), (31, 33)])
def test_tiny_pages_have_a_defined_result(detector: Detector, shape: tuple[int, int]) -> None:
    assert detector.detect(page(*shape)) == []


def test_a_page_without_text_has_no_polygon(detector: Detector) -> None:
    assert detector.detect(page(600, 800)) == []


def test_a_page_of_20000_pixels_is_shrunk_and_read(detector: Detector) -> None:
    found = detector.detect(page(800, 20_000, (2_000, 200, 12_000, 600)))
    assert len(found) == 1
    assert np.abs(found[0].points_K2[[0, 2]].ravel() - (2_000, 200, 12_000, 600)).max() < 60


def test_settings_are_those_of_paddleocrs_clients(tmp_path: Path) -> None:
    preprocess, postprocess = read_settings(page_models.write_detector(tmp_path, box_thresh=0.7, max_candidates=5))
    assert preprocess == PagePreprocess(
        img_mode="BGR", mean=(0, 0, 0), std=(1, 1, 1), limit_side_len=1024, limit_type="max"
    )
    assert (postprocess.thresh, postprocess.box_thresh, postprocess.max_candidates) == (0.5, 0.7, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "damaged, or not the settings of a model"),
        ("PreProcess: 3", "damaged, or not the settings of a model"),
        ({"PostProcess": {"name": "CTCLabelDecode"}}, "not a detection model.*give it with --rec"),
        ({"PostProcess": {"name": "DBPostProcess", "tresh": 0.1}}, "PostProcess.tresh is not known; did you mean 'thr"),
        ({"PreProcess": {"transform_ops": [{"DetRezise": {}}]}}, "DetRezise is not known"),
        (
            {"PreProcess": {"transform_ops": [{"NormalizeImage": {"scale": 1}}]}},
            "NormalizeImage.scale: expected 1./255",
        ),
    ],
)
def test_settings_of_another_kind_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    text = content if isinstance(content, str) else yaml.safe_dump({**page_models.settings(), **content})
    (tmp_path / SETTINGS).write_text(text, "utf-8")
    with pytest.raises(DataError, match=message):
        read_settings(tmp_path)


def test_a_folder_without_settings_is_no_detection_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no detection model, there is no inference\.yml"):
        Detector(tmp_path)
